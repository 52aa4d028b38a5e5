// How large packs become: small enough for little memory, large enough that requests cost little beside what is stored.
import { maxFrameRawBytes } from './pack-footer.ts'

const mib = 1024 * 1024

/** Packs aim at this. A TiB is 65,536 requests then, $0.33 of them. */
export const packTargetBytes = 16 * mib
/** Where more than `largeSourceBytes` are stored, they aim at this: a quarter of the requests, and of what a manifest names. */
export const largePackTargetBytes = 64 * mib
export const largeSourceBytes = 2 ** 40

/** Of all packs that exist at once, where packs are large; on a host with many threads they become less large for it. */
export const maxPackBufferBytes = 512 * mib
/** Behind a full pack there is room for one more frame and the footer. */
const sparePackBytes = maxFrameRawBytes + 2 * mib
/** Where a shared frame is collected: it is compressed when it has reached `sharedFrameBytes`. */
export const sharedFrameBytes = 128 * 1024
/** Chunks below this share a frame; the others have one of their own. */
export const sharedChunkBytes = 64 * 1024

/** Where a shared frame is collected, in a pack's memory. */
export function pendingOffsetOf(targetBytes: number): number {
  return targetBytes + sparePackBytes
}

/** Memory that a pack is built in. */
export function packBufferBytes(targetBytes: number): number {
  return pendingOffsetOf(targetBytes) + sharedFrameBytes + sharedChunkBytes
}

/**
 * What the next pack should aim at.
 * @param storedBytes of the source's packs: those that earlier runs left, as far as they are remembered, and those of this run.
 * @param packsAtOnce that may exist.
 */
export function choosePackBytes(storedBytes: number, packsAtOnce: number): number {
  if (storedBytes <= largeSourceBytes) return packTargetBytes
  let targetBytes = largePackTargetBytes
  while (targetBytes > packTargetBytes && packsAtOnce * packBufferBytes(targetBytes) > maxPackBufferBytes)
    targetBytes /= 2
  return targetBytes
}
