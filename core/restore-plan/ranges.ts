// Joins neighbouring reads into one request, because a request takes as long as reading a gap of about two
// mebibytes.

export interface Range {
  offset: number
  bytes: number
}

export interface CoalescedRange<Part extends Range> extends Range {
  parts: Part[]
}

const maxGapBytes = 2 * 1024 * 1024

/**
 * Joins ranges (in any order; they may touch or overlap) whose gap is at most `gapBytes`, up to `maxBytes`
 * each.
 */
export function coalesce<Part extends Range>(
  ranges: readonly Part[],
  maxBytes: number,
  gapBytes = maxGapBytes,
): CoalescedRange<Part>[] {
  const sorted = [...ranges].sort((a, b) => a.offset - b.offset)
  const joined: CoalescedRange<Part>[] = []
  for (const range of sorted) {
    const last = joined.at(-1)
    const end = range.offset + range.bytes
    if (
      last !== undefined &&
      range.offset <= last.offset + last.bytes + gapBytes &&
      end - last.offset <= maxBytes
    ) {
      last.bytes = Math.max(last.bytes, end - last.offset)
      last.parts.push(range)
    } else {
      joined.push({ offset: range.offset, bytes: range.bytes, parts: [range] })
    }
  }
  return joined
}
