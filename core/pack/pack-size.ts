// The size of packs: small enough to need little memory, large enough that requests cost little compared to
// storage.
import { maxFrameRawBytes } from '../limits.ts'

const mib = 1024 * 1024

/** The usual size of a pack: a TiB takes 65,536 requests, which cost $0.33. */
export const packTargetBytes = 16 * mib
/**
 * The size of packs when a source stores more than `largeSourceBytes`: a quarter of the requests and of a
 * manifest's entries.
 */
export const largePackTargetBytes = 64 * mib
export const largeSourceBytes = 2 ** 40

/**
 * Limits the memory of all packs under construction when packs are large: on a host with many threads each
 * pack is smaller.
 */
export const maxPackBufferBytes = 512 * mib
/** Room behind a full pack for one more frame and the footer. */
const sparePackBytes = maxFrameRawBytes + 2 * mib
/** A frame of small chunks is compressed when it has reached this size. */
export const sharedFrameBytes = 128 * 1024
/** Smaller chunks share a frame; each larger chunk has its own frame. */
export const sharedChunkBytes = 64 * 1024

/** Offset, in a pack's buffer, at which small chunks wait for their shared frame. */
export function pendingOffsetOf(targetBytes: number): number {
  return targetBytes + sparePackBytes
}

/** Size of the buffer in which a pack is built. */
export function packBufferBytes(targetBytes: number): number {
  return pendingOffsetOf(targetBytes) + sharedFrameBytes + sharedChunkBytes
}

/**
 * Chooses the target size of the next pack.
 * @param storedBytes size of the source's packs: those of earlier runs, as far as the cache has them, and
 *   those of this run.
 * @param packsAtOnce how many packs may exist in memory at once.
 */
export function choosePackBytes(storedBytes: number, packsAtOnce: number): number {
  if (storedBytes <= largeSourceBytes) return packTargetBytes
  let targetBytes = largePackTargetBytes
  while (targetBytes > packTargetBytes && packsAtOnce * packBufferBytes(targetBytes) > maxPackBufferBytes)
    targetBytes /= 2
  return targetBytes
}
