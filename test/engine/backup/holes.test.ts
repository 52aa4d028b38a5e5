import {
  closeSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import * as chunker from '../../../core/pack/chunker.ts'
import { Holes, parseExtents } from '../../../engine/backup/holes.ts'
import * as sourceReader from '../../../engine/backup/source-reader.ts'
import { SegmentReader, bufferBytes, segmentBytes, skipHole } from '../../../engine/backup/source-reader.ts'
import { statIdentityOf } from '../../../engine/stat-identity.ts'
import { sha256Of } from '../../fixtures/handmade-vault.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

vi.mock(import('../../../core/pack/chunker.ts'), { spy: true })
vi.mock(import('../../../engine/backup/source-reader.ts'), { spy: true })

afterEach(() => {
  vi.mocked(chunker.findCut).mockClear()
  vi.mocked(sourceReader.skipHole).mockClear()
})

const mib = 2 ** 20

/** A file of this size, with data at these offsets. */
function makeSparse(path: string, bytes: number, extents: readonly [offset: number, data: Buffer][]): void {
  const descriptor = openSync(path, 'w')
  ftruncateSync(descriptor, bytes)
  for (const [offset, data] of extents) writeSync(descriptor, data, 0, data.length, offset)
  closeSync(descriptor)
}

function chunksOf(path: string): { digest: string; bytes: number }[] {
  const stats = lstatSync(path, { bigint: true })
  const item = {
    path: Buffer.from(path),
    identity: statIdentityOf(stats),
    offset: 0,
    bytes: Number(stats.size),
  }
  const reader = new SegmentReader(item, (file) => file)
  const buffer = Buffer.alloc(bufferBytes)
  const chunks: { digest: string; bytes: number }[] = []
  while (!reader.isDone)
    for (const { digest, bytes } of reader.next(buffer).chunks)
      chunks.push({ digest: digest.toString('hex'), bytes })
  return chunks
}

test('a hole is neither cut nor hashed', () => {
  const path = join(makeTemporaryDirectory(), 'f')
  makeSparse(path, 32 * mib, [])
  const chunks = chunksOf(path)
  expect(vi.mocked(chunker.findCut).mock.calls.length).toBeLessThanOrEqual(1)
  expect(chunks.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(32 * mib)
  expect(new Set(chunks.map(({ digest }) => digest)).size).toBeLessThanOrEqual(2)
})

test('the chunks of a file with holes are those of any file with its content', () => {
  const path = join(makeTemporaryDirectory(), 'f')
  makeSparse(path, 20 * mib + 17, [
    [5 * mib - 3, randomBytes(300_000, 1)],
    [12 * mib + 1, Buffer.from([1])],
    [20 * mib, randomBytes(17, 2)],
  ])
  const content = readFileSync(path)
  const expected: { digest: string; bytes: number }[] = []
  for (let start = 0; start < content.length;) {
    const end = chunker.findCut(content, start, content.length)
    expected.push({ digest: sha256Of(content.subarray(start, end)).toString('hex'), bytes: end - start })
    start = end
  }
  expect(chunksOf(path)).toEqual(expected)
})

test('a file with holes comes back with holes', async () => {
  const source = new ProtectedSource()
  const path = join(source.directory, 'f')
  makeSparse(path, 100 * mib, [[50 * mib, randomBytes(1000, 3)]])
  await source.backup()
  const { target } = await source.restore()
  const restored = statSync(join(target, 'f'))
  expect([restored.size, restored.blocks * 512 < 4 * mib]).toEqual([100 * mib, true])
  expect(readFileSync(join(target, 'f')).equals(readFileSync(path))).toBe(true)
})

describe('a large file whose holes the kernel names', () => {
  const size = 5 * segmentBytes + 17
  const extents: [number, Buffer][] = [[3 * segmentBytes + 5000, randomBytes(1000, 4)]]
  const withData = new Set([3])

  function makeLarge(directory = makeTemporaryDirectory()): string {
    const path = join(directory, 'f')
    makeSparse(path, size, extents)
    return path
  }

  function segmentOf(path: string, segment: number): sourceReader.ReadItem {
    const identity = statIdentityOf(lstatSync(path, { bigint: true }))
    const offset = segment * segmentBytes
    return { path: Buffer.from(path), identity, offset, bytes: segmentBytes, isHole: true }
  }

  const look = (path: string, command?: string): ReadonlySet<number> | null =>
    new Holes(command).findData(Buffer.from(path), lstatSync(path, { bigint: true }))

  test('is read only where it may have data', () => {
    expect(look(makeLarge())).toEqual(withData)
  })

  test('is read whole without perl, or if perl fails', () => {
    const path = makeLarge()
    expect(look(path, 'holdfast-no-such-program')).toBeNull()
    expect(look(path, 'false')).toBeNull()
    expect(look(path, 'true')).toBeNull()
  })

  test('is read whole if another file, or a link, has taken its place', () => {
    const path = makeLarge()
    const stats = lstatSync(path, { bigint: true })
    renameSync(path, `${path}-2`)
    symlinkSync(`${path}-2`, path)
    expect(new Holes().findData(Buffer.from(path), stats)).toBeNull()
    renameSync(makeLarge(), path)
    expect(new Holes().findData(Buffer.from(path), stats)).toBeNull()
  })

  test.each([
    '',
    '0 4096\n',
    '5 4\nend\n',
    '0 4096\n100 5000\nend\n',
    '0 4096\n8192 335544339\nend\n',
    '0 -1\nend\n',
    'x\nend\n',
    '1 1\nend\n',
  ])('is read whole after the answer %j', (text) => expect(parseExtents(text, size)).toBeNull())

  test('has no data if no extent precedes the end', () => {
    expect(parseExtents('end\n', size)).toEqual(new Set())
    expect(parseExtents('0 1\n67108863 67108865\nend\n', size)).toEqual(new Set([0, 1]))
  })

  test('has the chunks of a hole that is read', () => {
    const path = makeLarge()
    const buffer = Buffer.alloc(bufferBytes, 1)
    const { contents, chunks } = skipHole(segmentOf(path, 0), buffer, (file) => file)!
    const reader = new SegmentReader(segmentOf(path, 0), (file) => file)
    const read: string[] = []
    while (!reader.isDone)
      for (const { digest, bytes } of reader.next(Buffer.alloc(bufferBytes)).chunks)
        read.push(`${digest.toString('hex')} ${bytes}`)
    expect(chunks.map(({ digest, bytes }) => `${digest.toString('hex')} ${bytes}`)).toEqual(read)
    expect(contents[0]!.lengths.reduce((sum, bytes) => sum + bytes, 0)).toBe(segmentBytes)
    for (const { digest, offset, bytes } of chunks)
      expect(sha256Of(buffer.subarray(offset, offset + bytes)).equals(digest)).toBe(true)
  })

  test('is read if it changed since the kernel named its holes', () => {
    const path = makeLarge()
    const item = segmentOf(path, 0)
    utimesSync(path, 1, 1)
    expect(skipHole(item, Buffer.alloc(bufferBytes), (file) => file)).toBeNull()
  })

  test('comes back byte for byte, and its holes were not read', async () => {
    const source = new ProtectedSource()
    const path = makeLarge(source.directory)
    const { bytesRead, complete } = await source.backup()
    expect([bytesRead, complete]).toEqual([size, true])
    const skipped = vi.mocked(sourceReader.skipHole).mock.results.filter(({ value }) => value !== null)
    expect(skipped).toHaveLength(4)
    const { target } = await source.restore()
    expect(readFileSync(join(target, 'f')).equals(readFileSync(path))).toBe(true)
    expect(statSync(join(target, 'f')).blocks * 512).toBeLessThan(4 * mib)
  })
})
