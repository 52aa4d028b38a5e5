import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../../../core/errors.ts'
import { parsePackKey } from '../../../core/store/vault-keys.ts'
import type { BackupResult } from '../../../engine/operations.ts'
import { expectEqual, write } from '../../fixtures/backup-steps.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

const isProof = (key: string): boolean => key.includes('/identities/')

describe.each([false, true])('a role whose looks are denied: %s', (deniesLooks) => {
  async function makeBackedUp(): Promise<ProtectedSource> {
    const source = new ProtectedSource()
    source.store.deniesLooks = deniesLooks
    write(source, 'a', 'content of a')
    write(source, 'b', 'content of b')
    await source.backup()
    source.store.nowMs += 60_000
    return source
  }

  async function expectWhole(source: ProtectedSource, result: BackupResult): Promise<void> {
    source.store.deniesLooks = false
    expect(result).toMatchObject({ parentId: null, bytesNew: result.bytes, vaultNote: null })
    expect(result.cacheNote).toContain('the vault')
    expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
    await expectEqual(source)
  }

  test('a vault that is the same costs no upload and no proof', async () => {
    const source = await makeBackedUp()
    const proofs = source.store.versions.filter(({ key }) => isProof(key)).length
    for (let run = 0; run < 5; run++)
      expect(await source.backup()).toMatchObject({ bytesNew: 0, cacheNote: null, vaultNote: null })
    expect(source.store.versions.filter(({ key }) => isProof(key))).toHaveLength(proofs)
  })

  test('a vault that was made again gets everything', async () => {
    const source = await makeBackedUp()
    source.store.versions = []
    await expectWhole(source, await source.backup())
  })

  test('a vault that was made again gets everything, although the reply to the first request was lost', async () => {
    const source = await makeBackedUp()
    source.store.versions = []
    let lost = 0
    source.store.afterPut = (key) => {
      if (isProof(key) && lost++ === 0)
        throw new HoldfastError('unreachable', 'no reply', { retryable: true })
    }
    await expectWhole(source, await source.backup())
    expect(lost).toBeGreaterThan(1)
  })

  test('a vault that was made again gets everything after a crash between the request and its reply', async () => {
    const source = await makeBackedUp()
    source.store.versions = []
    for (let crash = 0; crash < 3; crash++) {
      source.store.afterPut = (key) => {
        if (isProof(key)) throw new Error('killed')
      }
      await expect(source.backup()).rejects.toThrow('killed')
    }
    source.store.afterPut = () => {}
    await expectWhole(source, await source.backup())
  })

  test('another vault behind the address from the first pack on gets everything', async () => {
    const source = await makeBackedUp()
    write(source, 'c', 'content of c')
    let switched = 0
    source.store.afterPut = (key) => {
      if (parsePackKey(key) !== null && switched++ === 0) source.store.versions = []
    }
    await expectWhole(source, await source.backup())
  })

  test('replies that are lost again and again end the run; lost ones alone never prove the vault', async () => {
    const source = await makeBackedUp()
    source.store.beforePut = (key) => {
      if (isProof(key)) throw new HoldfastError('unreachable', 'no reply', { retryable: true })
    }
    await expect(source.backup()).rejects.toMatchObject({ code: 'unreachable' })
    source.store.beforePut = () => {}
    const result = await source.backup()
    // A look proves it too. Without one, nothing tells whether the keys exist because of the lost requests.
    if (deniesLooks) await expectWhole(source, result)
    else expect(result).toMatchObject({ bytesNew: 0, cacheNote: null })
    expect(await source.backup()).toMatchObject({ bytesNew: 0, cacheNote: null })
  })
})

test('a vault that kept its proofs and lost the last snapshot gets everything', async () => {
  const source = new ProtectedSource()
  write(source, 'a', 'content')
  await source.backup()
  source.store.versions = source.store.versions.filter(({ key }) => isProof(key))
  expect((await source.backup()).cacheNote).toContain("doesn't have the last snapshot")
  expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
})

describe('a store that ignores If-None-Match', () => {
  test('is asked by a look', async () => {
    const source = new ProtectedSource()
    source.store.ignoresConditions = true
    write(source, 'a', 'content')
    await source.backup()
    source.store.nowMs += 60_000
    const { length } = source.store.versions
    expect(await source.backup()).toMatchObject({ bytesNew: 0, cacheNote: null, vaultNote: null })
    expect(source.store.versions).toHaveLength(length + 1)
    source.store.versions = []
    expect(await source.backup()).toMatchObject({ bytesNew: 7, parentId: null })
    expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
  })

  test('and denies looks is trusted, and the result says so', async () => {
    const source = new ProtectedSource()
    Object.assign(source.store, { ignoresConditions: true, deniesLooks: true })
    write(source, 'a', 'content')
    expect((await source.backup()).vaultNote).toBeNull()
    const second = await source.backup()
    expect(second).toMatchObject({ bytesNew: 0, cacheNote: null })
    expect(second.vaultNote).toContain('ignores If-None-Match')
  })
})

test('a manifest names the identity that the cache has', async () => {
  const source = new ProtectedSource()
  write(source, 'a', 'content')
  await source.backup()
  const { vault } = (await source.snapshot()).manifest
  expect(source.store.versions.filter(({ key }) => isProof(key)).map(({ key }) => key.split('/')[3])).toEqual(
    Array(4).fill(vault),
  )
  source.loseCache()
  source.store.nowMs += 60_000
  await source.backup()
  expect((await source.snapshot()).manifest.vault).not.toBe(vault)
})
