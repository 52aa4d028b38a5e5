// Sixty days of daily backups, under a custodian that deletes each version as soon as its lock permits.
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PathSelection } from '../../core/tree/path-selection.ts'
import { ChunkReader } from '../../core/restore-plan/chunk-reader.ts'
import { planRestore, requestsOf } from '../../core/restore-plan/restore-plan.ts'
import { chunksOfFrame, decodeFrame } from '../../core/pack/pack.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import { listSnapshots, loadSnapshot } from '../../core/snapshot/snapshot.ts'
import { contentOf, describeDirectory } from '../fixtures/directory-description.ts'
import { randomBytes, seededRandom } from '../fixtures/manual-clock.ts'
import type { MemoryStore } from '../fixtures/memory-store.ts'
import { ProtectedSource } from '../fixtures/protected-source.ts'

const days = 60
const promiseDays = 30

function deleteExpired(store: MemoryStore): number {
  const lockedVersions = store.versions.filter(
    ({ lock, lastModifiedMs }) => lock !== null && lastModifiedMs + lock.days * dayMs > store.nowMs,
  )
  const deleted = store.versions.length - lockedVersions.length
  store.versions = lockedVersions
  return deleted
}

/**
 * The content of every file of a snapshot by its path, read through the plan of a restore, without writing
 * it.
 */
async function readContent(source: ProtectedSource, id: string): Promise<Record<string, string>> {
  const { store } = source
  const ref = [...(await listSnapshots(store, source.source))].find((candidate) => candidate.id === id)
  const { manifest } = await loadSnapshot(store, ref!)
  const reader = await ChunkReader.open(store, manifest)
  const plan = await planRestore(reader, new PathSelection())
  const { files, directories } = plan
  expect([plan.lostParts, [...files.damage]]).toEqual([[], []])
  const bodies = Array.from({ length: files.length }, (_, file) => Buffer.alloc(files.sizeOf(file)))
  for (const { pack, frames } of requestsOf(reader, plan)) {
    for (const { frame, chunks } of frames) {
      const stored = await store.getRange(manifest.packs[pack]!, frame.offset, frame.storedBytes)
      const decoded = new Map(
        [...chunksOfFrame(reader.footers[pack]!, frame, decodeFrame(frame, stored, 'it'), 'it')].map(
          ({ index, bytes }) => [index, bytes],
        ),
      )
      for (const { chunk, extents: writes } of chunks)
        for (const { file, offset } of writes) decoded.get(chunk)!.copy(bodies[file]!, offset)
    }
  }
  const entries = bodies.map((body, file): [string, string] => [
    files.pathOf(file).toString('latin1'),
    createHash('sha256').update(body).digest('hex'),
  ])
  const folders = Array.from({ length: directories.length }, (_, directory): [string, string] => [
    directories.pathOf(directory).toString() || '.',
    'directory',
  ])
  return Object.fromEntries([...folders, ...entries])
}

function change(source: ProtectedSource, day: number, random: () => number): void {
  const path = (name: string): string => join(source.directory, name)
  appendFileSync(path('log'), `day ${day}\n`)
  writeFileSync(path(`daily/${day % 7}`), randomBytes(2000, day))
  if (random() < 0.3) writeFileSync(path(`extra-${day}`), `extra of day ${day}`)
  if (random() < 0.2) rmSync(path(`extra-${Math.floor(random() * day)}`), { force: true })
}

test('each snapshot of the last thirty days restores on each of sixty days, though all that has expired is gone', async () => {
  const source = new ProtectedSource()
  const { store } = source
  const random = seededRandom(20)
  mkdirSync(join(source.directory, 'daily'))
  writeFileSync(join(source.directory, 'constant'), randomBytes(20_000, 1_000))
  writeFileSync(join(source.directory, 'log'), '')
  const expectedStates: { id: string; day: number; content: Record<string, string> }[] = []
  const generations = new Map<string, number>()
  let deleted = 0
  let constantUploads = 0
  for (let day = 0; day < days; day++) {
    change(source, day, random)
    // Not at the same hour each day: near the end of a generation minutes count.
    store.nowMs = Date.UTC(2026, 3, 1) + day * dayMs + Math.floor(random() * 20 * 3_600_000)
    source.clock.time = store.nowMs
    const { snapshot, bytesNew } = await source.backup({ promiseDays })
    const content = contentOf(describeDirectory(source.directory))
    expectedStates.push({ id: snapshot!.id, day, content })
    if (bytesNew >= 20_000) constantUploads++
    const { manifest } = await source.snapshot(snapshot!.id)
    generations.set(manifest.generation, (generations.get(manifest.generation) ?? 0) + 1)
    // Everything is locked for as long as was promised at its commit.
    for (const pack of manifest.packs) {
      const version = store.versions.find(({ versionId }) => versionId === pack.versionId)!
      expect(version.lastModifiedMs + version.lock!.days * dayMs).toBeGreaterThanOrEqual(
        store.nowMs - 1000 + promiseDays * dayMs,
      )
    }
    deleted += deleteExpired(store)
    for (const expectedState of expectedStates.filter((state) => state.day > day - promiseDays))
      expect(await readContent(source, expectedState.id), `day ${expectedState.day}, on day ${day}`).toEqual(
        expectedState.content,
      )
  }
  // Thirty days later still, with the source silent: the last day's snapshot is there, and what it needs.
  store.nowMs += promiseDays * dayMs - 1000
  deleteExpired(store)
  expect(await readContent(source, expectedStates.at(-1)!.id)).toEqual(expectedStates.at(-1)!.content)
  const { target } = await source.restore()
  expect(contentOf(describeDirectory(target))).toEqual(expectedStates.at(-1)!.content)
  // As designed: a generation lasts ten days, within which nothing is uploaded twice; much had expired.
  expect([...generations.values()].every((backups) => backups <= 11)).toBe(true)
  expect(generations.size).toBe(constantUploads)
  expect(constantUploads).toBeGreaterThanOrEqual(6)
  expect(constantUploads).toBeLessThanOrEqual(7)
  expect(deleted).toBeGreaterThan(50)
  // No snapshot needed the expired objects: only snapshots beyond the promise are broken or gone.
  store.nowMs += 20 * dayMs
  deleteExpired(store)
  expect(await listSnapshots(store, 'files')).toHaveLength(0)
})
