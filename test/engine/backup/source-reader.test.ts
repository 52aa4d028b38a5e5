import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { findCut } from '../../../core/pack/chunker.ts'
import { statIdentityOf } from '../../../engine/stat-identity.ts'
import { SegmentReader, bufferBytes, readBatch } from '../../../engine/backup/source-reader.ts'
import type { ItemContent, ReadItem } from '../../../engine/backup/source-reader.ts'
import { sha256Of } from '../../fixtures/handmade-vault.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

/** Called before each read. */
let onRead: () => void = () => undefined
vi.mock(import('node:fs'), async (original) => {
  const fs = await original()
  const readSync = (...args: Parameters<typeof fs.readSync>): number => {
    onRead()
    return fs.readSync(...args)
  }
  return { ...fs, readSync: readSync as typeof fs.readSync }
})

/** The items of these tests have absolute paths. */
const asItIs = (path: Buffer): Buffer => path

function itemOf(path: string, part?: { offset: number; bytes: number }): ReadItem {
  const stats = lstatSync(path, { bigint: true })
  return {
    path: Buffer.from(path),
    identity: statIdentityOf(stats),
    offset: 0,
    bytes: Number(stats.size),
    ...part,
  }
}

/** Reads, and checks that the chunks are what lies in the buffer. */
function read(items: ReadItem[]): { contents: ItemContent[]; bytes: Buffer[] } {
  const buffer = Buffer.alloc(
    items.reduce((sum, item) => sum + item.bytes, 0),
    0xee,
  )
  const { contents, chunks } = readBatch(items, buffer, asItIs)
  for (const chunk of chunks)
    expect(sha256Of(buffer.subarray(chunk.offset, chunk.offset + chunk.bytes)).equals(chunk.digest)).toBe(
      true,
    )
  let next = 0
  const bytes = contents.map((content) => {
    const fileChunks = chunks.slice(next, next + content.lengths.length)
    next += content.lengths.length
    expect(fileChunks.map((chunk) => chunk.bytes)).toEqual(content.lengths)
    expect(Buffer.concat(fileChunks.map(({ digest }) => digest)).equals(Buffer.from(content.digests))).toBe(
      true,
    )
    return Buffer.concat(fileChunks.map((chunk) => buffer.subarray(chunk.offset, chunk.offset + chunk.bytes)))
  })
  expect(next).toBe(chunks.length)
  return { contents, bytes }
}

test('several files, and segments of a large one, are read one behind the other, each with its own chunks', () => {
  const directory = makeTemporaryDirectory()
  const large = randomBytes(3_000_000, 1)
  const [a, b, c] = ['a', 'b', 'c'].map((name) => join(directory, name)) as [string, string, string]
  writeFileSync(a, 'small')
  writeFileSync(b, large)
  writeFileSync(c, 'last')
  const { contents, bytes } = read([itemOf(a), itemOf(b, { offset: 1_000_000, bytes: 2_000_000 }), itemOf(c)])
  expect(contents.map(({ problem, newStats: restamped }) => [problem, restamped])).toEqual([
    [null, null],
    [null, null],
    [null, null],
  ])
  expect([bytes[0]!.toString(), bytes[1]!.equals(large.subarray(1_000_000)), bytes[2]!.toString()]).toEqual([
    'small',
    true,
    'last',
  ])
})

test('a whole file that became another one, but holds still, is read as it is, with its new stamp', () => {
  const path = join(makeTemporaryDirectory(), 'f')
  writeFileSync(path, 'first content')
  const item = itemOf(path)
  writeFileSync(path, 'second')
  utimesSync(path, 1_000_000_000, 1_000_000_000)
  const { contents, bytes } = read([item])
  expect(contents[0]).toMatchObject({
    problem: null,
    newStats: { identity: { size: 6, mtimeNs: 1_000_000_000_000_000_000n } },
  })
  expect(bytes[0]!.toString()).toBe('second')
})

test.each([
  [2, null, 'content 2'],
  [99, 'changed', 'content 3'],
])(
  'a file that changes during each of %i reads, at the same size, is read again, and changed if it never holds still',
  (changes, problem, content) => {
    const path = join(makeTemporaryDirectory(), 'f')
    writeFileSync(path, 'content 0')
    const item = itemOf(path)
    let reads = 0
    onTestFinished(() => void (onRead = () => undefined))
    onRead = () => {
      if (++reads > changes) return
      writeFileSync(path, `content ${reads}`)
      utimesSync(path, reads, reads)
    }
    const { contents, bytes } = read([item])
    expect(contents[0]!.problem?.kind ?? null).toBe(problem)
    expect(bytes[0]!.toString()).toBe(content)
  },
)

