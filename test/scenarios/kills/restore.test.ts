// A restore that is killed at every kind of I/O step it takes: what stands in the target under its own name
// is whole, the next run fetches what is left, ends equal to the source, and leaves nothing of its own
// behind.
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listSnapshots, selectSnapshot } from '../../../core/snapshot/snapshot.ts'
import { backup } from '../../../engine/backup/backup.ts'
import type { RestoreResult } from '../../../engine/operations.ts'
import { prepareRestore } from '../../../engine/restore/restore.ts'
import { contentOf, describeDirectory } from '../../fixtures/directory-description.ts'
import type { Described } from '../../fixtures/directory-description.ts'
import { FolderStore } from '../../fixtures/folder-store.ts'
import { ManualClock, randomBytes } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { startEngine } from '../../fixtures/start-engine.ts'
import { forEachOfTwo, orderText, planKills, preload, readSteps, reportKills } from './killing.ts'
import type { Kill } from './killing.ts'

const kills = 105
const mib = 1024 * 1024

/**
 * Directories that are closed, links of both kinds, holes, a file of several requests, many that share one.
 */
async function makeVault(): Promise<{ source: ProtectedSource; vault: string }> {
  const source = new ProtectedSource()
  const at = (name: string): string => join(source.directory, name)
  for (const name of ['a', 'a/deep', 'b']) mkdirSync(at(name))
  writeFileSync(at('a/large'), randomBytes(6 * mib, 1))
  writeFileSync(at('a/deep/other'), randomBytes(mib, 2))
  for (let index = 0; index < 30; index++) writeFileSync(at(`b/small-${index}`), `small file ${index}`)
  writeFileSync(at('empty'), '')
  writeFileSync(at('sparse'), 'begin')
  truncateSync(at('sparse'), 3 * mib)
  linkSync(at('b/small-7'), at('a/second name'))
  symlinkSync('b/small-1', at('link'))
  chmodSync(at('a/deep'), 0o500)
  chmodSync(source.directory, 0o751)
  for (const name of ['b', 'a', '.']) utimesSync(at(name), 1_700_000_000, 1_700_000_000.25)
  const vault = join(source.root, 'vault')
  await backup({
    store: new FolderStore(vault),
    clock: source.clock,
    random: Math.random,
    source: 'files',
    kind: 'volume',
    directory: source.directory,
    cacheDirectory: source.cacheDirectory,
    promiseDays: 30,
    workers: 2,
    toolVersion: 'test',
  })
  return { source, vault }
}

function startKilled(vault: string, target: string, log: string, kill: Kill | null): Promise<unknown> {
  const task = { operation: 'restore', store: vault, directory: target, cacheDirectory: '' } as const
  return startEngine(task, {
    preload,
    env: orderText({
      log,
      areas: [
        [target, 'target'],
        [vault, 'store'],
      ],
      kill,
    }),
  }).outcome
}

async function goOn(vault: string, target: string): Promise<RestoreResult> {
  const store = new FolderStore(vault)
  const { snapshot } = await selectSnapshot(store, await listSnapshots(store, 'files'), null)
  return (
    await prepareRestore({
      store,
      clock: new ManualClock(),
      random: Math.random,
      snapshot,
      target,
      paths: [],
      workers: 2,
    })
  ).run()
}

function isOwn(name: string): boolean {
  return name.startsWith('.holdfast-restore-')
}

/** Every entry under its own name is what it was, but for the times and modes of directories. */
function expectWhole(target: string, expected: Record<string, Described>, at: string): void {
  const expectedContent = contentOf(expected)
  for (const [name, content] of Object.entries(contentOf(describeDirectory(target)))) {
    if (name !== '.' && !isOwn(name)) expect(content, `${at}: ${name}`).toBe(expectedContent[name])
  }
}

test('a restore that is killed at any step leaves nothing that looks whole and is not; the next one fetches what is left and ends equal', async () => {
  const { source, vault } = await makeVault()
  const expected = describeDirectory(source.directory)
  const log = join(source.root, 'steps')
  const first = join(source.root, 'clean')
  expect(await startKilled(vault, first, log, null)).toMatchObject({ damaged: 0, problems: [] })
  expect(describeDirectory(first)).toEqual(expected)
  const steps = readSteps(log)
  const whole = (await goOn(vault, join(source.root, 'whole'))).bytesFetched
  const killedAt: string[] = []
  const figures = {
    'that had less left to fetch': 0,
    'that had all but metadata': 0,
    'when nothing but the time of the root was left': 0,
  }

  await forEachOfTwo(planKills(steps, kills), async (kill, number) => {
    const target = join(source.root, `kill-${number}`)
    const at = `${kill.step} ${kill.at}`
    const ended = await startKilled(vault, target, `${log}-${number}`, kill)
    if (ended === null) killedAt.push(...readSteps(`${log}-${number}`))
    else expect(ended, at).toMatchObject({ damaged: 0, problems: [] })
    const names = existsSync(target) ? readdirSync(target) : []
    if (names.length > 0) expectWhole(target, expected, at)
    if (names.length > 0 && !names.some(isOwn)) {
      // No record of the restore is there any more: all that may lack is what its last call sets.
      if (ended === null) figures['when nothing but the time of the root was left']++
      const [actual, wantedState] = [describeDirectory(target), expected].map((described) => ({
        ...described,
        '.': { ...described['.'], mtimeUs: null },
      }))
      expect(actual, at).toEqual(wantedState)
    } else {
      const result = await goOn(vault, target).catch((error: unknown) => {
        throw new Error(at, { cause: error })
      })
      expect(result, at).toMatchObject({ damaged: [], problems: [] })
      expect(describeDirectory(target), at).toEqual(expected)
      expect(result.bytesFetched, at).toBeLessThanOrEqual(whole)
      if (result.bytesFetched === 0) figures['that had all but metadata']++
      else if (result.bytesFetched < whole) figures['that had less left to fetch']++
    }
    expect(
      readdirSync(source.root).filter((name) => name.startsWith('.')),
      at,
    ).toEqual([])
    rmSync(target, { recursive: true, force: true })
  })
  reportKills('restore', steps, killedAt, figures)
  expect(killedAt.length).toBeGreaterThanOrEqual(kills * 0.9)
  expect([...new Set(steps)].filter((step) => !killedAt.includes(step))).toEqual([])
  expect(figures['that had less left to fetch']).toBeGreaterThan(0)
  expect(figures['that had all but metadata']).toBeGreaterThan(0)
}, 1_200_000)
