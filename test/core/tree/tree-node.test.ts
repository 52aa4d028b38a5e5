import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteWriter } from '../../../core/bytes.ts'
import { maxNodeBytes, maxTreeHeight } from '../../../core/limits.ts'
import { makeEntry } from '../../../core/tree/tree-entry.ts'
import type { TreeEntry } from '../../../core/tree/tree-entry.ts'
import { NodeWriter, decodeNode } from '../../../core/tree/tree-node.ts'
import type { TreeChild } from '../../../core/tree/tree-node.ts'
import { compareByNames, entryAt, entryName } from '../../fixtures/arbitrary-entries.ts'
import { flip } from '../../fixtures/faulty-store.ts'
import { HandmadeVault, sha256Of } from '../../fixtures/handmade-vault.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { acceptedPrefixes, refusalOf } from '../../fixtures/refusal.ts'

const vault = new HandmadeVault()
const ordered = fc
  .uniqueArray(entryName, { maxLength: 12, selector: (name) => name.toString('latin1') })
  .map((names) => names.sort(compareByNames))

/** A node with all its entries: of a leaf they tell whether it is whole. */
function readNode(
  bytes: Buffer,
): { height: number; entries: TreeEntry[] } | { height: number; children: TreeChild[] } {
  const node = decodeNode(bytes, 'it')
  return 'entries' in node ? { ...node, entries: [...node.entries] } : node
}

function encodeNode(height: number, items: Parameters<NodeWriter<TreeChild>['add']>[0][]): Buffer {
  const writer = new NodeWriter<TreeChild>(height)
  for (const item of items) writer.add(item)
  return writer.finish()
}

function child(path: string, overrides: Partial<TreeChild> = {}): TreeChild {
  return {
    firstPath: Buffer.from(path, 'latin1'),
    digest: sha256Of(Buffer.from(path)),
    bytes: 100,
    entries: 3,
    ...overrides,
  }
}

describe('a node', () => {
  test('of entries is the same when it is read again', () => {
    fc.assert(
      fc.property(
        ordered.chain((names) => fc.tuple(...names.map(entryAt))),
        (entries) => {
          const writer = new NodeWriter(0)
          for (const entry of entries) writer.add(entry)
          expect(writer.entries).toBe(entries.length)
          const bytes = writer.finish()
          expect(readNode(bytes)).toEqual({
            height: 0,
            count: entries.length,
            firstPath: entries[0]?.path,
            entries,
          })
          expect(acceptedPrefixes(bytes, (prefix) => readNode(prefix), 12)).toEqual([])
        },
      ),
      { numRuns: propertyRuns },
    )
  })

  test('of children is the same when it is read again', () => {
    fc.assert(
      fc.property(
        ordered,
        fc.integer({ min: 1, max: maxTreeHeight }),
        fc.nat(maxNodeBytes),
        fc.maxSafeNat(),
        (names, height, bytes, entries) => {
          const children = names.map((name) => child(name.toString('latin1'), { bytes, entries }))
          const node = encodeNode(height, children)
          expect(readNode(node)).toEqual({ height, children })
          expect(acceptedPrefixes(node, (prefix) => readNode(prefix), 12)).toEqual([])
        },
      ),
      { numRuns: propertyRuns },
    )
  })

  test('of random bytes is refused, or its paths are in order', () => {
    const leaf = encodeNode(0, []).subarray(0, 10)
    const inner = encodeNode(1, []).subarray(0, 10)
    fc.assert(
      fc.property(fc.constantFrom(leaf, inner), fc.uint8Array({ maxLength: 200 }), (head, bytes) => {
        const dressed = Buffer.concat([head, bytes])
        if (refusalOf(() => readNode(dressed)) !== null) return
        const node = readNode(dressed)
        const paths =
          'entries' in node
            ? node.entries.map((entry) => entry.path)
            : node.children.map(({ firstPath }) => firstPath)
        for (let index = 1; index < paths.length; index++)
          expect(compareByNames(paths[index - 1]!, paths[index]!)).toBeLessThan(0)
      }),
      { numRuns: propertyRuns * 2 },
    )
    expect(refusalOf(() => readNode(flip(encodeNode(0, []), 8, 2)))?.code).toBe('unsupported-format')
  })

  test.each([
    ['entries out of order', [vault.directory('b'), vault.directory('a')]],
    ['an entry twice', [vault.directory('a'), vault.directory('a')]],
    ['a file below a later directory', [vault.directory('a-b'), vault.directory('a/c')]],
  ])('with %s is refused', (_, entries) => {
    const writer = new NodeWriter(0)
    for (const entry of entries) writer.add(entry)
    expect(refusalOf(() => readNode(writer.finish()))?.message).toContain('out of order')
  })

  test.each([
    ['children out of order', 1, [child('b'), child('a')]],
    ['a child twice', 1, [child('a'), child('a')]],
    ['a child at `..`', 1, [child('..')]],
    ['a child at an absolute path', 1, [child('/etc')]],
    ['a child larger than a node may be', 1, [child('a', { bytes: maxNodeBytes + 1 })]],
    ['a height over the limit', maxTreeHeight + 1, [child('a')]],
    ['a height that only leaves have', 0, [child('a')]],
  ])('with %s is refused', (_, height, children) => {
    const node = encodeNode(Math.max(1, height), children)
    node[10] = height
    expect(refusalOf(() => readNode(node))?.code).toBe('damaged')
  })

  test('that claims four billion entries is refused at once', () => {
    for (const height of [0, 1]) {
      const writer = new ByteWriter()
      writer.bytes(encodeNode(height, []).subarray(0, height === 0 ? 10 : 11))
      writer.varint(0xffff_ffff)
      writer.bytes(new Uint8Array(1000))
      expect(refusalOf(() => readNode(writer.finish()))?.message).toContain('more than its bytes can hold')
    }
  })

  test('whose entries share so long a path that a few bytes each would fill the memory is refused', () => {
    const writer = new NodeWriter(0)
    const long = 'a/'.repeat(30_000)
    for (let index = 0; index < 400; index++) {
      writer.add(
        makeEntry({ path: Buffer.from(`${long}${String(index).padStart(6, '0')}`, 'latin1'), type: 'fifo' }),
      )
    }
    const bytes = writer.finish()
    expect(bytes.length).toBeLessThan(100_000)
    expect(refusalOf(() => readNode(bytes))?.code).toBe('damaged')
  })
})
