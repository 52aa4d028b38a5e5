// Makes text from a server safe to show: short, on one line, without control or direction characters.

const maxTextLength = 300

/** `text` on one line, cut to 300 characters, with a space in place of characters that could control a terminal. */
export function sanitizeServerText(text: unknown): string {
  if (typeof text !== 'string') return ''
  const line = text
    .slice(0, maxTextLength * 4)
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]+/gu, ' ')
    .trim()
  return line.length > maxTextLength ? `${line.slice(0, maxTextLength)}…` : line
}
