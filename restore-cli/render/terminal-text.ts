// What a vault, a server or a file system names is hostile: nothing of it may steer the terminal that it is shown on.
import { pathText } from '../../core/tree/path-text.ts'

const unsafe = /[\p{C}\p{Zl}\p{Zp}]/gu

/** `text` with everything that isn't printable as `\xNN` bytes of its UTF-8; on one line. */
export function terminalText(text: string): string {
  return text.replace(unsafe, (character) =>
    Array.from(Buffer.from(character), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  )
}

/** A path in a record: readable, and lossless. `path` has `\xNN` for what isn't printable; both name the same bytes. */
export function pathRecord(path: Uint8Array): { path: string; pathBase64: string } {
  return { path: pathText(path), pathBase64: Buffer.from(path).toString('base64') }
}
