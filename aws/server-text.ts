// Text that a server sent is hostile: it reaches messages only without control and direction characters, and short.

const longestText = 300

/** `text` on one line, each character that could steer a terminal replaced, cut to 300 characters. */
export function sanitizeServerText(text: unknown): string {
  if (typeof text !== 'string') return ''
  const line = text
    .slice(0, longestText * 4)
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]+/gu, ' ')
    .trim()
  return line.length > longestText ? `${line.slice(0, longestText)}…` : line
}
