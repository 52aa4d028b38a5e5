import { describe, expect, test } from 'vitest'
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts'
import { maxManifestBytes } from '../../../core/limits.ts'
import { encodeManifest } from '../../../core/snapshot/manifest.ts'
import type { Manifest } from '../../../core/snapshot/manifest.ts'
import { listSnapshots, listSources, loadSnapshot, selectSnapshot } from '../../../core/snapshot/snapshot.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import { manifestKey } from '../../../core/store/vault-keys.ts'
import { FaultyStore, flip } from '../../fixtures/faulty-store.ts'
import { HandmadeVault, sha256Of } from '../../fixtures/handmade-vault.ts'

const root = sha256Of(Buffer.from('a root'))

/** A vault with three snapshots, ten seconds apart, each the parent of the next. */
async function makeChain(): Promise<{ vault: HandmadeVault; chain: Snapshot[] }> {
  const vault = new HandmadeVault()
  const chain: Snapshot[] = []
  for (let index = 0; index < 3; index++) {
    chain.push(await vault.commitManifest(vault.manifest(root, [], childOf(chain.at(-1)))))
    vault.store.nowMs += 10_000
  }
  return { vault, chain }
}

function childOf(parent: { id: string; sha256: string } | undefined): Partial<Manifest> {
  return { parent: parent === undefined ? null : { id: parent.id, sha256: parent.sha256 } }
}

async function select(
  vault: HandmadeVault,
  timeMs: number | null = null,
): Promise<{ id: string; skipped: string[] }> {
  const { snapshot, skipped } = await selectSnapshot(
    vault.store,
    await listSnapshots(vault.store, 'files'),
    timeMs,
  )
  return { id: snapshot.id, skipped: skipped.map(({ ref, reason }) => `${ref.id}: ${reason}`) }
}

async function refusalOfSelect(vault: HandmadeVault, timeMs: number | null = null): Promise<HoldfastError> {
  const error: unknown = await select(vault, timeMs).catch((thrown: unknown) => thrown)
  if (!isHoldfastError(error)) throw error
  return error
}

describe('the snapshots of a source', () => {
  test("are listed oldest first, with the server's times, and no other source's", async () => {
    const { vault, chain } = await makeChain()
    await new HandmadeVault(vault.store, 'other', 2).commitManifest(
      new HandmadeVault(vault.store, 'other', 3).manifest(root, []),
    )
    const refs = await listSnapshots(vault.store, 'files')
    expect([...refs].map(({ id, timeMs, flags, isHidden }) => ({ id, timeMs, flags, isHidden }))).toEqual(
      chain.map(({ id, timeMs }) => ({ id, timeMs, flags: [], isHidden: false })),
    )
    expect(await listSources(vault.store)).toEqual(['files', 'other'])
  })

  test('are not hidden by delete markers, wherever these stand', async () => {
    const { vault, chain } = await makeChain()
    for (const { key } of chain) vault.store.add(key, Buffer.alloc(0), { isDeleteMarker: true })
    const refs = await listSnapshots(vault.store, 'files')
    expect([...refs].map(({ id, isHidden }) => [id, isHidden])).toEqual(chain.map(({ id }) => [id, true]))
    expect((await select(vault)).id).toBe(chain[2]!.id)
  })

  test('stay what they were when another manifest is written over one: only that other is flagged', async () => {
    const { vault, chain } = await makeChain()
    const forged = encodeManifest({ ...chain[2]!.manifest, complete: false })
    const overlay = vault.store.add(chain[2]!.key, forged)
    const refs = await listSnapshots(vault.store, 'files')
    expect([...refs].map(({ versionId, flags }) => [versionId, flags.length])).toEqual([
      ...chain.map(({ versionId }) => [versionId, 0]),
      [overlay.versionId, 1],
    ])
    const { id, skipped } = await select(vault)
    expect(id).toBe(chain[2]!.id)
    expect((await loadSnapshot(vault.store, refs.at(2)!)).manifest.complete).toBe(true)
    expect(skipped).toEqual([expect.stringContaining('written over')])
  })

  test('are not confused by a marker first and a new manifest over it', async () => {
    const { vault, chain } = await makeChain()
    vault.store.add(chain[2]!.key, Buffer.alloc(0), { isDeleteMarker: true })
    await vault.store.putIfAbsent(
      chain[2]!.key,
      encodeManifest(chain[0]!.manifest),
      sha256Of(encodeManifest(chain[0]!.manifest)).toString('hex'),
    )
    const { id } = await select(vault)
    expect(id).toBe(chain[2]!.id)
  })

  test('that were uploaded in parts are flagged: their time could be a lie', async () => {
    const { vault, chain } = await makeChain()
    const late = vault.manifest(root, [])
    vault.store.add(manifestKey('files', late.id), encodeManifest(late), {
      isMultipart: true,
      lastModifiedMs: chain[2]!.timeMs + 1000,
    })
    const { id, skipped } = await select(vault)
    expect(id).toBe(chain[2]!.id)
    expect(skipped).toEqual([expect.stringContaining('in parts')])
  })

  test('are only what has the key of a manifest', async () => {
    const { vault } = await makeChain()
    for (const name of [
      'latest',
      'sub/01KN35E000B6GR48QH7ECGPZ10',
      '../01KN35E000B6GR48QH7ECGPZ10',
      '\u001b[2J',
      '',
    ]) {
      vault.store.add(manifestKey('files', name), Buffer.from('x'))
    }
    expect(await listSnapshots(vault.store, 'files')).toHaveLength(3)
    vault.store.add('sources/NO SOURCE/manifests/x', Buffer.from('x'))
    expect(await listSources(vault.store)).toEqual(['files'])
  })
})

