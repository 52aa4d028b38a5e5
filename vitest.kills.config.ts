import { defineConfig } from 'vitest/config'
import config from './vitest.config.ts'

// A process for each half: most of the time is spent in the processes that are killed.
export default defineConfig({ test: { ...config.test, include: ['test/scenarios/kills/**/*.test.ts'], exclude: [], maxWorkers: 2 } })
