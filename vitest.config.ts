import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Gigabytes, minutes, and programs that are not npm's: `npm run test:acceptance`, `test:guards`, `test:store`.
    exclude: ['test/acceptance/**', 'test/foreign/**', 'test/sandbox/drill/guards/without-*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    execArgv: ['--disable-warning=ExperimentalWarning'],
  },
})
