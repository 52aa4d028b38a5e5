import { describe, expect, test } from 'vitest'
import { acknowledgementKey } from '../../../checks/alarms/acknowledgement.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { identityKey } from '../../../core/store/vault-keys.ts'
import { CustodyVault, rules } from './custody-vault.ts'

const identity = '01KNWSAAAAAAAAAAAAAAAAAAAA'
const otherIdentity = '01KNWSBBBBBBBBBBBBBBBBBBBB'

describe('locks', () => {
  test('that cover the guaranteed retention are not looked at, except those of the last good snapshot', async () => {
    const vault = new CustodyVault()
    await vault.attested([await vault.addPack(), await vault.addPack()])
    await vault.attested([await vault.addPack()])
    const plan = await vault.planOf()
    expect(plan).toMatchObject({ liveSnapshots: 2, extensions: [], prunes: [], withheld: null, problems: [] })
    expect(vault.store.requests.head).toBe(2)
  })

  test('of the last good snapshot that are shorter than the default gives are extended', async () => {
    const vault = new CustodyVault()
    const pack = await vault.addPack()
    await vault.attested([pack])
    vault.store.versions.find(({ key }) => key === pack.key)!.lock = { mode: 'COMPLIANCE', days: 20 }
    await vault.run()
    expect(vault.daysLeft(pack)).toBeGreaterThan(30)
  })

  test('of a pack that a later snapshot needs are extended once in a generation, and never beyond a lock of now', async () => {
    const vault = new CustodyVault()
    const pack = await vault.addPack()
    let extensions = 0
    for (let day = 0; day < 120; day++) {
      const snapshot = await vault.attested([pack])
      const plan = await vault.run()
      extensions += plan.extensions.length
      for (const { untilMs } of plan.extensions)
        expect(untilMs).toBeLessThanOrEqual(vault.store.nowMs + 40 * dayMs)
      for (const ref of [snapshot, pack]) expect(vault.daysLeft(ref)).toBeGreaterThanOrEqual(29.99)
      vault.passDays(1)
    }
    // Days 11, 22, 33, and so on.
    expect(extensions).toBeGreaterThanOrEqual(9)
    expect(extensions).toBeLessThanOrEqual(11)
  })

  test('that were given by a shorter default are looked at, and a key that claims a longer one is not believed', async () => {
    const vault = new CustodyVault()
    vault.store.retention = { mode: 'COMPLIANCE', days: 32 }
    const honest = await vault.addPack(100, '20260401T000000Z-compliance-32d')
    vault.passDays(5)
    vault.store.retention = { mode: 'COMPLIANCE', days: 40 }
    const lying = await vault.addPack(100, '20260401T000000Z-compliance-36500d')
    vault.passDays(11)
    await vault.attested([honest, lying])
    const plan = await vault.planOf()
    expect(plan.extensions.map(({ ref }) => ref.key).sort()).toEqual([honest.key, lying.key].sort())
  })

  test("that the role can't see are an error, because a version with an unknown lock must not be touched", async () => {
    const vault = new CustodyVault()
    const pack = await vault.addPack()
    vault.passDays(15)
    await vault.attested([pack])
    const head = vault.store.headVersion.bind(vault.store)
    vault.store.headVersion = async (ref) => ({ ...(await head(ref)), lock: undefined })
    await expect(vault.plan()).rejects.toMatchObject({ code: 'denied' })
  })

  test('of a bucket without one, or with one shorter than guaranteed, are refused at once', async () => {
    const vault = new CustodyVault()
    vault.store.retention = null
    await expect(vault.plan()).rejects.toMatchObject({ code: 'vault-unsafe' })
    vault.store.retention = { mode: 'COMPLIANCE', days: 30 }
    await expect(vault.plan()).rejects.toMatchObject({ code: 'vault-unsafe' })
  })
})

