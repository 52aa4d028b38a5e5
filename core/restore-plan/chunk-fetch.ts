// Fetches chunks of known packs in few requests, and checks each against its hash.
import { damaged } from '../bytes.ts'
import { HoldfastError, isHoldfastError } from '../errors.ts'
import { chunksOfFrame, decodeFrame, digestOf } from '../pack/pack.ts'
import type { Frame, PackFooter } from '../pack/pack-footer.ts'
import { rereadDamaged } from '../retry.ts'
import type { PackReference } from '../snapshot/manifest.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { coalesce } from './ranges.ts'
import type { CoalescedRange, Range } from './ranges.ts'

/** Limits of the requests: how many at once, and the size of each. */
export const maxConcurrentRequests = 8
const maxRequestBytes = 16 * 1024 * 1024
/** Limits the decoded frames of one call, because small chunks may lie in large frames. */
const maxReadBytes = 128 * 1024 * 1024

/** A chunk in a pack whose footer is known. */
export interface LocatedChunk {
  pack: PackReference
  footer: PackFooter
  /** Number of the chunk in the footer. */
  chunk: number
}

interface FrameRange extends Range {
  frame: Frame
}

interface PackFrames extends Pick<LocatedChunk, 'pack' | 'footer'> {
  frames: Map<number, Frame>
}

/**
 * Returns the chunks with these hashes, in the same order.
 * @param locate returns null if no pack holds the chunk.
 * @param subject names the snapshot in an error.
 * @throws `damaged` if a chunk is lost or has other bytes.
 */
export async function fetchChunks(
  store: Pick<ObjectStore, 'getRange'>,
  digests: readonly Buffer[],
  locate: (digest: Buffer) => LocatedChunk | null,
  subject: string,
): Promise<Buffer[]> {
  const byPack = framesByPack(digests, locate, subject)
  let rawBytes = 0
  for (const { frames } of byPack.values()) for (const frame of frames.values()) rawBytes += frame.rawBytes
  if (rawBytes > maxReadBytes) throw damaged(subject, `${rawBytes} bytes would be needed at once`)
  const results = new Map<string, Buffer>()
  const requestedNames = new Set(digests.map((digest) => digest.toString('latin1')))
  const requests = [...byPack.values()].flatMap(({ pack, footer, frames }) => {
    const ranges = [...frames.values()].map((frame): FrameRange => ({
      offset: frame.offset,
      bytes: frame.storedBytes,
      frame,
    }))
    return coalesce(ranges, maxRequestBytes).map((range) => ({ pack, footer, range }))
  })
  await forEachConcurrently(requests, maxConcurrentRequests, ({ pack, footer, range }) =>
    rereadDamaged(async () => {
      for (const { name, chunk } of await fetchRange(store, pack, footer, range))
        if (requestedNames.has(name)) results.set(name, chunk)
    }),
  )
  return digests.map((digest) => results.get(digest.toString('latin1'))!)
}

function framesByPack(
  digests: readonly Buffer[],
  locate: (digest: Buffer) => LocatedChunk | null,
  subject: string,
): Map<PackReference, PackFrames> {
  const byPack = new Map<PackReference, PackFrames>()
  for (const digest of digests) {
    const at = locate(digest)
    if (at === null) throw damaged(subject, `no pack holds its chunk ${digest.toString('hex')}`)
    const { pack, footer, chunk } = at
    let packFrames = byPack.get(pack)
    if (packFrames === undefined) byPack.set(pack, (packFrames = { pack, footer, frames: new Map() }))
    const frame = frameOf(footer, chunk)
    packFrames.frames.set(frame.offset, frame)
  }
  return byPack
}

async function fetchRange(
  store: Pick<ObjectStore, 'getRange'>,
  pack: PackReference,
  footer: PackFooter,
  { offset, bytes, parts }: CoalescedRange<FrameRange>,
): Promise<{ name: string; chunk: Buffer }[]> {
  const stored = await store.getRange(pack, offset, bytes).catch((error: unknown) => {
    throw asDamage(pack, error)
  })
  return parts.flatMap(({ frame }) => {
    const start = frame.offset - offset
    const raw = decodeFrame(frame, stored.subarray(start, start + frame.storedBytes), pack.key)
    return [...chunksOfFrame(footer, frame, raw, pack.key)].map(({ index, bytes: chunk }) => ({
      name: digestOf(footer, index).toString('latin1'),
      chunk,
    }))
  })
}

/** For the caller, a pack that is missing or archived is damage, because the snapshot exists and can't be read. */
function asDamage({ key }: PackReference, error: unknown): unknown {
  if (isHoldfastError(error, 'not-found')) return damaged(key, 'it is missing', error)
  if (!isHoldfastError(error, 'archived')) return error
  const { hint } = error
  return new HoldfastError('damaged', error.message, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  })
}

/** Returns the frame that contains chunk number `chunk`. */
export function frameOf(footer: PackFooter, chunk: number): Frame {
  let low = 0
  let high = footer.frames.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (footer.frames[middle]!.firstChunk <= chunk) low = middle
    else high = middle - 1
  }
  return footer.frames[low]!
}

/**
 * Runs `work` for each item, at most `limit` at once. After the first failure no further item begins, and the
 * failure is thrown.
 */
export async function forEachConcurrently<Item>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0
  let failed = false
  const runners = Array.from({ length: Math.min(limit, items.length) }, async () => {
    while (next < items.length && !failed) {
      try {
        await work(items[next++]!)
      } catch (error) {
        failed = true
        throw error
      }
    }
  })
  await Promise.all(runners)
}
