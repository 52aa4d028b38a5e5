import { expect, test } from 'vitest'
import { slotOfDigest } from '../../../core/pack/digest-slots.ts'
import { sha256Of } from '../../fixtures/handmade-vault.ts'

const slots = 2 ** 20
const digests = Array.from({ length: 2000 }, (_, number) => sha256Of(Buffer.from(String(number))))

test('a digest has one slot of those that there are, wherever it lies', () => {
  for (const digest of digests) {
    const slot = slotOfDigest(digest, 0, slots)
    expect(slotOfDigest(Buffer.concat([Buffer.alloc(3), digest]), 3, slots)).toBe(slot)
    expect(slot).toBeLessThan(slots)
    expect(slotOfDigest(digest, 0, 1024)).toBe(slot >>> 10)
  }
})

test.each([
  [0, 'first'],
  [4, 'second'],
])('files that were chosen for the 4 bytes at %i of their digests are spread all the same', (at) => {
  const chosen = digests.map((digest) =>
    Buffer.concat([digest.subarray(0, at), Buffer.alloc(4, 7), digest.subarray(at + 4)]),
  )
  expect(new Set(chosen.map((digest) => slotOfDigest(digest, 0, slots))).size).toBeGreaterThan(1800)
})
