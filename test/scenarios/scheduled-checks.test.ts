// The tasks that the program schedules, run as ECS would run it, and CloudWatch's filter over what it prints.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { loadProgram } from '../../lab/sandbox/loader/loader.ts'
import { startStsCloud } from '../lab/sandbox/sts/cloud.ts'
import { makeFolder, runCommand } from '../restore-cli/command-line.ts'
import { isCounted, runTask, sessionOf } from './container-task.ts'
import type { TaskWorld } from './container-task.ts'

const folder = makeFolder()
const home = makeFolder()
let world: TaskWorld

beforeAll(async () => {
  const program = await loadProgram({ layers: ['vault'] })
  world = { ...program, cloud: await startStsCloud(program.declaration) }
  mkdirSync(join(folder, 'data'))
  for (let index = 0; index < 20; index++)
    writeFileSync(join(folder, 'data', `file-${index}`), `content ${index}`.repeat(500))
  const { AccessKeyId, SecretAccessKey, Token } = sessionOf(world, 'holdfast-writer-rental-db')
  const backup = await runCommand(
    [
      'backup',
      join(folder, 'data'),
      '--source',
      'rental-db',
      '--bucket',
      exampleConfig.vaultBucket,
      '--cache-dir',
      join(home, 'cache'),
    ],
    {
      env: {
        HOME: home,
        AWS_REGION: exampleConfig.region,
        AWS_ENDPOINT_URL: world.cloud.sandbox.endpoint,
        AWS_ACCESS_KEY_ID: AccessKeyId,
        AWS_SECRET_ACCESS_KEY: SecretAccessKey,
        AWS_SESSION_TOKEN: Token,
      },
    },
  )
  expect(backup).toMatchObject({ status: 0 })
}, 120_000)

afterAll(() => world.cloud.stop())

test.each(['verify', 'read'])(
  'the task that is to %s a source ends well with its own role and nothing else, and is counted as passed, by its own alarm alone',
  async (check) => {
    const outcome = await runTask(world, `holdfast-check-${check}-rental-db`)
    expect(outcome).toMatchObject({ status: 0 })
    const filters = [
      'examination-rental-db',
      ...['verify', 'read'].flatMap((kind) =>
        ['rental-db', 'uploads'].map((source) => `check-${kind}-${source}`),
      ),
    ]
    expect(filters.filter((name) => isCounted(world, name, outcome.stdout))).toEqual([
      `check-${check}-rental-db`,
    ])
  },
)

test('the task of a source that was never backed up ends with a status that raises an alarm, and counts for nothing', async () => {
  const outcome = await runTask(world, 'holdfast-check-verify-uploads')
  expect(outcome.status).toBe(5)
  expect(isCounted(world, 'check-verify-uploads', outcome.stdout)).toBe(false)
})
