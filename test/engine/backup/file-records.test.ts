import fc from 'fast-check'
import { expect, test } from 'vitest'
import { comparePaths } from '../../../core/tree/tree-entry.ts'
import { CacheDamaged } from '../../../engine/backup/cache-database.ts'
import { FileRecords, encodeRecord, sortKeyOf } from '../../../engine/backup/file-records.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

const identity = { size: 5, mtimeNs: -1n, ctimeNs: 1_700_000_000_123_456_789n, inode: 2n ** 64n - 1n }
const files = fc.array(
  fc.record({
    key: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    identity: fc.record({
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
    fc.property(files, (entries) => {
      const contents = entries.map(({ lengths }, index) => ({
        lengths,
        digests: Buffer.alloc(lengths.length * 32, index + 1),
      }))
      const records = new FileRecords(
        Buffer.concat(entries.map((file, index) => encodeRecord(file.key, file.identity, contents[index]!))),
      )
      expect(records.count).toBe(entries.length)
      expect([records.firstKey, records.lastKey]).toEqual([entries[0]!.key, entries.at(-1)!.key])
      let at = 0
      entries.forEach((file, index) => {
        expect(records.keyAt(at)).toEqual(file.key)
        expect(records.hasStatIdentityAt(at, file.identity)).toBe(true)
        expect(records.contentAt(at)).toEqual(contents[index])
        at += records.bytesAt(at)
      })
    }),
    { numRuns: propertyRuns },
  )
})

test.each([
  ['size', { ...identity, size: 6 }],
  ['modification time', { ...identity, mtimeNs: 0n }],
  ['change time', { ...identity, ctimeNs: identity.ctimeNs + 1n }],
  ['inode', { ...identity, inode: 1n }],
])('another %s is another stamp', (_, otherIdentity) => {
  const records = new FileRecords(
    encodeRecord(Buffer.from('key'), identity, { digests: Buffer.alloc(0), lengths: [] }),
  )
  expect([records.hasStatIdentityAt(0, identity), records.hasStatIdentityAt(0, otherIdentity)]).toEqual([
    true,
    false,
  ])
})

test("bytes that aren't whole records are damage, whatever they are", () => {
  const whole = encodeRecord(Buffer.from('key'), identity, { digests: Buffer.alloc(64), lengths: [2, 3] })
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
    fc.property(path, path, (a, b) => {
      const order = Math.sign(comparePaths(a, b))
      expect(Math.sign(Buffer.compare(sortKeyOf(a), sortKeyOf(b)))).toBe(order)
      const records = new FileRecords(
        encodeRecord(sortKeyOf(a), identity, { digests: Buffer.alloc(0), lengths: [] }),
      )
      expect(Math.sign(records.comparePathAt(0, b))).toBe(order)
    }),
    { numRuns: propertyRuns },
  )
})
