import { cpSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { WorldClock } from '../../../lab/simulation/clocks.ts'
import { disturb } from '../../../lab/simulation/disturbances.ts'
import { assertRestored } from '../../../lab/simulation/invariants.ts'
import { Seeded } from '../../../lab/simulation/random.ts'
import { SourceTree } from '../../../lab/simulation/source-tree.ts'
import type { TreeNode } from '../../../lab/simulation/source-tree.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

const seconds = 1_800_000_000

/** Draws the given items, one after the other. */
class Chosen extends Seeded {
  private readonly wanted: unknown[]

  constructor(...wanted: unknown[]) {
    super(0)
    this.wanted = wanted
  }

  override pick<Item>(items: readonly Item[]): Item {
    const wanted = this.wanted.shift()
    return items.find((item) => item === wanted)!
  }
}

test('an entry that moved, and moved again with its directory, may come back under each of its names', () => {
  const directory = makeTemporaryDirectory()
  const tree = new SourceTree(() => BigInt(seconds) * 1_000_000_000n, join(directory, 'source'))
  for (const path of ['a', 'b', 'b/c']) tree.addDirectory(path)
  tree.addFile('b/c/file', Buffer.from('content'))
  const changed = new Map<string, (TreeNode | null)[]>()
  const moved = new Map<string, string[]>()
  const expected = tree.freeze()
  const random = new Chosen('b/c/file', 'b', 'b', '')
  const move = (next: string): void =>
    disturb(
      { tree, random, clock: new WorldClock() },
      { kind: 'entry moves', absolute: tree.at(next), changed, moved },
    )
  const copyAs = (name: string): string => {
    const target = join(directory, name)
    cpSync(tree.root, target, { recursive: true })
    for (const path of tree.nodes.keys()) utimesSync(join(target, path), seconds, seconds)
    return target
  }
  const check = (target: string): void =>
    assertRestored(
      { id: 'id', expected, changed, moved, excused: [], manifest: { complete: true } } as never,
      target,
    )

  move('b/c')
  const first = copyAs('after one walk')
  move('a')
  const second = copyAs('after two walks')
  const lost = copyAs('lost')
  expect([...tree.nodes.keys()]).toEqual(['', 'a', 'moved-1', 'moved-1/c', 'moved-1/moved-0'])
  check(first)
  check(second)
  rmSync(join(lost, 'moved-1/moved-0'))
  utimesSync(join(lost, 'moved-1'), seconds, seconds)
  expect(() => check(lost)).toThrow('"b/c/file": it is missing')
})
