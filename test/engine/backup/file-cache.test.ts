import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FileRecords } from '../../../engine/backup/file-records.ts'
import { FileCache } from '../../../engine/backup/file-cache.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

/** The blocks of a cache, by their first key, and how often they were written. */
class Blocks {
  byKey = new Map<string, Buffer>()
  written = 0

  files(): Iterator<Buffer> {
    return [...this.byKey]
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')))
      .map(([, records]) => records)
      [Symbol.iterator]()
  }

  replaceFiles(dropped: readonly Buffer[], blocks: readonly Buffer[]): void {
    for (const key of dropped)
      if (!this.byKey.delete(key.toString('latin1'))) throw new Error('there is no such block')
    for (const records of blocks) {
      const key = new FileRecords(records).firstKey.toString('latin1')
      if (this.byKey.has(key)) throw new Error('two blocks begin with the same file')
      this.byKey.set(key, records)
      this.written++
    }
  }

  /** File by file: name and inode. */
  content(): [string, number][] {
    const hits: [string, number][] = []
    for (let files = this.files(), next = files.next(); next.done !== true; next = files.next()) {
      const records = new FileRecords(next.value)
      for (let at = 0; at < next.value.length; at += records.bytesAt(at))
        hits.push([records.keyAt(at).toString(), records.contentAt(at).lengths[0]!])
    }
    return hits
  }
}

const identityOf = (inode: number) => ({ size: 1, mtimeNs: 0n, ctimeNs: 0n, inode: BigInt(inode) })

/**
 * A run over files in order, as a backup makes it: asked ahead of what is given back. @param large bytes of
 * their names: few make a block.
 */
function run(
  blocks: Blocks,
  tree: ReadonlyMap<string, number>,
  options: { ahead?: number; dryRun?: boolean; end?: number; unread?: ReadonlySet<string> } = {},
): number {
  const remembered = new FileCache(blocks.files(), options.dryRun === true ? null : blocks)
  const waiting: (() => void)[] = []
  let hitCount = 0
  for (const name of [...tree.keys()].sort().slice(0, options.end)) {
    const key = Buffer.from(name)
    const identity = identityOf(tree.get(name)!)
    const hits = remembered.lookup(key, identity)
    if (hits !== null) hitCount++
    if (hits !== null) expect(hits.lengths).toEqual([tree.get(name)])
    if (options.unread?.has(name) !== true) {
      waiting.push(() =>
        hits === null
          ? remembered.put(key, identity, { digests: Buffer.alloc(32), lengths: [tree.get(name)!] })
          : remembered.keep(hits),
      )
    }
    if (waiting.length > (options.ahead ?? 0)) waiting.shift()!()
  }
  for (const give of waiting) give()
  if (options.end === undefined) remembered.finish()
  return hitCount
}

/** Names so long that a few hundred files make many blocks. */
const nameOf = (index: number): string => `${String(index).padStart(4, '0')}${'n'.repeat(1500)}`
const treeOf = (count: number): Map<string, number> =>
  new Map(Array.from({ length: count }, (_, index) => [nameOf(index), index]))
const sorted = (tree: ReadonlyMap<string, number>): [string, number][] =>
  [...tree].sort(([a], [b]) => (a < b ? -1 : 1))

describe('what is remembered', () => {
  test('is known to the next run, which writes nothing if nothing has changed', () => {
    const blocks = new Blocks()
    const tree = treeOf(300)
    expect(run(blocks, tree)).toBe(0)
    expect(blocks.byKey.size).toBeGreaterThan(5)
    const { written } = blocks
    expect(run(blocks, tree, { ahead: 100 })).toBe(300)
    expect(blocks.written).toBe(written)
  })

  test('is written anew only around what has changed', () => {
    const blocks = new Blocks()
    const tree = treeOf(300)
    run(blocks, tree)
    const { written } = blocks
    tree.set(nameOf(150), 9999)
    tree.set(`${nameOf(200)}+`, 1)
    tree.delete(nameOf(250))
    expect(run(blocks, tree)).toBe(298)
    expect(blocks.content()).toEqual(sorted(tree))
    expect(blocks.written - written).toBeLessThanOrEqual(6)
  })

  test('is what each run found, after any changes, however far it was asked ahead, and after runs that ended in the middle', () => {
    const change = fc.record({
      remove: fc.array(fc.nat(120)),
      touch: fc.array(fc.nat(120)),
      ahead: fc.nat(60),
      isCutShort: fc.boolean(),
      dryRun: fc.boolean(),
      unread: fc.array(fc.nat(120), { maxLength: 3 }),
    })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const blocks = new Blocks()
        const tree = treeOf(60)
        let inode = 1000
        for (const { remove, touch, ahead, isCutShort, dryRun, unread } of changes) {
          for (const index of remove) tree.delete(nameOf(index))
          for (const index of touch) tree.set(nameOf(index), ++inode)
          if (isCutShort) run(blocks, tree, { ahead, end: 40 })
          const before = blocks.content()
          const missed = new Set(unread.map(nameOf))
          const hitCount = run(blocks, tree, { ahead, dryRun, unread: missed })
          expect(hitCount).toBe(before.filter(([name, value]) => tree.get(name) === value).length)
          if (dryRun) expect(blocks.content()).toEqual(before)
          else expect(blocks.content()).toEqual(sorted(tree).filter(([name]) => !missed.has(name)))
        }
      }),
      { numRuns: Math.min(300, propertyRuns) },
    )
  })

  test('of a directory that is gone is let go of as it is passed', () => {
    const blocks = new Blocks()
    run(blocks, treeOf(300))
    const remembered = new FileCache(blocks.files(), blocks)
    expect(remembered.lookup(Buffer.from(nameOf(299)), identityOf(299))).not.toBeNull()
    expect(Reflect.get(remembered, 'pendingBlocks')).toHaveLength(1)
    remembered.finish()
    expect(blocks.byKey.size).toBe(0)
  })

  test('does not fall apart: small blocks are joined again with what is written before them', () => {
    const blocks = new Blocks()
    const tree = new Map<string, number>()
    for (let index = 0; index < 200; index++) {
      tree.set(nameOf(index), index)
      run(blocks, tree)
    }
    expect(blocks.byKey.size).toBeLessThan(60)
    expect(blocks.content()).toEqual(sorted(tree))
  })
})