describe('a point in time', () => {
  test('means the newest snapshot at or before it', async () => {
    const { vault, chain } = await makeChain()
    for (const [index, snapshot] of chain.entries()) {
      expect((await select(vault, snapshot.timeMs)).id).toBe(snapshot.id)
      expect((await select(vault, snapshot.timeMs + 9999)).id).toBe(snapshot.id)
      if (index > 0) expect((await select(vault, snapshot.timeMs - 1)).id).toBe(chain[index - 1]!.id)
    }
    expect((await select(vault)).id).toBe(chain[2]!.id)
  })

  test('before the first snapshot means none, and says what there is', async () => {
    const { vault, chain } = await makeChain()
    const error = await refusalOfSelect(vault, chain[0]!.timeMs - 1)
    expect(error.code).toBe('no-recovery-point')
    expect(error.hint).toContain('3 snapshots from 2026-04-01T00:00:00.000Z to 2026-04-01T00:00:20.000Z')
    expect((await refusalOfSelect(new HandmadeVault())).code).toBe('no-recovery-point')
  })

  test("goes by the server's time, whatever the client and the names say", async () => {
    const { vault, chain } = await makeChain()
    const early = vault.manifest(root, [], {
      ...childOf(chain[2]),
      id: '01AAAAAAAAAAAAAAAAAAAAAAAA',
      client: { ...chain[0]!.manifest.client, finishedMs: 0 },
    })
    const { id } = await vault.commitManifest(early)
    expect((await select(vault)).id).toBe(id)
    expect((await select(vault, chain[2]!.timeMs)).id).toBe(chain[2]!.id)
  })
})

describe('the newest snapshot, if it is damaged', () => {
  test.each<[string, (body: Buffer) => Buffer]>([
    ['is flipped', (body) => flip(body, 40)],
    ['is torn', (body) => body.subarray(0, body.length - 5)],
    ['is empty', () => Buffer.alloc(0)],
    ['is something else', () => Buffer.from('hello')],
    ['has an unknown version', (body) => flip(body, 18, 2)],
  ])('because it %s, is passed over, and the reason said', async (_, spoil) => {
    const { vault, chain } = await makeChain()
    const stored = vault.store.versions.find(({ key }) => key === chain[2]!.key)!
    stored.body = spoil(stored.body)
    const { id, skipped } = await select(vault)
    expect(id).toBe(chain[1]!.id)
    expect(skipped).toEqual([expect.stringMatching(`^${chain[2]!.id}: .+`)])
  })

  test('because it is lost between listing and reading, is passed over', async () => {
    const { vault, chain } = await makeChain()
    const refs = await listSnapshots(vault.store, 'files')
    vault.store.versions = vault.store.versions.filter(({ key }) => key !== chain[2]!.key)
    const { snapshot, skipped } = await selectSnapshot(vault.store, refs, null)
    expect([snapshot.id, skipped.length]).toEqual([chain[1]!.id, 1])
  })

  test('because it is too large to be a manifest, is not even fetched', async () => {
    const { vault, chain } = await makeChain()
    vault.store.add(manifestKey('files', '01KN35E000B6GR48QH7ECGPZ10'), Buffer.alloc(maxManifestBytes + 1))
    vault.store.requests.get = 0
    const { id, skipped } = await select(vault)
    expect([id, skipped.length, vault.store.requests.get]).toEqual([chain[2]!.id, 1, 1])
    expect((await listSnapshots(vault.store, 'files')).at(-1)!.flags).toEqual(['too large for a manifest'])
  })

  test('is read until it arrives with the same bytes twice, and none older is read than the choice', async () => {
    const { vault, chain } = await makeChain()
    vault.store.versions.find(({ key }) => key === chain[2]!.key)!.body = Buffer.from('x')
    vault.store.requests.get = 0
    expect((await select(vault)).id).toBe(chain[1]!.id)
    // Twice the corrupt one, twice at once the two before it, and the choice again.
    expect(vault.store.requests.get).toBeLessThanOrEqual(5)
    vault.store.requests.get = 0
    expect((await select(vault, chain[1]!.timeMs)).id).toBe(chain[1]!.id)
    expect(vault.store.requests.get).toBe(1)
  })

  test('on the way only, is read again and not passed over', async () => {
    const { vault, chain } = await makeChain()
    const faulty = new FaultyStore(vault.store)
    let reads = 0
    faulty.onRead = (_, bytes) => (++reads === 1 ? flip(bytes, 30) : bytes)
    const { snapshot, skipped } = await selectSnapshot(faulty, await listSnapshots(faulty, 'files'), null)
    expect([snapshot.id, skipped]).toEqual([chain[2]!.id, []])
  })

  test('ends in no recovery point if all are, each with its reason', async () => {
    const { vault, chain } = await makeChain()
    for (const version of vault.store.versions) version.body = Buffer.from('x')
    const error = await refusalOfSelect(vault)
    expect(error.code).toBe('no-recovery-point')
    for (const { id } of chain) expect(error.message).toContain(id)
  })

  test('does not hide a failure that says nothing of it: denied is thrown, not passed over', async () => {
    const { vault } = await makeChain()
    const faulty = new FaultyStore(vault.store)
    const denied = new HoldfastError('denied', 'no')
    faulty.onRead = () => {
      throw denied
    }
    await expect(selectSnapshot(faulty, await listSnapshots(faulty, 'files'), null)).rejects.toBe(denied)
  })
})

