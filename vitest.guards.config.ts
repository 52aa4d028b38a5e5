import { defineConfig } from 'vitest/config'
import config from './vitest.config.ts'

// Two halves, one process each.
export default defineConfig({ test: { ...config.test, include: ['test/sandbox/drill/guards/without-*.test.ts'], exclude: [], maxWorkers: 2 } })
