import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeEntry } from '../../../core/tree/tree-entry.ts'
import type { TreeEntry } from '../../../core/tree/tree-entry.ts'
import type { TreeChild } from '../../../core/tree/tree-node.ts'
import { TreeBuilder, isSelected, readTree, selectPaths } from '../../../core/tree/tree.ts'
import { damaged } from '../../../core/bytes.ts'
import { isHoldfastError } from '../../../core/errors.ts'
import { compareByNames } from '../../fixtures/arbitrary-entries.ts'
import { HandmadeVault, sha256Of } from '../../fixtures/handmade-vault.ts'
import { seededRandom } from '../../fixtures/manual-clock.ts'
import { maxNodePathBytes } from '../../../core/limits.ts'
import { propertyRuns, slowPropertyRuns } from '../../fixtures/property-runs.ts'

class Nodes {
  readonly nodes = new Map<string, Buffer>()
  reads = 0
  largestRead = 0

  build(entries: readonly TreeEntry[]): Buffer {
    const builder = new TreeBuilder((digest, bytes) => void this.nodes.set(digest.toString('hex'), bytes))
    for (const entry of entries) builder.add(entry)
    return builder.finish()
  }

  read(digests: readonly Buffer[]): Promise<Buffer[]> {
    this.reads += digests.length
    const bodies = digests.map((digest) => {
      const bytes = this.nodes.get(digest.toString('hex'))
      if (bytes === undefined) throw damaged('the store', 'it has no such node')
      return bytes
    })
    this.largestRead = Math.max(
      this.largestRead,
      bodies.reduce((sum, { length }) => sum + length, 0),
    )
    return Promise.resolve(bodies)
  }

  async entries(root: Buffer, paths: readonly Buffer[] = []): Promise<TreeEntry[]> {
    const entries: TreeEntry[] = []
    for await (const some of readTree(this, root, selectPaths(paths))) entries.push(...some)
    return entries
  }
}

/** A tree of so many files, some directories deep, always the same. */
function makeTree(files: number, seed = 5): TreeEntry[] {
  const random = seededRandom(seed)
  const entries = new Map<string, TreeEntry>([['', makeEntry({ path: Buffer.alloc(0), type: 'directory' })]])
  for (let index = 0; index < files; index++) {
    const names = Array.from({ length: Math.floor(random() * 4) }, () => `dir-${Math.floor(random() * 20)}`)
    for (let depth = 1; depth <= names.length; depth++) {
      const path = names.slice(0, depth).join('/')
      entries.set(path, makeEntry({ path: Buffer.from(path), type: 'directory', mode: 0o755 }))
    }
    const path = Buffer.from([...names, `file-${index}.txt`].join('/'))
    entries.set(
      path.toString(),
      makeEntry({
        path,
        type: 'file',
        size: 9,
        content: { depth: 0, digests: sha256Of(path), lengths: [9] },
      }),
    )
  }
  return [...entries.values()].sort((a, b) => compareByNames(a.path, b.path))
}

const pathsOf = (entries: TreeEntry[]): string[] => entries.map(({ path }) => path.toString())

describe('a tree', () => {
  test.each([1, 2, 300, 3000, 20_000])('of %i entries is the same when it is read again', async (count) => {
    const nodes = new Nodes()
    const entries = makeTree(count)
    const root = nodes.build(entries)
    const read = await nodes.entries(root)
    expect(pathsOf(read)).toEqual(pathsOf(entries))
    expect(read.at(-1)).toEqual(entries.at(-1))
    if (count > 1000) expect(nodes.nodes.size).toBeGreaterThan(3)
  })

  test('keeps its nodes where nothing changed', () => {
    const entries = makeTree(20_000)
    const before = new Nodes()
    before.build(entries)
    for (const change of [
      (list: TreeEntry[]) => list.splice(9000, 1, { ...list[9000]!, mode: 0o600 }),
      (list: TreeEntry[]) => list.splice(9000, 1),
      (list: TreeEntry[]) =>
        list.splice(
          9001,
          0,
          makeEntry({ path: Buffer.concat([list[9000]!.path, Buffer.from('\x01')]), type: 'fifo' }),
        ),
    ]) {
      const changed = [...entries]
      change(changed)
      const after = new Nodes()
      after.build(changed)
      const fresh = [...after.nodes.keys()].filter((digest) => !before.nodes.has(digest))
      expect(after.nodes.size).toBeGreaterThan(15)
      expect(fresh.length).toBeLessThanOrEqual(4)
    }
  })

  test('is cut by its paths alone: other metadata gives as many nodes with the same first paths', () => {
    const entries = makeTree(3000)
    const [firstNodes, secondNodes] = [new Nodes(), new Nodes()]
    firstNodes.build(entries)
    secondNodes.build(entries.map((entry) => ({ ...entry, mode: 0o777 })))
    expect(secondNodes.nodes.size).toBe(firstNodes.nodes.size)
  })

  test('is cut before the paths of a leaf, written out, are more than a reader takes', async () => {
    const long = 'x'.repeat(60_000)
    const entries = [makeEntry({ path: Buffer.alloc(0), type: 'directory' })]
    for (let index = 0; index * 60_000 < maxNodePathBytes * 1.2; index++)
      entries.push(makeEntry({ path: Buffer.from(`${long}${1000 + index}`), type: 'fifo' }))
    const nodes = new Nodes()
    const root = nodes.build(entries)
    expect((await nodes.entries(root)).length).toBe(entries.length)
  })
})

