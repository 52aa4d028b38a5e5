import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { makeBig, makeDaily, makeMixed, makeTiny } from '../../../lab/bench/dataset.ts'
import { SeededBytes } from '../../../lab/bench/seeded-bytes.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

function contentOf(directory: string): Map<string, Buffer> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return new Map(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [file.slice(directory.length), readFileSync(file)]),
  )
}

function digest(directory: string): string {
  const hash = createHash('sha256')
  for (const [name, bytes] of contentOf(directory)) hash.update(name).update(bytes)
  return hash.digest('hex')
}

/** The share of the bytes that changed, among the bytes that exist before and after. */
function changedShare(before: Map<string, Buffer>, after: Map<string, Buffer>): number {
  let [changed, total] = [0, 0]
  for (const [name, bytes] of before) {
    const now = after.get(name)!
    total += bytes.length
    for (let at = 0; at < bytes.length; at++) if (bytes[at] !== now[at]) changed += 1
  }
  return changed / total
}

describe.each([
  ['mixed', makeMixed, 0.004],
  ['tiny', makeTiny, 0.002],
  ['big', makeBig, 0.0001],
  ['daily', makeDaily, 0.003],
] as const)('the data set %s', (name, make, scale) => {
  test('is the same each time, to the byte, and changes alike', async () => {
    const [firstDirectory, secondDirectory] = [makeTemporaryDirectory(), makeTemporaryDirectory()]
    const [first, second] = [make(firstDirectory, scale), make(secondDirectory, scale)]
    expect(digest(firstDirectory)).toBe(digest(secondDirectory))
    expect({ ...first, directory: '', change: null }).toEqual({ ...second, directory: '', change: null })
    const before = digest(firstDirectory)
    await first.change(0)
    expect(digest(firstDirectory)).not.toBe(before)
    await second.change(0)
    expect(digest(firstDirectory)).toBe(digest(secondDirectory))
    const afterFirst = digest(firstDirectory)
    await first.change(1)
    expect(digest(firstDirectory)).not.toBe(afterFirst)
  })

  test('describes its content', () => {
    const directory = makeTemporaryDirectory()
    const dataset = make(directory, scale)
    const content = contentOf(directory)
    expect(dataset).toMatchObject({
      name,
      files: content.size,
      bytes: [...content.values()].reduce((sum, { length }) => sum + length, 0),
    })
    expect(statSync(join(directory, dataset.oneFile)).size).toBeGreaterThan(0)
  })

  test('changes by about 2 %, in a day by 0.1 %', async () => {
    const directory = makeTemporaryDirectory()
    const dataset = make(directory, scale)
    const before = contentOf(directory)
    await dataset.change(3)
    const share = changedShare(before, contentOf(directory))
    expect(share).toBeGreaterThan(name === 'daily' ? 0.0005 : 0.005)
    expect(share).toBeLessThan(name === 'daily' ? 0.0015 : 0.06)
  })
})

test('the mixed set has a large file that is another one, shifted', () => {
  const directory = makeTemporaryDirectory()
  makeMixed(directory, 0.005)
  const [original, shifted] = ['2', '3'].map((name) => readFileSync(join(directory, 'large', name)))
  expect(shifted!.subarray(12_345).equals(original!.subarray(0, original!.length - 12_345))).toBe(true)
})

test('seeded text compresses as text does, seeded noise not at all, and neither repeats', () => {
  const seed = new SeededBytes('a seed')
  const ratio = (bytes: Buffer): number => bytes.length / zstdCompressSync(bytes).length
  const [text, noise] = [seed.text(2 ** 20), seed.random(2 ** 20)]
  expect(ratio(text)).toBeGreaterThan(1.8)
  expect(ratio(text)).toBeLessThan(6)
  expect(ratio(noise)).toBeLessThan(1.001)
  expect(seed.text(2 ** 20).equals(text)).toBe(false)
  expect(new SeededBytes('a seed').text(100).equals(text.subarray(0, 100))).toBe(true)
  expect(new SeededBytes('another').text(100).equals(text.subarray(0, 100))).toBe(false)
})
