import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

interface Project {
  name: string
  include: string[]
  exclude?: string[]
  testTimeout?: number
  hookTimeout?: number
  maxWorkers?: number
  fileParallelism?: boolean
  setupFiles?: string[]
}

/** Tests that need gigabytes, minutes, or programs that npm doesn't install. CI runs them as projects of their own. */
const special = {
  acceptance: 'test/acceptance/**/*.test.ts',
  faults: 'test/scenarios/faults/**/*.test.ts',
  guards: 'test/lab/incident/guards/without-*.test.ts',
  kills: 'test/scenarios/kills/**/*.test.ts',
  store: 'test/foreign/store/**/*.test.ts',
}

/** Codecs and parsers of outside bytes: fast-check tries their properties HOLDFAST_PROPERTY_RUNS times. */
const properties = [
  'test/core/**/*.test.ts',
  'test/engine/{backup/extended-attributes,restore/entry-metadata,restore/restore-staging}.test.ts',
  'test/aws/{delay-settings,json-services,ranged-read,server-text,session-service,version-listing}.test.ts',
  'test/restore-cli/configuration.test.ts',
  'test/restore-cli/render/terminal-text.test.ts',
  'test/blast-radius/{policy-set,statements,trust-policy}.test.ts',
  'test/blast-radius/search/{rules/aws-key-id,text}.test.ts',
  'test/lab/sandbox/protocol/xml.test.ts',
  'test/lab/sandbox/{oidc/token-check,signature/chunks}.test.ts',
]

/** Whole worlds, step by step: each file takes longer than all unit tests of a room. CI runs them beside the unit tests. */
const scenarios = [
  'test/lab/incident/sabotage.test.ts',
  'test/lab/proof/proof.test.ts',
  'test/lab/simulation/simulation.test.ts',
  'test/scenarios/*.test.ts',
]

// The suite for a user's own store needs HOLDFAST_TEST_ENDPOINT.
const needsEndpoint =
  process.env['HOLDFAST_TEST_ENDPOINT'] === undefined ? ['test/conformance/endpoint.test.ts'] : []

/** For tests that share the processor with other lanes of CI. */
const patient = { testTimeout: 300_000, hookTimeout: 300_000 }

const projects: Project[] = [
  {
    name: 'unit',
    include: ['test/**/*.test.ts'],
    exclude: [...Object.values(special), ...scenarios, ...needsEndpoint],
  },
  { name: 'scenarios', include: scenarios, ...patient },
  { name: 'acceptance', include: [special.acceptance], ...patient },
  // One file at a time, because these tests measure memory.
  { name: 'faults', include: [special.faults], fileParallelism: false, ...patient },
  { name: 'guards', include: [special.guards], maxWorkers: 2, ...patient },
  { name: 'kills', include: [special.kills], maxWorkers: 2, ...patient },
  {
    name: 'properties',
    include: properties,
    setupFiles: ['test/fixtures/property-setup.ts'],
    testTimeout: 300_000,
    maxWorkers: 2,
  },
  { name: 'store', include: [special.store], testTimeout: 180_000, maxWorkers: 2 },
]

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Vitest leaves one core to itself, and many tests wait for processes: on two cores that is half of the time.
    maxWorkers: availableParallelism() + 1,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    projects: projects.map((project) => ({ extends: true as const, test: project })),
  },
})
