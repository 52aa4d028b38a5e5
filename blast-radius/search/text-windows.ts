// A large text in windows, so that its size doesn't decide how much memory a search takes. Each window has
// some context before and after it: rules look at what surrounds a value.
import { decodeText, lineCounter, wideEncodingOf } from './text.ts'
import type { SourceText } from './text.ts'

export interface TextWindow extends SourceText {
  /** The stretch of `text` that no other window has. */
  start: number
  end: number
}

/**
 * V8 keeps strings of more than 128 KiB outside of its young generation, and collects them late: a window
 * with its context is smaller.
 */
const windowBytes = 64 * 1024
/** Longer than any token, and than most private keys. */
const contextBytes = 16 * 1024
const newline = 0x0a

export function wholeText(bytes: Uint8Array): TextWindow {
  return { ...decodeText(bytes), start: 0, end: Infinity }
}

/** @param mayRead whether a window's bytes are worth reading. */
export function* readInWindows(
  bytes: Uint8Array,
  mayRead: (bytes: Uint8Array) => boolean,
): Generator<TextWindow> {
  if (bytes.length <= 2 * windowBytes || wideEncodingOf(bytes) !== null) {
    yield wholeText(bytes)
    return
  }
  let firstLine = 1
  for (let from = 0, to; from < bytes.length; from = to) {
    to = windowEnd(bytes, from)
    const first = Math.max(0, from - contextBytes)
    if (mayRead(bytes.subarray(first, to + contextBytes))) {
      const before = decode(bytes.subarray(first, from))
      const content = decode(bytes.subarray(from, to))
      const text = `${before}${content}${decode(bytes.subarray(to, to + contextBytes))}`
      const lineOf = lineCounter(text)
      const lineOffset = firstLine - lineOf(before.length)
      yield {
        text,
        lineAt: (index) => lineOf(index) + lineOffset,
        start: before.length,
        end: before.length + content.length,
      }
    }
    firstLine += linesIn(bytes.subarray(from, to))
  }
}

/** After a line's end, if one is near. */
function windowEnd(bytes: Uint8Array, from: number): number {
  const end = from + windowBytes
  if (end >= bytes.length) return bytes.length
  const lineEnd = bytes.subarray(end, end + contextBytes).indexOf(newline)
  return lineEnd < 0 ? end : end + lineEnd + 1
}

/** Lines are not joined here: large texts are logs and exports, and no shell reads them. */
function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

function linesIn(bytes: Uint8Array): number {
  let lines = 0
  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, end + 1)) lines++
  return lines
}
