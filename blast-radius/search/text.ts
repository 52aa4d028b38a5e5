// Bytes as the text that an agent would read in them, with the line of each character.
import { isAscii } from 'node:buffer'

export interface SourceText {
  text: string
  /** Line, from 1, of the character at `index` of `text`. */
  lineAt: (index: number) => number
}

/** As many bytes as git looks at. */
const binaryProbeBytes = 8000

/**
 * Git's test: a zero among the first bytes, unless they say that they are UTF-16, as PowerShell's `>`
 * writes it.
 */
export function isBinary(bytes: Uint8Array): boolean {
  return wideEncodingOf(bytes) === null && bytes.subarray(0, binaryProbeBytes).includes(0)
}

export function wideEncodingOf(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : null
}

/** Invalid UTF-8 is no reason not to look: what is damaged is replaced, the rest is read. */
export function decodeText(bytes: Uint8Array): SourceText {
  // A string of Latin-1 is a copy, and takes one byte for each character.
  if (isAscii(bytes))
    return joinLines(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'))
  return joinLines(new TextDecoder(wideEncodingOf(bytes) ?? 'utf-8').decode(bytes))
}

/** A value can go on after a backslash at a line's end: lines that a shell would join are joined. */
export function joinLines(raw: string): SourceText {
  /** Indexes in the joined text, in ascending order. */
  const joints: number[] = []
  let removed = 0
  const text = raw.replace(/\\\r?\n[ \t]*/g, (continuation, start: number) => {
    joints.push(start - removed)
    removed += continuation.length
    return ''
  })
  const lineOf = lineCounter(text)
  return { text, lineAt: (index) => lineOf(index) + countUpTo(joints, index) }
}

/** Few characters are asked for: the lines before them are counted then, each stretch once. */
export function lineCounter(raw: string): (index: number) => number {
  let [at, line] = [0, 1]
  return (index) => {
    if (index < at) [at, line] = [0, 1]
    for (let end = raw.indexOf('\n', at); end >= 0 && end < index; end = raw.indexOf('\n', at)) {
      line++
      at = end + 1
    }
    return line
  }
}

/** How many of the ascending numbers are at most `limit`. */
function countUpTo(numbers: readonly number[], limit: number): number {
  let [low, high] = [0, numbers.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (numbers[middle]! <= limit) low = middle + 1
    else high = middle
  }
  return low
}
