// The state machine that the program declares, stepped through with the real commands of its tasks: a
// PostgreSQL that was backed up to the sandbox is restored, started and judged, and what goes wrong on the
// way counts for nothing.
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { stagePostgres } from '../../lab/postgres/binaries.ts'
import { initializeCluster } from '../../lab/postgres/cluster.ts'
import { findUnprivilegedUser } from '../../lab/postgres/unprivileged-user.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { loadProgram } from '../../lab/sandbox/loader/loader.ts'
import { executionName, runSlowStateMachine } from '../guardrails/state-machine.ts'
import { startStsCloud } from '../lab/sandbox/sts/cloud.ts'
import { makeFolder, runProcess } from '../restore-cli/command-line.ts'
import type { Outcome } from '../restore-cli/command-line.ts'
import { containerOf, isCounted, runTask, sessionOf } from './container-task.ts'
import type { TaskWorld } from './container-task.ts'

const folder = makeFolder()
const at = (...parts: string[]) => join(folder, ...parts)
const folders = {
  '/restore': at('restore'),
  '/answer': at('answer'),
  '/scratch': at('scratch'),
  '/usr/lib/postgresql': at('postgresql'),
}
let world: TaskWorld
let definition: object
/** The answer of the first run, for tests that forge others. */
let goodAnswer: object

beforeAll(async () => {
  chmodSync(folder, 0o711)
  const program = await loadProgram({ layers: ['vault'] })
  world = { ...program, cloud: await startStsCloud(program.declaration) }
  definition = JSON.parse(
    String(
      world.resources.find(({ type }) => type === 'aws:sfn/stateMachine:StateMachine')!.inputs['definition'],
    ),
  ) as object
  const binaries = await stagePostgres(at('staged'))
  await initializeCluster(binaries, at('data'), await findUnprivilegedUser())
  mkdirSync(at('postgresql'))
  symlinkSync(binaries.directory, at('postgresql', readFileSync(at('data', 'PG_VERSION'), 'utf8').trim()))
  await backUp(at('data'))
})
afterAll(() => world.cloud.stop())

beforeEach(() => {
  for (const name of ['restore', 'answer', 'scratch']) {
    rmSync(at(name), { recursive: true, force: true })
    mkdirSync(at(name), { mode: 0o711 })
  }
})

async function backUp(directory: string): Promise<void> {
  const { AccessKeyId, SecretAccessKey, Token } = sessionOf(world, 'holdfast-writer-rental-db')
  const outcome = await runProcess(
    [
      'backup',
      directory,
      '--source',
      'rental-db',
      '--kind',
      'postgres',
      '--bucket',
      exampleConfig.vaultBucket,
      '--cache-dir',
      at('cache'),
    ],
    {
      env: {
        HOME: folder,
        AWS_REGION: exampleConfig.region,
        AWS_ENDPOINT_URL: world.cloud.sandbox.endpoint,
        AWS_ACCESS_KEY_ID: AccessKeyId,
        AWS_SECRET_ACCESS_KEY: SecretAccessKey,
        AWS_SESSION_TOKEN: Token,
      },
    },
  )
  expect(outcome).toMatchObject({ status: 0 })
}

interface Examined {
  outcome: string
  /** In order: the step, and how its container ended. */
  steps: string[]
  isPassed: boolean
  outputs: Outcome[]
}

/** @param meddle what an intruder does after a step, and before the next one */
async function examine(meddle: (step: string) => void = () => undefined): Promise<Examined> {
  const steps: string[] = []
  const outputs: Outcome[] = []
  let counted = ''
  const { outcome } = await runSlowStateMachine(
    definition,
    {},
    async (_, parameters) => {
      const family = /task-definition\/([\w-]+):1$/.exec(parameters['TaskDefinition'] as string)![1]!
      const [{ Environment: environment }] = (
        parameters['Overrides'] as {
          ContainerOverrides: [{ Environment: { Name: string; Value: string }[] }]
        }
      ).ContainerOverrides
      const ended = await runTask(world, family, {
        folders: folders,
        environment: Object.fromEntries(environment.map(({ Name, Value }) => [Name, Value])),
      })
      const step = family.split('-')[2]!
      steps.push(`${step} ${ended.status}`)
      outputs.push(ended)
      if (
        containerOf(world, family).container.logConfiguration.options['awslogs-group'] === '/holdfast/checks'
      )
        counted += ended.stdout
      meddle(step)
      if (ended.status !== 0) throw Object.assign(new Error('the task failed'), { name: 'States.TaskFailed' })
    },
    { nowMs: 0 },
  )
  return { outcome, steps, outputs, isPassed: isCounted(world, 'examination-rental-db', counted) }
}

