import { defineConfig } from 'vitest/config'
import config from './vitest.config.ts'

// The codecs and the parsers of outside bytes, whose properties are tried as often as HOLDFAST_PROPERTY_RUNS says.
export default defineConfig({
  test: {
    ...config.test,
    include: [
      'test/core/*.test.ts', 'test/engine/{entry-metadata,extended-attributes,restore-staging}.test.ts', 'test/aws/{delay-settings,json-services,ranged-read,server-text,session-service,version-listing}.test.ts',
      'test/restore-cli/{configuration,point-in-time}.test.ts', 'test/restore-cli/render/terminal-text.test.ts', 'test/restore-cli/blast-radius/{policy-set,statements,trust-policy}.test.ts',
      'test/credential-search/{aws-key-id,text}.test.ts', 'test/sandbox/xml.test.ts', 'test/sandbox/oidc/token-check.test.ts', 'test/sandbox/signature/chunks.test.ts',
    ],
    setupFiles: ['test/fixtures/property-setup.ts'],
    testTimeout: 300_000,
    maxWorkers: 2,
  },
})