describe('a selection', () => {
  test('gives what filtering the whole tree gives, and reads less of it', async () => {
    const nodes = new Nodes()
    const entries = makeTree(20_000)
    const root = nodes.build(entries)
    const nodeCount = nodes.nodes.size
    const somePath = fc.nat(entries.length - 1).map((index) => entries[index]!.path)
    const anyPath = fc
      .constantFrom('dir-1', 'dir-1/dir', 'nowhere', 'dir-19/nowhere', 'zzz', '\x01')
      .map((text) => Buffer.from(text))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(somePath, anyPath), { minLength: 1, maxLength: 4 }),
        async (paths) => {
          nodes.reads = 0
          const filtered = entries.filter((entry) => isSelected(entry.path, paths))
          expect(pathsOf(await nodes.entries(root, paths))).toEqual(pathsOf(filtered))
          if (filtered.length < 20) expect(nodes.reads).toBeLessThan(nodeCount)
        },
      ),
      { numRuns: Math.min(slowPropertyRuns, 100) },
    )
  })

  test('means the path itself, what lies below it, and the directories above it, but no other name that begins alike', () => {
    const isIn = (path: string, ...selection: string[]): boolean =>
      isSelected(
        Buffer.from(path),
        selection.map((text) => Buffer.from(text)),
      )
    expect(['', 'a', 'a/b', 'a/b/c'].map((path) => isIn(path, 'a/b'))).toEqual([true, true, true, true])
    expect(['a/bc', 'a/b-', 'ab', 'b', 'a/a'].map((path) => isIn(path, 'a/b'))).toEqual([
      false,
      false,
      false,
      false,
      false,
    ])
    fc.assert(
      fc.property(fc.constantFrom('', 'a', 'a/b'), (path) => {
        expect(isIn(path, '')).toBe(true)
      }),
      { numRuns: Math.min(propertyRuns, 10) },
    )
  })
})

describe('a tree that lies', () => {
  const vault = new HandmadeVault()
  const rootEntry = vault.directory('')
  const leafA = vault.node(0, [rootEntry, vault.directory('a'), vault.file('a/x', 'x')])
  const leafB = vault.node(0, [vault.directory('b'), vault.file('b/y', 'y')])
  const inner = (children: TreeChild[], height = 1): TreeChild => vault.node(height, children)
  const source = {
    read: (digests: readonly Buffer[]) =>
      Promise.resolve(digests.map((digest) => vault.chunks.get(digest.toString('hex')) ?? Buffer.alloc(0))),
  }
  const readAll = async (root: TreeChild, paths: string[] = []): Promise<string[]> => {
    const foundPaths: string[] = []
    for await (const entries of readTree(
      source,
      root.digest,
      selectPaths(paths.map((path) => Buffer.from(path))),
    ))
      foundPaths.push(...pathsOf([...entries]))
    return foundPaths
  }

  test('is read if it does not', async () => {
    expect(await readAll(inner([leafA, leafB]))).toEqual(['', 'a', 'a/x', 'b', 'b/y'])
    expect(await readAll(inner([inner([leafA, leafB])], 2))).toEqual(['', 'a', 'a/x', 'b', 'b/y'])
  })

  const beyond = vault.node(0, [rootEntry, vault.directory('a'), vault.directory('z')])
  const hidden = vault.node(0, [vault.directory('b'), vault.file('b/y', 'y'), vault.directory('zz')])
  test.each([
    ['has no root', vault.node(0, [vault.directory('a')])],
    ['has an empty root', vault.node(0, [])],
    ['has an inner root without children', inner([])],
    ['has an empty leaf', inner([leafA, { ...vault.node(0, []), firstPath: Buffer.from('b') }])],
    [
      'has a leaf that begins elsewhere than its parent says',
      inner([leafA, { ...leafB, firstPath: Buffer.from('aa') }]),
    ],
    [
      'has a leaf with other bytes than its parent says',
      inner([leafA, { ...leafB, bytes: leafB.bytes - 1 }]),
    ],
    ['has a leaf that claims no bytes', inner([leafA, { ...leafB, bytes: 0 }])],
    ['has a leaf with other entries than its parent says', inner([leafA, { ...leafB, entries: 1 }])],
    [
      'has an inner node with other entries than its parent says',
      inner([{ ...inner([leafA, leafB]), entries: 4 }], 2),
    ],
    ['has a leaf where an inner node should be', inner([leafA, leafB], 2)],
    ['has an inner node where a leaf should be', inner([inner([leafA, leafB])])],
    ['has an inner node as high as its parent', inner([inner([leafA, leafB], 2)], 2)],
    ['has a leaf whose last entries lie in its sibling', inner([beyond, leafB])],
    [
      "has a child that lies beyond its parent's end",
      inner([inner([leafA, hidden]), inner([{ ...vault.node(0, [vault.directory('c')]) }])], 2),
    ],
    [
      'names a chunk that is no node',
      inner([leafA, { ...leafB, digest: vault.keep(Buffer.from('anything')) }]),
    ],
  ])('is refused if it %s', async (_, root) => {
    await expect(readAll(root)).rejects.toSatisfy((error) => isHoldfastError(error, 'damaged'))
  })

  test('is refused with a selection too, where the lie would be read', async () => {
    await expect(readAll(vault.node(0, [vault.directory('a')]), ['a'])).rejects.toSatisfy((error) =>
      isHoldfastError(error, 'damaged'),
    )
    // Its sibling, which would show it, is not read.
    await expect(readAll(inner([beyond, leafB]), ['a'])).rejects.toSatisfy((error) =>
      isHoldfastError(error, 'damaged'),
    )
  })
})