const remainders = () => ['restore', 'answer', 'scratch'].flatMap((name) => readdirSync(at(name)))

/** Files that an earlier run could have left, the worst of them included. */
function litter(): void {
  mkdirSync(at('outside'))
  writeFileSync(at('outside', 'kept'), 'kept', { mode: 0o400 })
  mkdirSync(at('restore', 'data', 'closed'), { recursive: true })
  writeFileSync(at('restore', 'data', 'closed', 'old'), 'old')
  symlinkSync(at('outside'), at('restore', 'data', 'link'))
  symlinkSync(at('outside', 'kept'), at('answer', 'examination.json'))
  chmodSync(at('restore', 'data', 'closed'), 0)
}

test('what was backed up is restored into emptiness, started and judged, which is counted, and nothing of it is left', async () => {
  litter()
  let restored: string[] = []
  const { outcome, steps, isPassed, outputs } = await examine((step) => {
    if (step === 'restore') restored = readdirSync(at('restore', 'data')).sort()
    if (step === 'examine') expect(readdirSync(at('restore', 'data')).sort()).toEqual(restored)
  })
  expect(steps).toEqual(['empty 0', 'restore 0', 'examine 0', 'check 0', 'empty 0'])
  expect({ outcome, isPassed, left: remainders() }).toEqual({
    outcome: 'succeeded',
    isPassed: true,
    left: [],
  })
  expect(restored).toEqual(readdirSync(at('data')).sort())
  const [judged] = outputs[3]!.records()
  expect(judged).toMatchObject({
    type: 'checked-examination',
    source: 'rental-db',
    run: executionName,
    ok: true,
    postgres: { databases: 2 },
  })
  // The alarm doesn't count the lines of the restore test's own task, even in the same log.
  expect(outputs[2]!.records()).toMatchObject([{ type: 'examination', ok: true }])
  expect(isCounted(world, 'examination-rental-db', outputs[2]!.stdout)).toBe(false)
  expect([
    readFileSync(at('outside', 'kept'), 'utf8'),
    lstatSync(at('outside', 'kept')).mode & 0o777,
  ]).toEqual(['kept', 0o400])

  const { type: _, source: __, ...fields } = judged!
  goodAnswer = { type: 'examination', ...fields }
})

test.each([
  ['its own, which would pass', 0, (answer: object) => JSON.stringify(answer)],
  ['of another kind', 4, (answer: object) => JSON.stringify({ ...answer, kind: 'volume', postgres: null })],
  [
    'the record that would be counted',
    4,
    (answer: object) => JSON.stringify({ ...answer, type: 'checked-examination', source: 'rental-db' }),
  ],
  [
    'one that contradicts itself',
    4,
    (answer: object) => JSON.stringify({ ...answer, findingCount: 1, findings: ['lost'] }),
  ],
  [
    'one that says what was lost',
    4,
    (answer: object) => JSON.stringify({ ...answer, ok: false, findingCount: 1, findings: ['lost'] }),
  ],
  ['nothing', 4, () => ''],
  ['missing', 5, () => undefined],
])('an answer is judged by what it holds: %s', async (_, status, forge) => {
  const text = forge(goodAnswer)
  if (text !== undefined) writeFileSync(at('answer', 'examination.json'), text)
  const judged = await runTask(world, 'holdfast-examination-check-rental-db', {
    folders: folders,
    environment: { HOLDFAST_RUN: executionName },
  })
  expect({
    status: judged.status,
    isPassed: isCounted(world, 'examination-rental-db', judged.stdout),
  }).toEqual({ status, isPassed: status === 0 })
})

test("another run's answer counts for nothing, and ends the run badly", async () => {
  const { outcome, steps, isPassed } = await examine((step) => {
    if (step === 'examine')
      writeFileSync(at('answer', 'examination.json'), JSON.stringify({ ...goodAnswer, run: 'yesterday' }))
  })
  expect(steps).toEqual(['empty 0', 'restore 0', 'examine 0', 'check 4', 'empty 0'])
  expect({ outcome, isPassed, left: remainders() }).toEqual({ outcome: 'failed', isPassed: false, left: [] })
})

test('a snapshot that does not start ends the run badly, is not judged, and nothing of it is left', async () => {
  cpSync(at('data'), at('headless'), { recursive: true })
  rmSync(at('headless', 'global', 'pg_control'))
  await backUp(at('headless'))
  const { outcome, steps, isPassed } = await examine()
  expect(steps).toEqual(['empty 0', 'restore 0', 'examine 4', 'empty 0'])
  expect({ outcome, isPassed, left: remainders() }).toEqual({ outcome: 'failed', isPassed: false, left: [] })
})