test('a file that outgrew its place is changed, and so is a segment of a file with other stamps', () => {
  const directory = makeTemporaryDirectory()
  const path = join(directory, 'f')
  writeFileSync(path, 'first')
  const item = itemOf(path)
  const segment = itemOf(path, { offset: 2, bytes: 3 })
  writeFileSync(path, 'first and more')
  const { contents, bytes } = read([item, segment])
  expect(contents.map(({ problem }) => problem?.kind)).toEqual(['changed', 'changed'])
  expect([bytes[0]!.toString(), bytes[1]!.toString()]).toEqual(['first', 'rst'])
  truncateSync(path, 3)
  expect(read([segment]).bytes[0]!.toString()).toBe('r')
})

test.each<[string, (path: string) => void]>([
  ['is gone', () => undefined],
  ['is a link', (path) => symlinkSync('/etc/passwd', path)],
  ['is a FIFO that nobody writes to', (path) => void execFileSync('mkfifo', [path])],
  ['is a directory', (path) => mkdirSync(path)],
])('what %s is said to have vanished, has no content, and spoils none of its neighbours', (_, make) => {
  const directory = makeTemporaryDirectory()
  const [a, b, c] = ['a', 'b', 'c'].map((name) => join(directory, name)) as [string, string, string]
  for (const path of [a, b, c]) writeFileSync(path, path)
  const items = [a, b, c].map((path) => itemOf(path))
  execFileSync('rm', [b])
  make(b)
  const { contents, bytes } = read(items)
  expect(contents.map(({ problem }) => problem?.kind ?? null)).toEqual([null, 'vanished', null])
  expect(bytes.map(String)).toEqual([a, '', c])
})

/** Reads a segment to its end; `between` runs after each part. */
function readSegment(
  item: ReadItem,
  between: () => void = () => undefined,
): { bytes: Buffer; lengths: number[]; kinds: (string | undefined)[] } {
  const reader = new SegmentReader(item, asItIs)
  const buffer = Buffer.alloc(bufferBytes)
  const parts: Buffer[] = []
  const lengths: number[] = []
  const kinds: (string | undefined)[] = []
  while (!reader.isDone) {
    const {
      contents: [content],
      chunks,
    } = reader.next(buffer)
    for (const { offset, bytes, digest } of chunks) {
      parts.push(Buffer.from(buffer.subarray(offset, offset + bytes)))
      expect(sha256Of(parts.at(-1)!).equals(digest)).toBe(true)
    }
    lengths.push(...content!.lengths)
    kinds.push(content!.problem?.kind)
    between()
  }
  return { bytes: Buffer.concat(parts), lengths, kinds }
}

test('a segment is read in parts that change nothing of its cuts', () => {
  const path = join(makeTemporaryDirectory(), 'f')
  const large = randomBytes(23_000_001, 2)
  writeFileSync(path, large)
  const offset = 1_000_003
  const { bytes, lengths, kinds } = readSegment(itemOf(path, { offset, bytes: large.length - offset }))
  const segment = large.subarray(offset)
  expect(bytes.equals(segment)).toBe(true)
  const cuts: number[] = []
  for (let at = 0; at < segment.length;) {
    const end = findCut(segment, at, segment.length)
    cuts.push(end - at)
    at = end
  }
  expect(lengths).toEqual(cuts)
  expect(kinds.every((kind) => kind === undefined) && kinds.length > 5).toBe(true)
})

test('a segment that gets shorter, or whose file vanishes, while it is read ends there, with what was read before', () => {
  const path = join(makeTemporaryDirectory(), 'f')
  const large = randomBytes(20_000_000, 3)
  writeFileSync(path, large)
  const shortened = readSegment(itemOf(path), () => truncateSync(path, 6_000_000))
  expect(shortened.kinds).toEqual([undefined, 'changed'])
  expect(shortened.bytes.equals(large.subarray(0, 6_000_000))).toBe(true)
  writeFileSync(path, large)
  const removedFile = readSegment(itemOf(path), () => execFileSync('rm', ['-f', path]))
  expect(removedFile.kinds).toEqual([undefined, 'vanished'])
  expect(removedFile.bytes.equals(large.subarray(0, removedFile.bytes.length))).toBe(true)
})