describe('a version is pruned', () => {
  test('after its lock and the grace period, and only if no snapshot needs it', async () => {
    const vault = new CustodyVault()
    const [first, second] = [await vault.addPack(), await vault.addPack()]
    const old = await vault.attested([first, second])
    vault.passDays(20)
    await vault.run()
    await vault.attested([second])
    vault.passDays(22)
    await vault.run()
    expect((await vault.planOf()).prunes).toEqual([])
    vault.passDays(1)
    const plan = await vault.run()
    expect(plan.prunes.map(({ ref }) => ref.key)).toEqual([old.key, first.key])
    expect([vault.daysLeft(first), vault.daysLeft(old)]).toEqual([null, null])
    expect(vault.daysLeft(second)).toBeGreaterThan(5)
    // Its receipt goes with the next run: a manifest must not be without its receipt.
    expect((await vault.run()).prunes.map(({ kind }) => kind)).toEqual(['receipt'])
  })

  test('with markers, overlays, reports and acknowledgements; proofs stay while a snapshot names their identity', async () => {
    const vault = new CustodyVault()
    const pack = await vault.addPack()
    vault.store.add(identityKey('files', identity, identity), Buffer.from('proof'))
    vault.store.add(identityKey('files', otherIdentity, identity), Buffer.from('proof'))
    const good = await vault.attested([pack], { vault: identity })
    vault.store.add(good.key, Buffer.alloc(0), { isDeleteMarker: true, lock: null })
    vault.store.add(pack.key, Buffer.from('overlay'))
    vault.store.add(`reports/2026/04/01/${identity}.json`, Buffer.from('{}'))
    vault.store.add(acknowledgementKey(identity), Buffer.from('{}'))
    vault.passDays(4)
    await vault.run()
    expect(vault.store.changes).toEqual([`prune ${good.key}`])
    for (let day = 0; day < 60; day += 5) {
      vault.passDays(5)
      await vault.run()
    }
    expect(vault.store.versions.map(({ key }) => key.split('/')[2])).toEqual([
      'packs',
      'identities',
      'manifests',
      good.id,
    ])
    expect(vault.store.versions.some(({ key }) => key.includes(otherIdentity))).toBe(false)
  })

  test('never while a snapshot needs it, also if its lock has ended: it is locked again', async () => {
    const vault = new CustodyVault()
    const pack = await vault.addPack()
    vault.passDays(50)
    await vault.attested([pack])
    const { prunes, extensions } = await vault.planOf()
    expect(prunes).toEqual([])
    expect(extensions.map(({ ref }) => ref.key)).toEqual([pack.key])
  })

  test('never while a longer lock of its own lasts', async () => {
    const vault = new CustodyVault()
    await vault.attested([await vault.addPack()])
    const unneeded = await vault.addPack()
    vault.store.versions.find(({ key }) => key === unneeded.key)!.lock = { mode: 'COMPLIANCE', days: 200 }
    vault.passDays(100)
    expect((await vault.planOf()).prunes.map(({ ref }) => ref.key)).not.toContain(unneeded.key)
  })

  test('never if this version does not know its key', async () => {
    const vault = new CustodyVault()
    await vault.attested([await vault.addPack()])
    vault.store.add('sources/files/wal/1/1/0-1', Buffer.from('of a later version'))
    vault.passDays(400)
    const plan = await vault.run()
    expect(plan.unrecognized).toEqual({ versions: 1, bytes: 18 })
    expect(vault.store.versions.some(({ key }) => key.includes('/wal/'))).toBe(true)
  })

  test('oldest first and manifests before packs, up to the limit of a run', async () => {
    const vault = new CustodyVault()
    const packs = []
    for (let count = 0; count < 3; count++) {
      vault.passDays(0.1)
      packs.push(await vault.addPack())
    }
    const old = await vault.attested(packs)
    vault.passDays(1)
    await vault.attested([])
    vault.passDays(60)
    const plan = await vault.planOf({ maxPrunes: 2 })
    expect(plan.prunes.map(({ ref }) => ref.key)).toEqual([old.key, packs[0]!.key])
    expect(plan.deferredPrunes).toBe(2)
  })
})

