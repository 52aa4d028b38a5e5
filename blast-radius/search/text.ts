// Bytes as the text that an agent would read in them, with the line of each character.

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
  return joinLines(new TextDecoder(wideEncodingOf(bytes) ?? 'utf-8').decode(bytes))
}

/** A value can go on after a backslash at a line's end: lines that a shell would join are joined. */
export function joinLines(raw: string): SourceText {
  if (!/\\\r?\n/.test(raw)) return { text: raw, lineAt: lineCounter(raw) }
  const starts: { at: number; line: number }[] = [{ at: 0, line: 1 }]
  const parts: string[] = []
  let length = 0
  let line = 1
  let from = 0
  for (let end = raw.indexOf('\n'); end >= 0; end = raw.indexOf('\n', end + 1)) {
    line++
    const content = raw[end - 1] === '\r' ? end - 1 : end
    const isContinued = content > from && raw[content - 1] === '\\'
    parts.push(raw.slice(from, isContinued ? content - 1 : end + 1))
    length += parts.at(-1)!.length
    starts.push({ at: length, line })
    from = end + 1
    if (isContinued) while (raw[from] === ' ' || raw[from] === '\t') from++
  }
  parts.push(raw.slice(from))
  return { text: parts.join(''), lineAt: (index) => lineOf(starts, index) }
}

/** Few characters are asked for: the lines before them are counted then, each stretch once. */
function lineCounter(raw: string): (index: number) => number {
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

function lineOf(starts: readonly { at: number; line: number }[], index: number): number {
  let [low, high] = [0, starts.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (starts[middle]!.at <= index) low = middle
    else high = middle - 1
  }
  return starts[low]!.line
}
