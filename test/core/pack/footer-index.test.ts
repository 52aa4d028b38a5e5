import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FooterIndex } from '../../../core/pack/footer-index.ts'
import type { PackFooter } from '../../../core/pack/pack-footer.ts'
import { sha256Of } from '../../fixtures/handmade-vault.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

function footerOf(digests: readonly Buffer[]): PackFooter {
  return {
    source: 'files',
    frames: [],
    lengths: new Uint32Array(digests.length),
    digests: Buffer.concat(digests),
  }
}

// Few first bytes, so that slots collide; the digests differ in their last bytes only.
const digest = fc
  .tuple(fc.nat(3), fc.nat(40))
  .map(([first, last]) => Buffer.concat([Buffer.alloc(31, first), Buffer.from([last])]))

test('it names the first pack that holds a chunk, whatever other packs hold, and whichever are unknown or empty', () => {
  const packs = fc.array(fc.option(fc.array(digest, { maxLength: 30 })), { maxLength: 12 })
  fc.assert(
    fc.property(packs, fc.array(digest, { maxLength: 40 }), fc.nat(5), (packDigests, lookupKeys, offset) => {
      const index = new FooterIndex(
        packDigests.map((digests) => (digests === null ? null : footerOf(digests))),
      )
      for (const key of lookupKeys) {
        const pack = packDigests.findIndex(
          (digests) => digests?.some((digest) => digest.equals(key)) ?? false,
        )
        const expected =
          pack === -1 ? null : { pack, chunk: packDigests[pack]!.findIndex((digest) => digest.equals(key)) }
        expect(
          index.find(Buffer.concat([Buffer.alloc(offset, 0xee), key, Buffer.alloc(3, 0xdd)]), offset),
        ).toEqual(expected)
      }
    }),
    { numRuns: propertyRuns },
  )
})

test('5,000 chunks in 7 packs, each found in its own, and no other', () => {
  const nameOf = (pack: number, chunk: number): Buffer => sha256Of(Buffer.from(`${pack} ${chunk}`))
  const sizes = [0, 1000, 1, 2998, 0, 1001, 0]
  const index = new FooterIndex(
    sizes.map((chunks, pack) => footerOf(Array.from({ length: chunks }, (_, chunk) => nameOf(pack, chunk)))),
  )
  for (const [pack, chunks] of sizes.entries()) {
    for (let chunk = 0; chunk < chunks; chunk++)
      expect(index.find(nameOf(pack, chunk))).toEqual({ pack, chunk })
    expect(index.find(nameOf(pack, chunks))).toBeNull()
  }
})

test('files that were chosen for where their digests lie are found as all others', () => {
  const chosen: Buffer[] = []
  for (let file = 0; chosen.length < 1500; file++) {
    const digest = sha256Of(Buffer.from(`upload ${file}`))
    if (digest.readUInt16LE(0) < 400) chosen.push(digest)
  }
  const index = new FooterIndex([footerOf(chosen)])
  for (const [chunk, digest] of chosen.entries()) expect(index.find(digest)).toEqual({ pack: 0, chunk })
})
