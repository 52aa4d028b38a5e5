import { globSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

interface Project {
  name: string
  include: string[]
  exclude?: string[]
  testTimeout?: number
  hookTimeout?: number
  maxWorkers?: number
  fileParallelism?: boolean
  isolate?: boolean
  setupFiles?: string[]
  execArgv?: string[]
}

/** Tests that need gigabytes, minutes, or programs that npm doesn't install. CI runs them as projects of their own. */
const special = {
  acceptance: 'test/acceptance/**/*.test.ts',
  engine: 'test/lab/deployment/engine/**/*.test.ts',
  faults: 'test/scenarios/faults/**/*.test.ts',
  guards: 'test/lab/incident/guards/without-*.test.ts',
  kills: 'test/scenarios/kills/**/*.test.ts',
  memory: 'test/scenarios/memory/**/*.test.ts',
  slurm: 'test/foreign/slurm/**/*.test.ts',
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

/**
 * Whole worlds, step by step, and every byte or every request of an operation: each file takes longer than most rooms'
 * unit tests. CI runs them beside the unit tests.
 */
const scenarios = [
  'test/checks/monitoring/alerts.test.ts',
  'test/checks/{checks/behaviour,drill/drill,notary/notary,restore-test/isolation,restore-test/postgres}.test.ts',
  'test/checks/source-state.test.ts',
  'test/conformance/sandbox.test.ts',
  'test/core/snapshot/{printed-time,snapshot-choice}.test.ts',
  'test/engine/round-trip.test.ts',
  'test/examples/*.test.ts',
  'test/infra/components/*.test.ts',
  'test/infra/native-backups.test.ts',
  'test/engine/backup/{backup-interruption,backup-pass,backup-retention,backup-with-cache,cache-directory,command-output,vault-identity}.test.ts',
  'test/engine/restore/restore-{damage,interruption,shards}.test.ts',
  'test/infra/{account-reads,layers,main,policy-sizes,recording,production-elsewhere,regions,replacement-guard,scheduled-checks,toolkit}.test.ts',
  'test/lab/baselines/*.test.ts',
  'test/lab/bench/{dataset,measured-process,measurement}.test.ts',
  'test/lab/bench/cost/*.test.ts',
  'test/lab/incident/{drill,sabotage,guards/deployers-shell,steps/go-live,steps/nights}.test.ts',
  'test/lab/proof/{catalogue-rows,proof}.test.ts',
  'test/lab/sandbox/s3/listing.test.ts',
  'test/lab/sandbox/{main,playground,authorization/random-policies,loader/loader}.test.ts',
  'test/lab/simulation/simulation.test.ts',
  'test/lab/weeks/weeks.test.ts',
  'test/mutants/vitest-session.test.ts',
  'test/package.test.ts',
  'test/restore-cli/commands.test.ts',
  'test/restore-cli/{verbosity,wal-push-main}.test.ts',
  'test/restore-cli/commands/{browse,verify,watch}.test.ts',
  'test/restore-cli/page/in-browser.test.ts',
  'test/scenarios/*.test.ts',
]

// The suite for a user's own store needs HOLDFAST_TEST_ENDPOINT.
const needsEndpoint =
  process.env['HOLDFAST_TEST_ENDPOINT'] === undefined ? ['test/conformance/endpoint.test.ts'] : []

const testsThat = (pattern: RegExp): string[] =>
  globSync('test/**/*.test.ts', { cwd: import.meta.dirname }).filter((file) =>
    pattern.test(readFileSync(join(import.meta.dirname, file), 'utf8')),
  )

/** Tests that replace modules, and need modules of their own for it. */
const isolated = testsThat(/vi\.mock\(/)
/** Tests that run the program of `pulumi up`, which takes seconds for each layer. */
scenarios.push(...testsThat(/lab\/sandbox\/loader\/loader\.ts|infra\/(?:main|recording)\.ts/))

/** For tests that share the processor with other lanes of CI. */
const patient = { testTimeout: 300_000, hookTimeout: 300_000 }

const execArgv = ['--disable-warning=ExperimentalWarning']

const projects: Project[] = [
  {
    name: 'unit',
    include: ['test/**/*.test.ts'],
    exclude: [...Object.values(special), ...scenarios, ...isolated, ...needsEndpoint],
    // Files share the modules of their worker: loading them anew for each file took half of the time.
    isolate: false,
  },
  { name: 'isolated', include: isolated },
  { name: 'scenarios', include: scenarios, ...patient },
  // One operation of the engine at a time, because each has processes of its own.
  { name: 'engine', include: [special.engine], maxWorkers: 2, ...patient },
  { name: 'acceptance', include: [special.acceptance], ...patient },
  { name: 'faults', include: [special.faults], maxWorkers: 2, ...patient },
  // One file at a time, because these tests measure memory.
  { name: 'memory', include: [special.memory], fileParallelism: false, ...patient },
  // Large heaps from the start, because the garbage collector takes a tenth of the time otherwise.
  {
    name: 'guards',
    include: [special.guards],
    maxWorkers: 2,
    execArgv: [
      ...execArgv,
      '--initial-heap-size=512',
      '--min-semi-space-size=32',
      '--max-semi-space-size=64',
    ],
    ...patient,
  },
  { name: 'kills', include: [special.kills], maxWorkers: 2, ...patient },
  {
    name: 'properties',
    include: properties,
    setupFiles: ['test/fixtures/property-setup.ts'],
    testTimeout: 300_000,
    maxWorkers: 2,
  },
  { name: 'slurm', include: [special.slurm], maxWorkers: 1, ...patient },
  { name: 'store', include: [special.store], testTimeout: 180_000, maxWorkers: 2 },
]

// Workers, and the processes that tests start, compile each module once.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/node-compile')

export default defineConfig({
  // The examples import the package by its name, as their readers do.
  resolve: {
    alias: {
      'holdfast/pulumi/policies': join(import.meta.dirname, 'infra/policies.ts'),
      'holdfast/pulumi': join(import.meta.dirname, 'infra/pulumi.ts'),
    },
  },
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Vitest leaves one core to itself, and many tests wait for processes: on two cores that is half of the time.
    maxWorkers: availableParallelism() + 1,
    execArgv,
    globalSetup: 'test/fixtures/run-folder.ts',
    projects: projects.map((project) => ({ extends: true as const, test: project })),
  },
})
