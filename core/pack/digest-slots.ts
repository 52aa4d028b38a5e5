// Where a digest belongs in a hash table. Whoever chooses what is backed up chooses its digests too: some thousand files, found in a
// minute, could all want the same few places. Which digests meet is decided by numbers that only this process knows.
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
