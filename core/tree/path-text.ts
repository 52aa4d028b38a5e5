// Paths as text. An attacker may have chosen the bytes of a name, so every character that isn't printable is
// escaped.

// Control and format characters (bidirectional overrides, zero widths), line separators, lone surrogates,
// unassigned and private characters. Also the backslash, because a name may look like an escape.
const unsafe = /[\p{C}\p{Zl}\p{Zp}\\]/u
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Returns printable text, with other bytes as `\xNN`. `parsePathText` returns the same bytes again. */
export function pathText(path: Uint8Array): string {
  try {
    const text = decoder.decode(path)
    if (!unsafe.test(text)) return text
    return Array.from(text, (character) =>
      unsafe.test(character) ? escapeBytes(Buffer.from(character)) : character,
    ).join('')
  } catch {
    // Not UTF-8: every byte that isn't printable ASCII is escaped.
    return Array.from(path, (byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== 0x5c ? String.fromCharCode(byte) : escapeBytes([byte]),
    ).join('')
  }
}

function escapeBytes(bytes: Iterable<number>): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
}

/** The bytes of a path that a user types: `\xNN` is a byte, any other character stands for itself. */
export function parsePathText(text: string): Buffer {
  const parts = text.split(/\\x([0-9a-fA-F]{2})/)
  return Buffer.concat(
    parts.map((part, index) => (index % 2 === 1 ? Buffer.from(part, 'hex') : Buffer.from(part))),
  )
}
