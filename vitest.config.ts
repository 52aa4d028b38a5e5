import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Gigabytes and minutes: `npm run test:acceptance`, `npm run test:guards`.
    exclude: ['test/acceptance/**', 'test/sandbox/drill/guards/without-*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    execArgv: ['--disable-warning=ExperimentalWarning'],
  },
})