describe('snapshots of the same second', () => {
  test('are ordered by their parents, whatever their names', async () => {
    const vault = new HandmadeVault()
    const first = await vault.commitManifest(vault.manifest(root, [], { id: '01ZZZZZZZZZZZZZZZZZZZZZZZZ' }))
    const second = await vault.commitManifest(
      vault.manifest(root, [], { id: '01AAAAAAAAAAAAAAAAAAAAAAAA', ...childOf(first) }),
    )
    const third = await vault.commitManifest(
      vault.manifest(root, [], { id: '01KKKKKKKKKKKKKKKKKKKKKKKK', ...childOf(second) }),
    )
    expect((await select(vault)).id).toBe(third.id)
  })

  test('that were one upload whose reply was lost are ordered by what supersedes what', async () => {
    const vault = new HandmadeVault()
    const lost = await vault.commitManifest(vault.manifest(root, [], { id: '01ZZZZZZZZZZZZZZZZZZZZZZZZ' }))
    const again = await vault.commitManifest(
      vault.manifest(root, [], { id: '01AAAAAAAAAAAAAAAAAAAAAAAA', supersedes: [lost.id] }),
    )
    expect((await select(vault)).id).toBe(again.id)
  })

  test("are reported as ambiguous if neither is the other's successor, with their names", async () => {
    const vault = new HandmadeVault()
    const first = await vault.commitManifest(vault.manifest(root, []))
    const two = await vault.commitManifest(vault.manifest(root, []))
    const error = await refusalOfSelect(vault)
    expect(error.code).toBe('ambiguous')
    expect(error.context['snapshots']).toEqual(expect.arrayContaining([first.id, two.id]))
  })

  test('are ambiguous if each says that it supersedes the other', async () => {
    const vault = new HandmadeVault()
    const [a, b] = ['01AAAAAAAAAAAAAAAAAAAAAAAA', '01ZZZZZZZZZZZZZZZZZZZZZZZZ']
    await vault.commitManifest(vault.manifest(root, [], { id: a, supersedes: [b] }))
    await vault.commitManifest(vault.manifest(root, [], { id: b, supersedes: [a] }))
    expect((await refusalOfSelect(vault)).code).toBe('ambiguous')
  })

  test('are ambiguous if one names the other as its parent, but by another hash: it never saw it', async () => {
    const vault = new HandmadeVault()
    const first = await vault.commitManifest(vault.manifest(root, []))
    await vault.commitManifest(
      vault.manifest(root, [], { parent: { id: first.id, sha256: 'ab'.repeat(32) } }),
    )
    expect((await refusalOfSelect(vault)).code).toBe('ambiguous')
  })

  test('are not confused with older ones that were read at the same time', async () => {
    const { vault, chain } = await makeChain()
    for (const { id } of [chain[0]!, chain[2]!])
      vault.store.versions.find(({ key }) => key === manifestKey('files', id))!.body = Buffer.from('x')
    expect(await select(vault)).toEqual({
      id: chain[1]!.id,
      skipped: [expect.stringContaining(chain[2]!.id)],
    })
  })

  test('of which one is damaged leave the other', async () => {
    const vault = new HandmadeVault()
    const first = await vault.commitManifest(vault.manifest(root, []))
    const second = await vault.commitManifest(vault.manifest(root, [], childOf(first)))
    vault.store.versions.find(({ key }) => key === second.key)!.body = Buffer.from('x')
    expect((await select(vault)).id).toBe(first.id)
  })
})