describe('nothing of a source is pruned', () => {
  async function vaultWithExpired(): Promise<CustodyVault> {
    const vault = new CustodyVault()
    await vault.attested([await vault.addPack()])
    vault.passDays(1)
    await vault.attested([await vault.addPack(10)])
    vault.passDays(60)
    return vault
  }

  test('beyond the usual share of its bytes', async () => {
    const vault = await vaultWithExpired()
    const plan = await vault.planOf({ maxPruneShare: 0.05 })
    expect(plan.prunes).toEqual([])
    expect(plan.withheld).toMatch(/the run would prune \d+ % of the source's bytes, more than 5 %/)
    expect(plan.problems).toEqual([`nothing is pruned: ${plan.withheld}`])
    expect((await vault.planOf({ maxPruneShare: 0.95 })).prunes).not.toEqual([])
  })

  test('while the bytes of a live manifest changed in the vault', async () => {
    const vault = await vaultWithExpired()
    const live = await vault.snapshotOf([])
    const version = vault.store.versions.find(({ key }) => key === live.key)!
    const head = vault.store.headVersion.bind(vault.store)
    vault.store.headVersion = async (ref) => ({
      ...(await head(ref)),
      ...(ref.versionId === live.versionId ? { sha256: live.sha256 } : {}),
    })
    version.body = Buffer.from(version.body)
    version.body[40]! ^= 1
    const plan = await vault.planOf()
    expect(plan.prunes).toEqual([])
    expect(plan.withheld).toMatch(/the packs of 1 manifests within the guaranteed retention are unknown/)
  })

  test('while a later version of Holdfast writes its manifests', async () => {
    const vault = await vaultWithExpired()
    const live = await vault.snapshotOf([])
    const version = vault.store.versions.find(({ key }) => key === live.key)!
    version.body = Buffer.from(version.body)
    version.body.writeUInt16LE(99, 'HOLDFAST MANIFEST\n'.length)
    expect((await vault.planOf()).prunes).toEqual([])
  })

  test('if it has packs and no usable snapshot, unless the source is retired', async () => {
    const vault = new CustodyVault()
    await vault.addPack()
    vault.passDays(60)
    expect(await vault.planOf()).toMatchObject({
      prunes: [],
      withheld: 'the source has packs, and no usable snapshot',
    })
    const retiredSources = new Set(['files'])
    expect((await vault.planOf({ retiredSources })).prunes).toHaveLength(1)
  })

  test('of another source than the one that was asked for', async () => {
    const vault = await vaultWithExpired()
    const { sources } = await vault.plan({}, { sources: ['other'] })
    expect(sources).toMatchObject([{ name: 'other', prunes: [], stored: { versions: 0 } }])
  })
})

test('a retired source runs out, and the vault is empty at last', async () => {
  const vault = new CustodyVault()
  await vault.attested([await vault.addPack()])
  for (let day = 0; day < 60; day += 5) {
    vault.passDays(5)
    const plan = await vault.run({
      retiredSources: new Set(['files']),
      maxPruneShare: rules.maxPruneShare / 10,
    })
    expect(plan ?? { lastGood: null, extensions: [] }).toMatchObject({ lastGood: null, extensions: [] })
  }
  expect(vault.store.versions).toEqual([])
})

test('a lying manifest gets no good pack pruned and no bad one kept for ever, however often a stolen writer lies', async () => {
  const vault = new CustodyVault()
  const good = [await vault.addPack(), await vault.addPack()]
  const last = await vault.attested(good)
  const lyingVersions: string[] = []
  for (let day = 0; day < 30; day++) {
    vault.passDays(1)
    const garbage = await vault.addPack()
    const lies = [
      await vault.snapshotOf([garbage], {
        supersedes: [last.id],
        retention: { promiseDays: 36_500, lock: null },
      }),
      await vault.snapshotOf([...good, garbage], {
        complete: false,
        retention: { promiseDays: 1, lock: null },
      }),
      await vault.snapshotOf([{ ...good[0]!, versionId: garbage.versionId }]),
      await vault.snapshotOf([]),
    ]
    lyingVersions.push(garbage.versionId, ...lies.map(({ versionId }) => versionId))
    await vault.run()
    for (const pack of good) expect(vault.daysLeft(pack)).toBeGreaterThan(9)
  }
  for (let day = 0; day < 90; day += 5) {
    vault.passDays(5)
    await vault.run()
    for (const ref of [last, ...good]) expect(vault.daysLeft(ref)).toBeGreaterThanOrEqual(14.99)
  }
  expect(vault.store.versions.filter(({ versionId }) => lyingVersions.includes(versionId))).toEqual([])
  expect(vault.store.versions).toHaveLength(4)
})
