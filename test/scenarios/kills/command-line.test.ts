// The command line, killed in the middle of its talk with a store over HTTP: at requests, between a request and its
// answer, and at what it does to the disk. The same command again ends what was begun.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { contentOf, describeDirectory } from '../../fixtures/directory-description.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { makeFolder, runProcess } from '../../restore-cli/command-line.ts'
import type { Outcome } from '../../restore-cli/command-line.ts'
import { region, startWorld, vaultAccount } from '../../lab/sandbox/world.ts'
import { forEachOfTwo, orderText, planKills, preload, readSteps, reportKills } from './killing.ts'
import type { Kill } from './killing.ts'

const mib = 1024 * 1024
const sandbox = await startWorld()
const home = makeFolder()
const tree = join(home, 'data')
mkdirSync(join(tree, 'deep'), { recursive: true })
writeFileSync(join(tree, 'large'), randomBytes(18 * mib, 1))
for (let index = 0; index < 25; index++)
  writeFileSync(join(tree, 'deep', `small-${index}`), `small file ${index}`)

interface Run {
  source: string
  cacheDirectory: string
  target: string
}

function holdfast(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
  return runProcess([...args, '--bucket', 'locked', '--json'], {
    timeoutMs: 300_000,
    env: {
      HOME: home,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: sandbox.endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      ...env,
    },
  })
}

/** `kill` null: not killed. */
function watched(args: string[], run: Run, log: string, kill: Kill | null): Promise<Outcome> {
  const areas: [string, string][] = [
    [run.cacheDirectory, 'cache'],
    [run.target, 'target'],
    [tree, 'source'],
  ]
  return holdfast(args, { NODE_OPTIONS: `--import=${preload}`, ...orderText({ log, areas, kill }) })
}

/** Most of them around requests; the rest at the disk. */
function planned(steps: string[]): Kill[] {
  const isHttp = (step: string): boolean => step.startsWith('http ')
  return [
    ...planKills(steps.filter(isHttp), 14),
    ...planKills(
      steps.filter((step) => !isHttp(step)),
      12,
    ),
  ]
}

function backupOf({ source, cacheDirectory }: Run): string[] {
  return ['backup', tree, '--source', source, '--cache-dir', cacheDirectory]
}

test('a backup that is killed at its requests is made by the same command again', async () => {
  const runOf = (source: string): Run => ({
    source,
    cacheDirectory: join(home, `cache-${source}`),
    target: '/nowhere',
  })
  const log = join(home, 'backup-steps')
  const clean = await watched(backupOf(runOf('clean')), runOf('clean'), log, null)
  expect(clean).toMatchObject({ status: 0 })
  const uploaded = Number(clean.records().find(({ type }) => type === 'backup')!['bytesUploaded'])
  const steps = readSteps(log)
  const killedAt: string[] = []
  let again = 0
  await forEachOfTwo(planned(steps), async (kill, number) => {
    const run = runOf(`s${number}`)
    const at = `${kill.step} ${kill.at}`
    const { status } = await watched(backupOf(run), run, `${log}-${number}`, kill)
    if (status === null) killedAt.push(...readSteps(`${log}-${number}`))
    const outcome = await holdfast(backupOf(run))
    expect(outcome, at).toMatchObject({ status: 0 })
    const bytes = Number(outcome.records().find(({ type }) => type === 'backup')!['bytesUploaded'])
    expect(bytes, at).toBeLessThanOrEqual(uploaded + 64 * 1024)
    if (bytes < uploaded / 2) again++
    const verified = await holdfast(['verify', '--source', run.source, '--read-data'])
    expect([verified.status, verified.records().at(-1)], at).toMatchObject([
      0,
      { type: 'verify', ok: true, objects: [], files: [] },
    ])
  })
  reportKills('holdfast backup', steps, killedAt, { 'that reused most of what was uploaded': again })
  expect(killedAt.length).toBeGreaterThanOrEqual(20)
  expect(new Set(killedAt.filter((step) => step.startsWith('http ')))).toEqual(
    new Set(['http request', 'http response']),
  )
  expect(again).toBeGreaterThan(0)
  expect(sandbox.defects).toEqual([])
}, 1_200_000)

test('a restore that is killed at its requests is finished by the same command again', async () => {
  const run: Run = { source: 'restored', cacheDirectory: join(home, 'cache'), target: '' }
  expect(await holdfast(backupOf(run))).toMatchObject({ status: 0 })
  const expected = describeDirectory(tree)
  const log = join(home, 'restore-steps')
  const restoreTo = (target: string): string[] => ['restore', '--source', run.source, '--target', target]
  const first = join(home, 'clean')
  expect(await watched(restoreTo(first), { ...run, target: first }, log, null)).toMatchObject({ status: 0 })
  const steps = readSteps(log)
  const killedAt: string[] = []
  await forEachOfTwo(planned(steps), async (kill, number) => {
    const target = join(home, `target-${number}`)
    const at = `${kill.step} ${kill.at}`
    const { status } = await watched(restoreTo(target), { ...run, target }, `${log}-${number}`, kill)
    if (status === null) killedAt.push(...readSteps(`${log}-${number}`))
    const isLeft =
      !existsSync(target) ||
      readdirSync(target).length === 0 ||
      readdirSync(target).some((name) => name.startsWith('.holdfast-restore-'))
    if (isLeft) {
      expect(await holdfast(restoreTo(target)), at).toMatchObject({ status: 0 })
      expect(describeDirectory(target), at).toEqual(expected)
    }
    expect(contentOf(describeDirectory(target)), at).toEqual(contentOf(expected))
    rmSync(target, { recursive: true })
  })
  reportKills('holdfast restore', steps, killedAt, {})
  expect(killedAt.length).toBeGreaterThanOrEqual(20)
  expect(new Set(killedAt.filter((step) => step.startsWith('http ')))).toEqual(
    new Set(['http request', 'http response']),
  )
  expect(sandbox.defects).toEqual([])
}, 1_200_000)
