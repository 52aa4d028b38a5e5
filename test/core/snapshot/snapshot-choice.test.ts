import { describe, expect, test } from 'vitest'
import { backup } from '../../../engine/backup/backup.ts'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chooseSnapshot, chooseSource } from '../../../core/snapshot/snapshot-choice.ts'
import type { TimedStore } from '../../../core/snapshot/snapshot-choice.ts'
import { choiceRecord, choiceWarnings, missingText } from '../../../restore-cli/render/choice-text.ts'
import { wallClock } from '../../../restore-cli/wall-clock.ts'
import { MemoryStore } from '../../fixtures/memory-store.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'

const hourMs = 3_600_000
const folder = makeFolder()
mkdirSync(join(folder, 'data'))
writeFileSync(join(folder, 'data', 'file'), 'content')

/** A vault with snapshots of `rental` at these hours, at noon by its own clock. */
async function makeVault(
  ...hours: number[]
): Promise<{ store: MemoryStore & TimedStore; ids: string[]; at: (hour: number) => number }> {
  const store = Object.assign(new MemoryStore(), { serverTimeMs: 0 })
  const start = store.nowMs
  const ids: string[] = []
  for (const hour of hours) {
    store.nowMs = start + hour * hourMs
    const { snapshot } = await backup({
      store,
      clock: wallClock,
      random: Math.random,
      source: 'rental',
      kind: 'volume',
      directory: join(folder, 'data'),
      cacheDirectory: join(makeFolder(), 'cache'),
      promiseDays: 30,
      toolVersion: 'test',
      workers: 0,
    })
    ids.push(snapshot!.id)
  }
  store.serverTimeMs = start + 12 * hourMs
  return { store, ids, at: (hour) => start + hour * hourMs }
}

const time = (ms: number): string => new Date(ms).toISOString()

describe('a snapshot', () => {
  test('is the newest at or before the time, and the report has the time missing up to it', async () => {
    const { store, ids, at } = await makeVault(1, 2, 3)
    const choice = await chooseSnapshot(store, { source: 'rental', pointInTime: time(at(2.5)) }, wallClock)
    expect(choice.snapshot.id).toBe(ids[1])
    expect(missingText(choice)).toBe(`what changed in the 30 min up to ${time(at(2.5)).replace('.000', '')}`)
    expect(
      (await chooseSnapshot(store, { source: 'rental', pointInTime: time(at(2)) }, wallClock)).snapshot.id,
    ).toBe(ids[1])
    expect(choiceWarnings(choice)).toBe('')
  })

  test("is the newest of all without a time, up to the store's now", async () => {
    const { store, ids } = await makeVault(1, 2)
    const choice = await chooseSnapshot(store, {}, wallClock)
    expect(choice.snapshot.id).toBe(ids[1])
    expect(missingText(choice)).toBe('what changed in the 10 h up to now')
  })

  test('that is damaged is passed over, with a warning', async () => {
    const { store, ids } = await makeVault(1, 2)
    store.versions.find(({ key }) => key.endsWith(ids[1]!))!.body[40]! ^= 1
    const choice = await chooseSnapshot(store, { source: 'rental' }, wallClock)
    expect(choice.snapshot.id).toBe(ids[0])
    expect(choiceWarnings(choice)).toMatch(new RegExp(`^warning: passed over ${ids[1]} .*damaged`))
    expect(choiceRecord(choice)).toMatchObject({ skipped: [{ id: ids[1] }] })
  })

  test('that was hidden is chosen too, with a warning', async () => {
    const { store, ids } = await makeVault(1)
    store.add(`sources/rental/manifests/${ids[0]}`, Buffer.alloc(0), { isDeleteMarker: true })
    const choice = await chooseSnapshot(store, { source: 'rental' }, wallClock)
    expect(choiceWarnings(choice)).toContain('someone tried to hide it')
  })

  test('that is named is chosen in spite of its flags, with a warning', async () => {
    const { store, ids } = await makeVault(1)
    store.versions.find(({ key }) => key.endsWith(ids[0]!))!.isMultipart = true
    const choice = await chooseSnapshot(
      store,
      { source: 'rental', snapshot: ids[0]!.toLowerCase() },
      wallClock,
    )
    expect(choice.snapshot.id).toBe(ids[0])
    expect(choiceWarnings(choice)).toContain('warning: the snapshot is flagged: uploaded in parts')
  })

  test('with a second manifest of the same name is the one that was written first', async () => {
    const { store, ids } = await makeVault(1)
    const key = `sources/rental/manifests/${ids[0]}`
    const original = store.versions.find((version) => version.key === key)!
    store.add(key, Buffer.from('forged'))
    const choice = await chooseSnapshot(store, { source: 'rental', snapshot: ids[0]! }, wallClock)
    expect(choice.snapshot.versionId).toBe(original.versionId)
  })

  test.each([
    ['a time without a zone', { pointInTime: '2026-04-01T01:00:00' }, 'invalid-input'],
    ['a time in the future', { pointInTime: '2026-04-01T12:00:02Z' }, 'invalid-input'],
    ['a time before the first', { pointInTime: '2026-03-31T00:00:00Z' }, 'no-recovery-point'],
  ])('for %s is refused, and the hint has the range of snapshots', async (_what, flags, code) => {
    const { store, at } = await makeVault(1, 2)
    await expect(chooseSnapshot(store, { source: 'rental', ...flags }, wallClock)).rejects.toMatchObject({
      code,
      hint: expect.stringContaining(
        `the first of 2 snapshots of rental is of ${time(at(1)).replace('.000', '')}`,
      ) as string,
    })
  })
})

describe('a source', () => {
  test('need not be named if there is only one', async () => {
    const { store } = await makeVault(1)
    expect(await chooseSource(store, undefined)).toBe('rental')
    store.add('sources/uploads/manifests/x', Buffer.alloc(1))
    await expect(chooseSource(store, undefined)).rejects.toMatchObject({
      code: 'ambiguous',
      hint: expect.stringContaining('rental, uploads') as string,
    })
  })

  test('with a wrong name is refused, and the hint lists the sources', async () => {
    const { store } = await makeVault(1)
    await expect(chooseSnapshot(store, { source: 'rentals' }, wallClock)).rejects.toMatchObject({
      code: 'no-recovery-point',
      hint: 'the vault holds: rental',
    })
  })

  test('of an empty vault does not exist', async () => {
    await expect(chooseSource(new MemoryStore(), undefined)).rejects.toMatchObject({
      code: 'no-recovery-point',
    })
  })
})
