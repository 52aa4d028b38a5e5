// Escapes untrusted names (of vaults, servers, file systems), so that they can't send control sequences to the
// terminal.
import { pathText } from '../../core/tree/path-text.ts'

const unsafe = /[\p{C}\p{Zl}\p{Zp}]/gu

/** `text` on one line, with every unprintable character as the `\xNN` bytes of its UTF-8. */
export function terminalText(text: string): string {
  return text.replace(unsafe, (character) =>
    Array.from(Buffer.from(character), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  )
}

/** A path in a record: `path` is readable and has `\xNN` for unprintable bytes; `pathBase64` is the same bytes. */
export function pathRecord(path: Uint8Array): { path: string; pathBase64: string } {
  return { path: pathText(path), pathBase64: Buffer.from(path).toString('base64') }
}
