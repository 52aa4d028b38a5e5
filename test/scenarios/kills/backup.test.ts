// A backup that is killed at every kind of I/O step it takes: what was committed before stays whole, a
// manifest is only there with all that it names, and the next run ends where an undisturbed one ends, without
// a second upload.
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listSnapshots, loadSnapshot } from '../../../core/snapshot/snapshot.ts'
import { backup } from '../../../engine/backup/backup.ts'
import { BackupCache } from '../../../engine/backup/backup-cache.ts'
import type { BackupResult } from '../../../engine/operations.ts'
import { verify } from '../../../engine/verify/verify.ts'
import { FolderStore } from '../../fixtures/folder-store.ts'
import { ManualClock, randomBytes } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { startEngine } from '../../fixtures/start-engine.ts'
import { forEachOfTwo, orderText, planKills, preload, readSteps, reportKills } from './killing.ts'
import type { Kill } from './killing.ts'

const kills = 105
const mib = 1024 * 1024

interface RunFolders {
  root: string
  vault: string
  cacheDirectory: string
  log: string
}

function foldersIn(root: string): RunFolders {
  return { root, vault: join(root, 'vault'), cacheDirectory: join(root, 'cache'), log: join(root, 'steps') }
}

/** A source whose first state is backed up in the place that is answered, and which has changed since. */
async function makeChanged(): Promise<{ source: ProtectedSource; base: RunFolders; baseId: string }> {
  const source = new ProtectedSource()
  const base = foldersIn(join(source.root, 'base'))
  const write = (name: string, content: Buffer | string): void =>
    writeFileSync(join(source.directory, name), content)
  for (const name of ['a', 'b']) mkdirSync(join(source.directory, name))
  write('a/large', randomBytes(2 * mib, 1))
  for (let index = 0; index < 20; index++) write(`b/small-${index}`, `small file ${index}`)
  const { snapshot } = await runBackup(source, base)
  write('a/larger', randomBytes(19 * mib, 2))
  write('b/other', randomBytes(3 * mib, 3))
  for (let index = 10; index < 40; index++) write(`b/small-${index}`, `small file ${index}, changed`)
  return { source, base, baseId: snapshot!.id }
}

function runBackup(source: ProtectedSource, place: RunFolders): Promise<BackupResult> {
  return backup({
    store: new FolderStore(place.vault),
    clock: source.clock,
    random: Math.random,
    source: 'files',
    kind: 'volume',
    directory: source.directory,
    cacheDirectory: place.cacheDirectory,
    promiseDays: 30,
    workers: 2,
    toolVersion: 'test',
  })
}

function startKilled(source: ProtectedSource, place: RunFolders, kill: Kill | null): Promise<unknown> {
  const areas: [string, string][] = [
    [place.vault, 'store'],
    [place.cacheDirectory, 'cache'],
    [source.directory, 'source'],
  ]
  const task = {
    operation: 'backup',
    store: place.vault,
    directory: source.directory,
    cacheDirectory: place.cacheDirectory,
  } as const
  return startEngine(task, { preload, env: orderText({ log: place.log, areas, kill }) }).outcome
}

/** The ids of all snapshots; each of them reads back whole. */
async function wholeSnapshots(place: RunFolders): Promise<string[]> {
  const store = new FolderStore(place.vault)
  const refs = await listSnapshots(store, 'files')
  for (const ref of refs) {
    const { objects, files } = await verify({
      store,
      clock: new ManualClock(),
      random: Math.random,
      snapshot: await loadSnapshot(store, ref),
      readData: true,
    })
    expect({ objects, files }).toEqual({ objects: [], files: [] })
  }
  return [...refs].map(({ id }) => id)
}

function rememberedBytes(place: RunFolders): number {
  const cache = BackupCache.open(place.cacheDirectory, 'folder://vault', 'files')
  try {
    return [...cache.packs()].reduce((sum, { bytes }) => sum + bytes, 0)
  } finally {
    cache.close()
  }
}

async function rootOfNewest(place: RunFolders, id: string): Promise<string> {
  const store = new FolderStore(place.vault)
  const ref = [...(await listSnapshots(store, 'files'))].find((snapshot) => snapshot.id === id)!
  return (await loadSnapshot(store, ref)).manifest.tree.root
}

test('a backup that is killed at any step harms no snapshot; the next one converges and uploads nothing twice that was acknowledged', async () => {
  const { source, base, baseId } = await makeChanged()
  const rememberedBefore = rememberedBytes(base)
  const clean = foldersIn(join(source.root, 'clean'))
  cpSync(base.root, clean.root, { recursive: true })
  expect(await startKilled(source, clean, null)).toMatchObject({ complete: true })
  const steps = readSteps(clean.log)
  const [cleanId] = (await wholeSnapshots(clean)).filter((id) => id !== baseId)
  const cleanRoot = await rootOfNewest(clean, cleanId!)
  const cleanBytes = rememberedBytes(clean) - rememberedBefore
  const cacheNames = readdirSync(clean.cacheDirectory).sort()
  const killedAt: string[] = []
  const figures = {
    'after the commit': 0,
    'MiB kept of what was uploaded': 0,
    'MiB uploaded by the next runs': 0,
  }

  await forEachOfTwo(planKills(steps, kills), async (kill, number) => {
    const place = foldersIn(join(source.root, `kill-${number}`))
    cpSync(base.root, place.root, { recursive: true })
    const ended = await startKilled(source, place, kill)
    if (ended === null) killedAt.push(...readSteps(place.log))
    else expect(ended).toMatchObject({ complete: true })
    const snapshots = await wholeSnapshots(place)
    const at = `${kill.step} ${kill.at}`
    expect(snapshots, at).toContain(baseId)
    const growth = rememberedBytes(place) - rememberedBefore
    const result = await runBackup(source, place)
    expect(result, at).toMatchObject({ complete: true, cacheNote: null })
    expect(await wholeSnapshots(place), at).toEqual([...snapshots, result.snapshot!.id])
    expect(await rootOfNewest(place, result.snapshot!.id), at).toBe(cleanRoot)
    // Packs are cut elsewhere, and there is one index more: a few KiB.
    expect(result.bytesUploaded, at).toBeLessThanOrEqual(cleanBytes - growth + 64 * 1024)
    expect(
      readdirSync(place.cacheDirectory).filter((name) => !cacheNames.includes(name)),
      at,
    ).toEqual([])
    if (snapshots.length > 1) figures['after the commit']++
    figures['MiB kept of what was uploaded'] += Math.round(growth / mib)
    figures['MiB uploaded by the next runs'] += Math.round(result.bytesUploaded / mib)
    rmSync(place.root, { recursive: true })
  })
  reportKills('backup', steps, killedAt, figures)
  expect(killedAt.length).toBeGreaterThanOrEqual(kills * 0.9)
  expect([...new Set(steps)].filter((step) => !killedAt.includes(step))).toEqual([])
  expect(figures['MiB kept of what was uploaded']).toBeGreaterThan(0)
}, 1_200_000)
