// The slot of a digest in a hash table. An attacker who chooses the files of a backup also chooses their
// digests: a few thousand files, found in a minute, could all share a few slots. Two secret factors of this
// process decide which digests collide.
import { randomInt } from 'node:crypto'

const [first, second] = [oddNumber(), oddNumber()]

function oddNumber(): number {
  return randomInt(2 ** 31) * 2 + 1
}

/** Multiply-shift hashing of the first 8 bytes at `offset`. @param slots a power of two. */
export function slotOfDigest(digest: Uint8Array, offset: number, slots: number): number {
  return (
    (Math.imul(wordAt(digest, offset), first) + Math.imul(wordAt(digest, offset + 4), second)) >>>
    (Math.clz32(slots) + 1)
  )
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}
