// A file that is read in segments: joins their contents, and decides what is left of a file with a problem
// in a segment.
import { sumBytes } from '../../core/tree/tree-entry.ts'
import type { StatIdentity } from '../stat-identity.ts'
import { segmentBytes } from './source-reader.ts'
import type { ItemContent } from './source-reader.ts'

/** A file while it is read. Its segments arrive in any order. */
export interface FileContent {
  identity: StatIdentity
  segments: (ItemContent | null)[]
  /** How many segments have not been read whole. */
  missing: number
}

/**
 * Missing content outweighs changed content, because a file with missing content is left out of the
 * snapshot.
 */
export function problemOfSegments(segments: readonly (ItemContent | null)[]): ItemContent['problem'] {
  const problems = segments.flatMap((segment) => segment?.problem ?? [])
  return problems.find(({ kind }) => kind !== 'changed') ?? problems[0] ?? null
}

/** Joins two parts of a segment. */
export function joinContents(first: ItemContent, second: ItemContent): ItemContent {
  return {
    digests: Buffer.concat([first.digests, second.digests]),
    lengths: [...first.lengths, ...second.lengths],
    newStats: null,
    problem: problemOfSegments([first, second]),
  }
}

/**
 * Returns the segments up to the first short one. A file that got shorter while it was read has a gap, and the bytes
 * behind the gap would move to another offset.
 */
export function upToGap(segments: ItemContent[], size: number): ItemContent[] {
  const short = segments.findIndex(
    ({ lengths }, index) => sumBytes(lengths) < Math.min(segmentBytes, size - index * segmentBytes),
  )
  return short === -1 ? segments : segments.slice(0, short + 1)
}
