import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChunkIndex } from '../../../core/pack/chunk-index.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { sha256Of } from '../../fixtures/handmade-vault.ts'

test('it answers as a Map does, over several growths and with other digests at any offset', () => {
  // Few first bytes, so that slots collide; the digests differ in their last bytes only.
  const digest = fc
    .tuple(fc.nat(3), fc.nat(40))
    .map(([first, last]) => Buffer.concat([Buffer.alloc(31, first), Buffer.from([last])]))
  const value = fc.oneof(fc.nat(), fc.constant(2 ** 40))
  fc.assert(
    fc.property(fc.array(fc.tuple(digest, value, fc.nat(5)), { maxLength: 300 }), (steps) => {
      const index = new ChunkIndex()
      const model = new Map<string, number>()
      for (const [key, number, offset] of steps) {
        const embedded = Buffer.concat([Buffer.alloc(offset, 0xee), key, Buffer.alloc(3, 0xdd)])
        expect(index.find(embedded, offset)).toBe(model.get(key.toString('hex')) ?? -1)
        index.set(embedded, offset, number)
        model.set(key.toString('hex'), number)
        expect(index.size).toBe(model.size)
      }
      for (const [key, number] of model) expect(index.find(Buffer.from(key, 'hex'))).toBe(number)
    }),
    { numRuns: propertyRuns },
  )
})

test('5,000 digests, each found with its own value, and no other', () => {
  const index = new ChunkIndex()
  for (let number = 0; number < 5000; number++) index.set(sha256Of(Buffer.from(String(number))), 0, number)
  for (let number = 0; number < 5000; number++)
    expect(index.find(sha256Of(Buffer.from(String(number))))).toBe(number)
  for (let number = 5000; number < 6000; number++)
    expect(index.find(sha256Of(Buffer.from(String(number))))).toBe(-1)
})
