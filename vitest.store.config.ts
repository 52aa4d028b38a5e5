import { defineConfig } from 'vitest/config'
import config from './vitest.config.ts'

export default defineConfig({ test: { ...config.test, include: ['test/foreign/store/**/*.test.ts'], exclude: [], testTimeout: 180_000, maxWorkers: 2 } })
