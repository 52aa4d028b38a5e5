import { defineConfig } from 'vitest/config'
import config from './vitest.config.ts'

// What takes a minute, another memory or a disk of its own: one file at a time, because memory is measured.
export default defineConfig({ test: { ...config.test, include: ['test/scenarios/faults/**/*.test.ts'], exclude: [], fileParallelism: false } })
