import fc from 'fast-check'
import { expect, test } from 'vitest'
import { comparePaths } from '../../../core/tree/tree-entry.ts'
import { CacheDamaged } from '../../../engine/backup/cache-database.ts'
import { FileRecords, encodeRecord, sortKeyOf } from '../../../engine/backup/file-records.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

const stamp = { size: 5, mtimeNs: -1n, ctimeNs: 1_700_000_000_123_456_789n, inode: 2n ** 64n - 1n }
const files = fc.array(
  fc.record({
    key: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    stamp: fc.record({
      size: fc.nat(2 ** 50),
      mtimeNs: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      ctimeNs: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      inode: fc.bigInt(0n, 2n ** 64n - 1n),
    }),
    lengths: fc.array(fc.nat(0xffff_ffff), { maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 6 },
)

test('records give back keys, stamps and chunks as they were put in', () => {
  fc.assert(
    fc.property(files, (given) => {
      const contents = given.map(({ lengths }, index) => ({
        lengths,
        digests: Buffer.alloc(lengths.length * 32, index + 1),
      }))
      const records = new FileRecords(
        Buffer.concat(given.map((file, index) => encodeRecord(file.key, file.stamp, contents[index]!))),
      )
      expect(records.count).toBe(given.length)
      expect([records.firstKey, records.lastKey]).toEqual([given[0]!.key, given.at(-1)!.key])
      let at = 0
      given.forEach((file, index) => {
        expect(records.keyAt(at)).toEqual(file.key)
        expect(records.hasStatIdentityAt(at, file.stamp)).toBe(true)
        expect(records.contentAt(at)).toEqual(contents[index])
        at += records.bytesAt(at)
      })
    }),
    { numRuns: propertyRuns },
  )
})

test.each([
  ['size', { ...stamp, size: 6 }],
  ['modification time', { ...stamp, mtimeNs: 0n }],
  ['change time', { ...stamp, ctimeNs: stamp.ctimeNs + 1n }],
  ['inode', { ...stamp, inode: 1n }],
])('another %s is another stamp', (_, other) => {
  const records = new FileRecords(
    encodeRecord(Buffer.from('key'), stamp, { digests: Buffer.alloc(0), lengths: [] }),
  )
  expect([records.hasStatIdentityAt(0, stamp), records.hasStatIdentityAt(0, other)]).toEqual([true, false])
})

test("bytes that aren't whole records are damage, whatever they are", () => {
  const whole = encodeRecord(Buffer.from('key'), stamp, { digests: Buffer.alloc(64), lengths: [2, 3] })
  for (let length = 0; length < whole.length; length++)
    expect(() => new FileRecords(whole.subarray(0, length)), String(length)).toThrow(CacheDamaged)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        new FileRecords(Buffer.from(bytes))
      } catch (error) {
        expect(error).toBeInstanceOf(CacheDamaged)
      }
    }),
    { numRuns: propertyRuns },
  )
})

test('keys have the order of the tree', () => {
  const path = fc
    .array(fc.constantFrom('a', 'a!', 'a.b', 'b', '0'), { minLength: 1, maxLength: 4 })
    .map((names) => Buffer.from(names.join('/')))
  fc.assert(
    fc.property(path, path, (left, right) => {
      expect(Math.sign(Buffer.compare(sortKeyOf(left), sortKeyOf(right)))).toBe(
        Math.sign(comparePaths(left, right)),
      )
    }),
    { numRuns: propertyRuns },
  )
})
