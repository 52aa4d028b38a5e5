// Thousands of versions and delete markers that an intruder with all rights has laid into a vault: every
// recovery point is found and restored as before, because readers list versions, and pin them.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ulid } from 'ulid'
import { beforeAll, describe, expect, test } from 'vitest'
import { listSnapshots, loadSnapshot, selectSnapshot } from '../../../core/snapshot/snapshot.ts'
import { manifestKey, manifestPrefix, packPrefix } from '../../../core/store/vault-keys.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'
import { ThirdPartyVault } from './third-party-vault.ts'

interface MadeSnapshot {
  id: string
  timeMs: number
}

const vault = await ThirdPartyVault.start()
const store = vault.open('locked')
const states = 4
/** Delete markers of one key, the first of all: more than fit a page. */
const markers = 1_050
const forgeries = 2_000
const forgedKeys = 4

async function makeSnapshots(source: string): Promise<{ tree: string; snapshots: MadeSnapshot[] }> {
  const tree = join(makeFolder(), 'tree')
  const snapshots: MadeSnapshot[] = []
  mkdirSync(tree)
  writeFileSync(join(tree, 'constant'), 'the same in each')
  for (let state = 0; state < states; state++) {
    writeFileSync(join(tree, 'state'), `state ${state}`)
    const outcome = await vault.holdfast(['backup', tree, '--source', source, '--bucket', 'locked', '--json'])
    expect(outcome).toMatchObject({ status: 0 })
    snapshots.push((outcome.records()[0] as { snapshot: MadeSnapshot }).snapshot)
    // Snapshots are told apart by the second.
    await sleep(1_100)
  }
  return { tree, snapshots }
}

async function restoredState(source: string, args: readonly string[]): Promise<string> {
  const target = join(makeFolder(), 'restored')
  const outcome = await vault.holdfast([
    'restore',
    '--source',
    source,
    '--bucket',
    'locked',
    '--target',
    target,
    ...args,
  ])
  expect(outcome).toMatchObject({ status: 0, stderr: '' })
  expect(readFileSync(join(target, 'constant'), 'utf8')).toBe('the same in each')
  return readFileSync(join(target, 'state'), 'utf8')
}

