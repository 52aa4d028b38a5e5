import { describe, expect, test, vi } from 'vitest'
import { HoldfastError } from '../../../core/errors.ts'
import { listSnapshots } from '../../../core/snapshot/snapshot.ts'
import { BackupCache } from '../../../engine/backup/backup-cache.ts'
import { CacheDamaged } from '../../../engine/backup/cache-database.ts'
import { expectEqual, write } from '../../fixtures/backup-steps.ts'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { parseManifestKey, parsePackKey } from '../../../core/store/vault-keys.ts'

describe('an interrupted backup', () => {
  /** Several packs: of data, of the tree, of the index; then the manifest. */
  function fill(source: ProtectedSource, seed: number): void {
    for (let index = 0; index < 6; index++)
      write(source, `noise-${index}`, randomBytes(6 * 1024 * 1024, seed * 10 + index))
    write(source, 'small', `seed ${seed}`)
  }

  test('in any PUT, before or after its effect, leaves the snapshots as they were, and the next run converges', async () => {
    const source = new ProtectedSource()
    write(source, 'first', 'first')
    await source.backup()
    const before = describeDirectory(source.directory)
    const first = await source.snapshot()
    fill(source, 1)
    const failure = new HoldfastError('denied', 'not any more')
    let uploaded = new Set(source.store.versions.map(({ key }) => key.split('-').at(-1)!))
    let attempts = 0
    for (let puts = 1; ; puts++) {
      let count = 0
      const interrupt = (): void => {
        if (++count === puts) throw failure
      }
      source.store.beforePut = puts % 2 === 0 ? interrupt : () => undefined
      source.store.afterPut = puts % 2 === 1 ? interrupt : () => undefined
      attempts++
      const result = await source.backup().catch((error: unknown) => error)
      const names = source.store.versions.map(({ key }) => key)
      expect(await source.verify(true, first), `interrupted in PUT ${puts}`).toMatchObject({
        objects: [],
        files: [],
      })
      if (result !== failure) break
      // A backup doesn't upload acknowledged packs again: only the bytes of the failed PUT may be there
      // twice.
      const hashes = names.filter((key) => parsePackKey(key) !== null).map((key) => key.split('-').at(-1)!)
      expect(hashes.length - new Set(hashes).size).toBeLessThanOrEqual(attempts)
      uploaded = new Set([...uploaded, ...hashes])
    }
    expect(attempts).toBeGreaterThan(3)
    source.store.beforePut = source.store.afterPut = () => undefined
    source.store.nowMs += 60_000
    await source.backup()
    await expectEqual(source)
    const { target } = await source.restore({ snapshot: first })
    expect(describeDirectory(target)).toEqual(before)
  })

  test('by nothing but a slow store waits for every pack before it commits', async () => {
    const source = new ProtectedSource()
    for (let index = 0; index < 8; index++)
      write(source, `noise-${index}`, randomBytes(5 * 1024 * 1024, index))
    const put = source.store.putIfAbsent.bind(source.store)
    const order: string[] = []
    source.store.putIfAbsent = async (key, ...body) => {
      // Turns of the loop, not time: more than all threads need to hand over what they have, and than who
      // looks for attributes.
      if (parsePackKey(key) !== null)
        for (let turn = 0; turn < 20_000; turn++) await new Promise((resolve) => setImmediate(resolve))
      const reply = await put(key, ...body)
      order.push(key.split('/')[2]!)
      return reply
    }
    await source.backup({ workers: 6 })
    expect(order.length).toBeGreaterThan(7)
    expect(order.indexOf('manifests')).toBe(order.length - 1)
    expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
  })

  test('by the signal ends with its reason, without a snapshot, and what it has uploaded is used again', async () => {
    const source = new ProtectedSource()
    fill(source, 2)
    const stop = new AbortController()
    const reason = new HoldfastError('interrupted', 'stopped')
    source.store.afterPut = (key) => {
      if (parsePackKey(key) !== null) stop.abort(reason)
    }
    await expect(source.backup({ signal: stop.signal })).rejects.toBe(reason)
    expect(await listSnapshots(source.store, 'files')).toHaveLength(0)
    const pack = source.store.versions.find(({ key }) => parsePackKey(key) !== null)
    source.store.afterPut = () => undefined
    const result = await source.backup()
    expect(source.store.versions.filter(({ key }) => key.endsWith(pack!.key.slice(-64)))).toHaveLength(1)
    expect(result.bytesNew).toBeLessThan(result.bytes)
    await expectEqual(source)
  })

  test('whose replies were lost uploads again under new keys; the manifest says that both are one snapshot', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    const keys = new Set<string>()
    source.store.afterPut = (key) => {
      const kind = parsePackKey(key) !== null ? key.slice(-64) : key.split('/')[2]!
      if (keys.has(kind)) return
      keys.add(kind)
      throw new HoldfastError('unreachable', 'the reply was lost', { retryable: true })
    }
    const { snapshot } = await source.backup()
    const refs = await listSnapshots(source.store, 'files')
    expect(refs).toHaveLength(2)
    const [lost] = [...refs].filter(({ id }) => id !== snapshot!.id)
    expect((await source.snapshot(snapshot!.id)).manifest.supersedes).toEqual([lost!.id])
    for (const ref of refs)
      expect(await source.verify(true, await source.snapshot(ref.id))).toMatchObject({
        objects: [],
        files: [],
      })
    expect((await source.snapshot()).id).toBe(snapshot!.id)
    await expectEqual(source)
  })

  test('that was killed between the manifest and its own record is followed by one that says so', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    const first = await source.backup()
    write(source, 'b', 'b')
    source.store.afterPut = (key) => {
      if (parseManifestKey(key) !== null) throw new Error('killed')
    }
    await expect(source.backup()).rejects.toThrow('killed')
    source.store.afterPut = () => undefined
    const [, unknown] = await listSnapshots(source.store, 'files')
    const { snapshot } = await source.backup()
    expect((await source.snapshot(snapshot!.id)).manifest).toMatchObject({
      parent: { id: first.snapshot!.id },
      supersedes: [unknown!.id],
    })
    expect((await source.snapshot()).id).toBe(snapshot!.id)
    const next = await source.backup()
    expect((await source.snapshot(next.snapshot!.id)).manifest).toMatchObject({
      parent: { id: snapshot!.id },
      supersedes: [],
    })
  })

  test('whose cache fails once the manifest is there is made all the same, and followed by the next one', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    const first = await source.backup()
    write(source, 'b', 'b')
    const spy = vi.spyOn(BackupCache.prototype, 'putLastSnapshot').mockImplementationOnce(() => {
      throw new CacheDamaged('the disk is gone')
    })
    const second = await source.backup()
    spy.mockRestore()
    expect(second.cacheNote).toContain('the disk is gone')
    expect(await listSnapshots(source.store, 'files')).toHaveLength(2)
    const third = await source.backup()
    expect((await source.snapshot(third.snapshot!.id)).manifest).toMatchObject({
      parent: { id: first.snapshot!.id },
      supersedes: [second.snapshot!.id],
    })
  })
})
