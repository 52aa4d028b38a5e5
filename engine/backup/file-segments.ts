// What becomes of a file that was read in segments, some of which went wrong.
import { sumBytes } from '../../core/tree/tree-entry.ts'
import { segmentBytes } from './source-reader.ts'
import type { ItemContent } from './source-reader.ts'

/** Missing content outweighs changed content: such a file is left out. */
export function problemOfSegments(segments: readonly (ItemContent | null)[]): ItemContent['problem'] {
  const problems = segments.flatMap((segment) => segment?.problem ?? [])
  return problems.find(({ kind }) => kind !== 'changed') ?? problems[0] ?? null
}

/** The content of a segment, of which a further part was read. */
export function joinContents(first: ItemContent, second: ItemContent): ItemContent {
  return {
    digests: Buffer.concat([first.digests, second.digests]),
    lengths: [...first.lengths, ...second.lengths],
    newStats: null,
    problem: problemOfSegments([first, second]),
  }
}

/** Of a file that got shorter while it was read: what lies behind the gap would move to another place. */
export function upToGap(segments: ItemContent[], size: number): ItemContent[] {
  const short = segments.findIndex(
    ({ lengths }, index) => sumBytes(lengths) < Math.min(segmentBytes, size - index * segmentBytes),
  )
  return short === -1 ? segments : segments.slice(0, short + 1)
}
