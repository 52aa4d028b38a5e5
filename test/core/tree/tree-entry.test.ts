import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../../core/bytes.ts'
import {
  comparePaths,
  decodeEntry,
  encodeEntry,
  isTreePath,
  makeEntry,
} from '../../../core/tree/tree-entry.ts'
import type { TreeEntry } from '../../../core/tree/tree-entry.ts'
import { compareByNames, entryAt, entryName } from '../../fixtures/arbitrary-entries.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { acceptedPrefixes, refusalOf } from '../../fixtures/refusal.ts'

const path = fc
  .array(entryName, { maxLength: 5 })
  .map((names) => Buffer.from(names.map((name) => name.toString('latin1')).join('/'), 'latin1'))
const none = Buffer.alloc(0)

function encode(entry: TreeEntry, previous = none): Buffer {
  const writer = new ByteWriter()
  encodeEntry(writer, entry, previous)
  return writer.finish()
}

function decode(bytes: Buffer, previous = none): TreeEntry {
  const reader = new ByteReader(bytes, 'the entry')
  const entry = decodeEntry(reader, previous)
  reader.expectEnd()
  return entry
}

describe('an entry', () => {
  test('of every type, at any path, after any other, is the same when it is read again', () => {
    const pair = fc
      .tuple(
        path.filter(({ length }) => length > 0),
        path,
      )
      .chain(([entryPath, before]) => fc.tuple(entryAt(entryPath), fc.constant(before)))
    fc.assert(
      fc.property(pair, ([entry, previous]) => {
        const bytes = encode(entry, previous)
        expect(decode(bytes, previous)).toEqual(entry)
        expect(acceptedPrefixes(bytes, (prefix) => decode(prefix, previous), 12)).toEqual([])
      }),
      { numRuns: propertyRuns },
    )
  })

  test('of random bytes is refused, or has a path that stays below the root', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), path, (bytes, previous) => {
        if (refusalOf(() => decode(Buffer.from(bytes), previous)) !== null) return
        expect(isTreePath(decode(Buffer.from(bytes), previous).path)).toBe(true)
      }),
      { numRuns: propertyRuns * 5 },
    )
  })

  const file = makeEntry({
    path: Buffer.from('f'),
    type: 'file',
    size: 5,
    content: { depth: 0, digests: Buffer.alloc(32), lengths: [5] },
  })
  test.each([
    ['a file of another size than its chunks', encode({ ...file, size: 6 })],
    ['a chunk list of an unknown form', encode({ ...file, content: { ...file.content, depth: 2 as 1 } })],
    ['an unknown type', flipType(encode(file), 9)],
    ['a link without a target', encode(makeEntry({ path: Buffer.from('l'), type: 'symlink' }))],
    [
      'a link whose target has a NUL',
      encode(makeEntry({ path: Buffer.from('l'), type: 'symlink', linkTarget: Buffer.from('a\0b') })),
    ],
    ['more than 12 bits of mode', encode({ ...file, mode: 0o10000 })],
    ['a root that is a file', encode({ ...file, path: none })],
    [
      'a root that is a link',
      encode(makeEntry({ path: none, type: 'symlink', linkTarget: Buffer.from('/') })),
    ],
    ['a path that is too long', encode({ ...file, path: Buffer.alloc(70_000, 'a') })],
  ])('with %s is refused', (_, bytes) => {
    expect(refusalOf(() => decode(bytes))?.code).toBe('damaged')
  })
})

function flipType(bytes: Buffer, type: number): Buffer {
  const corrupt = Buffer.from(bytes)
  corrupt[3] = type
  return corrupt
}

describe('a path', () => {
  test.each(['', 'a', 'a/b', '...', '.a', '..a', 'a..', 'a/.b/..c', ' ', 'a\nb', '\xff'])(
    '%j is one',
    (text) => {
      expect(isTreePath(Buffer.from(text, 'latin1'))).toBe(true)
    },
  )

  test.each([
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    './a',
    '../a',
    'a/.',
    'a/..',
    'a/../b',
    'a/./b',
    'a\0',
    '\0',
    'a/\0/b',
  ])('%j is none', (text) => {
    expect(isTreePath(Buffer.from(text, 'latin1'))).toBe(false)
    const entry = makeEntry({ path: Buffer.from(text, 'latin1'), type: 'directory' })
    expect(refusalOf(() => decode(encode(entry)))?.code).toBe('damaged')
  })

  test('may not get its `..` from the entry before it', () => {
    const previous = Buffer.from('a/.')
    expect(
      refusalOf(() =>
        decode(encode(makeEntry({ path: Buffer.from('a/..'), type: 'directory' }), previous), previous),
      )?.code,
    ).toBe('damaged')
  })
})

describe('the order of paths', () => {
  test('is that of their names, one after the other', () => {
    fc.assert(
      fc.property(path, path, (a, b) => {
        expect(Math.sign(comparePaths(a, b))).toBe(Math.sign(compareByNames(a, b)))
      }),
      { numRuns: propertyRuns * 5 },
    )
  })

  test('is total: never both ways, equal only for equal paths, and transitive', () => {
    fc.assert(
      fc.property(path, path, path, (a, b, c) => {
        expect(Math.sign(comparePaths(a, b)) + Math.sign(comparePaths(b, a))).toBe(0)
        expect(comparePaths(a, b) === 0).toBe(a.equals(b))
        if (comparePaths(a, b) <= 0 && comparePaths(b, c) <= 0)
          expect(comparePaths(a, c)).toBeLessThanOrEqual(0)
      }),
      { numRuns: propertyRuns * 5 },
    )
  })

  test('puts everything below a directory right behind it, before names that go on with a smaller byte than `/`', () => {
    const paths = ['a', 'a/b', 'a/b/c', 'a/c', 'a\x01', 'a-b', 'a.b', 'ab'].map((text) =>
      Buffer.from(text, 'latin1'),
    )
    expect([...paths].reverse().sort(comparePaths)).toEqual(paths)
  })
})
