import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Gigabytes, minutes, and programs that are not npm's: `npm run test:acceptance`, `test:guards`, `test:store`, `test:kills`, `test:faults`.
    exclude: [
      'test/acceptance/**', 'test/foreign/**', 'test/sandbox/drill/guards/without-*.test.ts', 'test/scenarios/kills/**', 'test/scenarios/faults/**',
      // A store of somebody's own: run where one is given.
      ...(process.env['HOLDFAST_TEST_ENDPOINT'] === undefined ? ['test/conformance/endpoint.test.ts'] : []),
    ],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    execArgv: ['--disable-warning=ExperimentalWarning'],
  },
})
