import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../../../core/errors.ts'
import { maxCommitMs, dayMs } from '../../../core/snapshot/retention.ts'
import { listSnapshots } from '../../../core/snapshot/snapshot.ts'
import { codeOf, expectEqual, write } from '../../fixtures/backup-steps.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import type { MemoryStore } from '../../fixtures/memory-store.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { parseManifestKey } from '../../../core/store/vault-keys.ts'

describe('retention', () => {
  const options = { promiseDays: 30 }

  /** The guarantee of the design: every pack is locked as long as the snapshot must stay restorable. */
  async function expectRetentionKept(source: ProtectedSource): Promise<void> {
    const { manifest, timeMs } = await source.snapshot()
    for (const pack of manifest.packs) {
      const version = source.store.versions.find(({ versionId }) => versionId === pack.versionId)!
      expect(version.lastModifiedMs + version.lock!.days * dayMs).toBeGreaterThanOrEqual(timeMs + 30 * dayMs)
    }
  }

  test('a pack is used again until its lock no longer covers the promise; then its chunks go into the next generation', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    await source.backup(options)
    source.store.nowMs += 10 * dayMs - maxCommitMs - 1000
    expect(await source.backup(options)).toMatchObject({ packsUploaded: 0 })
    await expectRetentionKept(source)
    source.store.nowMs += 1000
    const late = await source.backup(options)
    expect(late).toMatchObject({ bytesNew: 1, packsUploaded: 3 })
    const { manifest } = await source.snapshot()
    expect(manifest.generation).toBe('20260410T230000Z-compliance-40d')
    expect(manifest.packs.every(({ key }) => key.includes(manifest.generation))).toBe(true)
    await expectRetentionKept(source)
    await expectEqual(source)
  })

  test.each<[string, number, (store: MemoryStore) => void]>([
    [
      'a pack whose time runs out while the backup runs is not used: that is decided before the commit',
      9.5 * dayMs,
      (store) => {
        // Nothing is uploaded but the manifest: only asking tells the time.
        const lockDefault = store.lockDefault.bind(store)
        let requests = 0
        store.lockDefault = () => {
          if (++requests === 2) store.nowMs += dayMs
          return lockDefault()
        }
      },
    ],
    [
      'a commit that takes long names nothing that keeps the promise only from when it was decided',
      10 * dayMs - 60_000,
      (store) => {
        // The manifest is there half an hour after it was decided.
        store.beforePut = (key) => void (store.nowMs += parseManifestKey(key) !== null ? 1_800_000 : 0)
      },
    ],
  ])('%s', async (_, ageMs, passTime) => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    await source.backup(options)
    source.store.nowMs += ageMs
    passTime(source.store)
    // No snapshot was committed first and found to be short then.
    expect(await source.backup(options)).toMatchObject({ packsUploaded: 3, shortSnapshots: [] })
    await expectRetentionKept(source)
    await expectEqual(source)
  })

  test('a commit at which the host sleeps for days is made again, and the result names the first one', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    await source.backup(options)
    source.store.nowMs += dayMs
    let sleeps = 0
    source.store.beforePut = (key) => {
      if (parseManifestKey(key) !== null && sleeps++ === 0) source.store.nowMs += 15 * dayMs
    }
    const result = await source.backup(options)
    const [, short, last] = await listSnapshots(source.store, 'files')
    expect(result).toMatchObject({ snapshot: { id: last!.id }, parentId: short!.id, packsUploaded: 3 })
    expect(result.shortSnapshots).toMatchObject([{ id: short!.id }])
    const { lockedUntilMs, timeMs } = result.shortSnapshots[0]!
    expect((lockedUntilMs - timeMs!) / dayMs).toBeCloseTo(24, 1)
    await expectRetentionKept(source)
    await expectEqual(source)
    source.store.nowMs += 60_000
    expect(await source.backup(options)).toMatchObject({ shortSnapshots: [], packsUploaded: 0 })
  })

  test('a commit at which the host sleeps is named also if its reply is lost, because the vault may hold it', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    await source.backup(options)
    source.store.nowMs += dayMs
    let commits = 0
    source.store.beforePut = (key) => {
      if (parseManifestKey(key) !== null && ++commits === 1) source.store.nowMs += 15 * dayMs
    }
    source.store.afterPut = (key) => {
      if (parseManifestKey(key) !== null && commits === 1)
        throw new HoldfastError('unreachable', 'no reply came', { retryable: true })
    }
    const { shortSnapshots, snapshot } = await source.backup(options)
    const [, lost, short, last] = await listSnapshots(source.store, 'files')
    expect(snapshot!.id).toBe(last!.id)
    const [{ lockedUntilMs }] = shortSnapshots as [(typeof shortSnapshots)[0]]
    expect(shortSnapshots).toEqual([
      { id: lost!.id, timeMs: null, lockedUntilMs },
      { id: short!.id, timeMs: short!.timeMs, lockedUntilMs },
    ])
    await expectRetentionKept(source)
  })

  test('a host that sleeps at each commit ends in an error, never in a short guarantee', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    source.store.beforePut = (key) =>
      void (source.store.nowMs += parseManifestKey(key) !== null ? 15 * dayMs : 0)
    await expect(source.backup(options)).rejects.toMatchObject({ code: 'vault-unsafe' })
  })

  test('a pack of the same run whose time runs out, because the run takes so long, is uploaded again', async () => {
    const source = new ProtectedSource()
    for (let index = 0; index < 4; index++) write(source, `f${index}`, randomBytes(8 * 1024 * 1024, index))
    source.store.beforePut = () =>
      void (source.store.nowMs += source.store.requests.put === 2 ? 10.5 * dayMs : 0)
    expect((await source.backup(options)).packsReferenced).toBeLessThan(source.store.requests.put - 1)
    await expectRetentionKept(source)
    await expectEqual(source)
  })

  test('a lock runs from the beginning of an upload, however late the reply came', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    source.store.afterPut = () => {
      source.store.nowMs += 3_600_000
      source.clock.time += 3_600_000
    }
    await source.backup(options)
    source.store.afterPut = () => undefined
    const firstPack = source.store.versions.find(({ key }) => key.includes('/packs/'))!
    source.store.nowMs = firstPack.lastModifiedMs + 10 * dayMs + 1 - maxCommitMs
    await source.backup(options)
    expect((await source.snapshot()).manifest.packs.map(({ versionId }) => versionId)).not.toContain(
      firstPack.versionId,
    )
    await expectRetentionKept(source)
  })

  test('packs locked in GOVERNANCE are not used again in a vault that is armed since, nor any when the promise grows', async () => {
    const source = new ProtectedSource()
    source.store.retention = { mode: 'GOVERNANCE', days: 40 }
    write(source, 'a', 'a')
    await source.backup(options)
    source.store.retention = { mode: 'COMPLIANCE', days: 40 }
    expect(await source.backup(options)).toMatchObject({ packsUploaded: 3, lock: { mode: 'COMPLIANCE' } })
    expect((await source.snapshot()).manifest.generation).toContain('compliance')
    source.store.nowMs += dayMs - maxCommitMs - 1000
    expect(await source.backup({ promiseDays: 39 })).toMatchObject({ packsUploaded: 0 })
    source.store.nowMs += 1000
    expect(await source.backup({ promiseDays: 39 })).toMatchObject({ packsUploaded: 3 })
  })

  test('a lock that is loosened while the backup runs stops it before the commit', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    source.store.afterPut = () => void (source.store.retention = { mode: 'GOVERNANCE', days: 40 })
    expect(await codeOf(source.backup(options))).toBe('conflict')
    expect(await listSnapshots(source.store, 'files')).toHaveLength(0)
    source.store.afterPut = () => undefined
    expect(await source.backup(options)).toMatchObject({ lock: { mode: 'GOVERNANCE' } })
  })

  test('a bucket without a lock, or with too short a one, is refused before anything is uploaded, unless allowed', async () => {
    for (const retention of [
      null,
      { mode: 'COMPLIANCE', days: 30 },
      { mode: 'COMPLIANCE', days: 7 },
    ] as const) {
      const source = new ProtectedSource()
      source.store.retention = retention
      write(source, 'a', 'a')
      expect(await codeOf(source.backup(options))).toBe('vault-unsafe')
      expect(source.store.versions).toEqual([])
      for (let run = 0; run < 3; run++) {
        expect(await source.backup({ ...retention, allowUnlocked: true })).toMatchObject({
          lock: retention,
          complete: true,
        })
        source.store.nowMs += dayMs
      }
      await expectEqual(source)
    }
  })

  test('the clock of the client changes nothing', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    for (const hours of [-24, 0, 24]) {
      source.clock.time = source.store.nowMs + hours * 3_600_000
      await source.backup(options)
      source.store.nowMs += 3_600_000
      await expectRetentionKept(source)
    }
    expect([...(await listSnapshots(source.store, 'files'))].map(({ id }) => id).sort()).toHaveLength(3)
    await expectEqual(source)
  })
})