describe('among thousands of forged versions and delete markers, and with every pack covered and hidden', () => {
  let tree: string
  let snapshots: MadeSnapshot[]
  /** As the store lists them. */
  let timesMs: number[]

  beforeAll(async () => {
    ;({ tree, snapshots } = await makeSnapshots('flooded'))
    timesMs = [...(await listSnapshots(store, 'flooded'))].map(({ timeMs }) => timeMs)
    const [copied] = (await vault.list('locked', manifestKey('flooded', snapshots[0]!.id))).entries
    const body = await store.getRange(copied!, 0, copied!.bytes)
    // Between the second snapshot and the third, in the order of keys.
    const keys = Array.from({ length: forgedKeys }, (_, index) =>
      manifestKey('flooded', ulid(snapshots[1]!.timeMs + 600 + index)),
    )
    for (let offset = 0; offset < forgeries; offset += 20)
      await Promise.all(
        Array.from({ length: 20 }, (_, index) => vault.overlay('locked', keys[index % forgedKeys]!, body)),
      )
    const first = manifestKey('flooded', ulid(1))
    await vault.overlay('locked', first, body)
    // One by one: of those that meet, VersityGW keeps one.
    for (let index = 0; index < markers; index++) await vault.hide('locked', first)
    const packs = new Set((await vault.list('locked', packPrefix('flooded'))).entries.map(({ key }) => key))
    for (const key of packs) {
      await vault.overlay('locked', key, Buffer.from('not a pack'))
      await vault.hide('locked', key)
    }
  }, 180_000)

  test('the listing has them all, on pages of which some hold delete markers alone', async () => {
    const { entries, pagesOfMarkersAlone } = await vault.list('locked', manifestPrefix('flooded'))
    expect(entries).toHaveLength(states + forgeries + 1 + markers)
    expect(entries.length).toBeGreaterThan(3_000)
    expect(pagesOfMarkersAlone).toBeGreaterThan(0)
    const listed: string[] = []
    for await (const { versionId } of store.listVersions(manifestPrefix('flooded'))) listed.push(versionId)
    expect(listed.toSorted()).toEqual(entries.map(({ versionId }) => versionId).toSorted())
  })

  test("each backup reported its snapshot's own time, although replies can lag behind it", () => {
    expect(snapshots.map(({ timeMs }) => timeMs)).toEqual(timesMs)
  })

  test('each point in time means the snapshot that it meant before', async () => {
    const refs = await listSnapshots(store, 'flooded')
    expect(refs).toHaveLength(states + forgeries + 1)
    for (const [state, { id }] of snapshots.entries()) {
      const { snapshot, skipped } = await selectSnapshot(store, refs, timesMs[state]! + 999)
      expect([snapshot.id, skipped]).toEqual([id, []])
    }
    // Now, after the forgeries: they are passed over, the first of them with their reasons.
    const { snapshot, skipped, skippedCount } = await selectSnapshot(store, refs, null)
    expect(snapshot.id).toBe(snapshots.at(-1)!.id)
    expect(skippedCount).toBe(forgeries + 1)
    expect(skipped.every(({ reason }) => reason !== '')).toBe(true)
  })

  test('the first snapshot, one behind the flood and the newest are restored with their own content', async () => {
    const timeOf = (state: number): string => new Date(timesMs[state]! + 999).toISOString()
    expect(await restoredState('flooded', ['--point-in-time', timeOf(0)])).toBe('state 0')
    expect(await restoredState('flooded', ['--point-in-time', timeOf(2)])).toBe('state 2')
    expect(await restoredState('flooded', [])).toBe(`state ${states - 1}`)
  })

  test('a time before the first is refused', async () => {
    const args = [
      'restore',
      '--source',
      'flooded',
      '--bucket',
      'locked',
      '--target',
      join(makeFolder(), 'restored'),
    ]
    expect(
      await vault.holdfast([...args, '--point-in-time', new Date(timesMs[0]! - 1_000).toISOString()]),
    ).toMatchObject({ status: 5 })
  })

  test('a manifest names its packs by versions that are no longer the current ones', async () => {
    const ref = [...(await listSnapshots(store, 'flooded'))].find(({ id }) => id === snapshots[0]!.id)!
    const { manifest } = await loadSnapshot(store, ref)
    const listed = (await vault.list('locked', packPrefix('flooded'))).entries
    for (const { key, versionId } of manifest.packs) {
      const versions = listed.filter((entry) => entry.key === key)
      expect(versions.map(({ isDeleteMarker }) => isDeleteMarker).toSorted()).toEqual([false, false, true])
      expect(versions.find(({ isDeleteMarker }) => !isDeleteMarker)!.versionId).not.toBe(versionId)
      expect(versions.map((entry) => entry.versionId)).toContain(versionId)
    }
  })

  test('the next backup goes on, and is the newest', async () => {
    writeFileSync(join(tree, 'state'), 'afterwards')
    expect(await vault.holdfast(['backup', tree, '--source', 'flooded', '--bucket', 'locked'])).toMatchObject(
      { status: 0 },
    )
    expect(await restoredState('flooded', [])).toBe('afterwards')
  })
})

describe("with every manifest covered by another's bytes and hidden", () => {
  let snapshots: MadeSnapshot[]
  let coveredMs: number

  beforeAll(async () => {
    ;({ snapshots } = await makeSnapshots('covered'))
    coveredMs = Date.now()
    const bodies = await Promise.all(
      snapshots.map(async ({ id }) => {
        const [listed] = (await vault.list('locked', manifestKey('covered', id))).entries
        return store.getRange(listed!, 0, listed!.bytes)
      }),
    )
    for (const [index, { id }] of snapshots.entries()) {
      await vault.overlay('locked', manifestKey('covered', id), bodies[(index + 1) % states]!)
      await vault.hide('locked', manifestKey('covered', id))
    }
  })

  test('each snapshot is found, hidden, and restored by its name; what covers it is flagged', async () => {
    const refs = await listSnapshots(store, 'covered')
    expect(
      [...refs]
        .filter(({ flags }) => flags.length === 0)
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(snapshots.map(({ id }) => id).toSorted())
    expect([...refs].filter(({ flags }) => flags.length > 0)).toHaveLength(states)
    expect([...refs].every(({ isHidden }) => isHidden)).toBe(true)
    for (const state of [0, states - 1])
      expect(await restoredState('covered', ['--snapshot', snapshots[state]!.id])).toBe(`state ${state}`)
  })

  // VersityGW gives a version the time at which it was covered. It must not answer with another state than
  // was asked for.
  test('a point in time that the store has lost is refused, never answered with another', async () => {
    const refs = await listSnapshots(store, 'covered')
    expect([...refs].every(({ timeMs }) => timeMs >= Math.floor(coveredMs / 1_000) * 1_000)).toBe(true)
    const args = [
      'restore',
      '--source',
      'covered',
      '--bucket',
      'locked',
      '--target',
      join(makeFolder(), 'restored'),
    ]
    expect(
      await vault.holdfast([...args, '--point-in-time', new Date(snapshots[1]!.timeMs).toISOString()]),
    ).toMatchObject({ status: 5 })
  })
})
