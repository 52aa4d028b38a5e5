import { linkSync, lstatSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { DeviceClocks } from '../../../engine/backup/device-clocks.ts'
import { VisitedEntries } from '../../../engine/backup/visited-entries.ts'
import { isWalked, walk } from '../../../engine/walk.ts'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

/** Walks `a` and `b`, and runs `disturb` when the walk has listed the first and not the second one. */
function missedWhen(
  disturb: (root: string) => void,
  { prepare = () => undefined, ...times }: Partial<Times> & { prepare?: (root: string) => void } = {},
): string[] {
  const { directory: root } = new ProtectedSource()
  for (const name of ['a', 'b', 'b/in']) mkdirSync(join(root, name))
  for (const name of ['a/x', 'b/y', 'b/in/z']) writeFileSync(join(root, name), name)
  prepare(root)
  pass()
  const startedNs = nowNs()
  pass()
  const visited = visitedEntries(root, { startedNs, racyNs: 0n, nowNs, ...times })
  for (const walked of walk(root)) {
    if (!isWalked(walked)) continue
    visited.add(walked)
    if (walked.entry.path.toString() === 'a/x') {
      pass()
      disturb(root)
    }
  }
  return visited.findMissed().map((path) => path.toString())
}

interface Times {
  startedNs: bigint
  /** Two changes in this time may look like one. */
  racyNs: bigint
  nowNs: () => bigint
}

function visitedEntries(root: string, times: Times): VisitedEntries {
  const { startedNs, racyNs } = times
  const see = (): ReturnType<DeviceClocks['see']> => ({
    startedNs,
    reachedNs: startedNs,
    tickNs: racyNs,
    isOther: false,
  })
  return new VisitedEntries(root, { ...times, clocks: { see, settledNs: () => startedNs - racyNs } })
}

/** Rounded up, because Node counts milliseconds, and a file of the current one is not of the future. */
const nowNs = (): bigint => BigInt(Date.now() + 1) * 1_000_000n

/** Lets the kernel's clock tick. */
function pass(): void {
  const untilMs = Date.now() + 20
  while (Date.now() < untilMs);
}

describe('an entry that moves to a directory that was listed', () => {
  test.each<[string, (root: string) => void, string[]]>([
    ['a file', (root) => renameSync(join(root, 'b/y'), join(root, 'a/y')), ['a/y']],
    ['a directory', (root) => renameSync(join(root, 'b/in'), join(root, 'a/in')), ['a/in']],
    [
      'a file in a new directory',
      (root) => {
        mkdirSync(join(root, 'a/new'))
        renameSync(join(root, 'b/y'), join(root, 'a/new/y'))
      },
      ['a/new/y'],
    ],
    ['a file under a name that it had', (root) => renameSync(join(root, 'b/y'), join(root, 'a/x')), ['a/x']],
  ])('is missed: %s', (_, disturb, missed) => {
    expect(missedWhen(disturb)).toEqual(missed)
  })

  test.each<[string, (root: string) => void]>([
    ['nothing changes', () => undefined],
    ['a file that was visited gets another name', (root) => renameSync(join(root, 'a/x'), join(root, 'a/y'))],
    ['a file gets another link', (root) => linkSync(join(root, 'a/x'), join(root, 'a/y'))],
    ['a directory that was visited moves', (root) => renameSync(join(root, 'a'), join(root, 'c'))],
    [
      'a file moves to where the walk still comes',
      (root) => renameSync(join(root, 'a/x'), join(root, 'b/x')),
    ],
  ])('is not missed if %s', (_, disturb) => {
    expect(missedWhen(disturb)).toEqual([])
  })

  test('is missed although the walk has met its file under another name', () => {
    const move = (root: string): void => renameSync(join(root, 'b/y'), join(root, 'a/y'))
    const prepare = (root: string): void => linkSync(join(root, 'b/y'), join(root, 'a/w'))
    expect(missedWhen(move, { prepare })).toEqual(['a/y'])
  })

  test('is new, and not missed, if it was made after the start', () => {
    expect(missedWhen((root) => writeFileSync(join(root, 'a/new'), ''))).toEqual([])
  })

  test('is missed although it was made in the future, by a clock that was set back', () => {
    const later = nowNs() + 3_600_000_000_000n
    const move = (root: string): void => renameSync(join(root, 'b/y'), join(root, 'a/y'))
    expect(missedWhen(move, { startedNs: 0n, nowNs: () => later })).toEqual([])
    expect(missedWhen(move, { startedNs: 0n, nowNs: () => 1n })).toEqual(['a/y'])
  })

  test('is missed although its directory shows no other time, if that changed just before', () => {
    const { directory: root } = new ProtectedSource()
    for (const name of ['a', 'b']) mkdirSync(join(root, name))
    writeFileSync(join(root, 'y'), '')
    const entries = [...walk(root)].flatMap((walked) => (isWalked(walked) ? [walked.entry] : []))
    renameSync(join(root, 'y'), join(root, 'a/y'))
    const visited = visitedEntries(root, { startedNs: nowNs(), racyNs: 60_000_000_000n, nowNs })
    // As if both changes had fallen into one tick of the kernel's clock.
    for (const entry of entries)
      if (entry.type === 'directory')
        visited.add({
          entry,
          absolute: entry.path,
          stats: lstatSync(join(root, entry.path.toString()), { bigint: true }),
        })
    expect(visited.findMissed().map((path) => path.toString())).toEqual(['a/y'])
  })
})

describe('a backup', () => {
  async function backUpWhile(
    disturb: (root: string, walkNumber: number) => void,
  ): Promise<Awaited<ReturnType<ProtectedSource['backup']>> & { names: string[] }> {
    const source = new ProtectedSource()
    for (const name of ['a', 'b']) mkdirSync(join(source.directory, name))
    for (let index = 0; index < 300; index++) writeFileSync(join(source.directory, 'a', `${index}`), '')
    for (const name of ['y', 'z0', 'z1', 'z2', 'z3']) writeFileSync(join(source.directory, 'b', name), name)
    let walks = 0
    let entries = Infinity
    const result = await source.backup({
      onProgress: (progress) => {
        if (progress.entries < entries) disturb(source.directory, walks++)
        entries = progress.entries
      },
    })
    const { target } = await source.restore()
    return { ...result, names: Object.keys(describeDirectory(target)) }
  }

  test('walks again for a file that moved out of its way, and has it', async () => {
    const { complete, problemCount, names } = await backUpWhile((root, walkNumber) => {
      if (walkNumber === 0) renameSync(join(root, 'b/y'), join(root, 'a/y'))
    })
    expect([complete, problemCount, names.includes('a/y')]).toEqual([true, 0, true])
  })

  test('of a source in which files always move is incomplete, and names what was missed', async () => {
    const { complete, problems, names } = await backUpWhile((root, walkNumber) =>
      renameSync(join(root, `b/z${walkNumber}`), join(root, `a/z${walkNumber}`)),
    )
    expect([complete, problems.map(({ kind, path }) => [kind, path.toString()])]).toEqual([
      false,
      [['moved', 'a/z2']],
    ])
    expect(names).toEqual(expect.arrayContaining(['a/z0', 'a/z1', '.holdfast-incomplete']))
  })
})
