// A comment that lets one finding pass: `holdfast:allow`, with a reason, in the line of the value or in a
// comment above it.

const marker = /\bholdfast:allow\b/
const commentLine = /^[ \t]*(?:#|\/\/|\/\*|\*|;|--|<!--|%|"""|'|REM\b)/i

export function isAllowed(text: string, valueStart: number): boolean {
  const start = lineStart(text, valueStart)
  if (marker.test(lineFrom(text, start))) return true
  if (start === 0) return false
  const above = lineFrom(text, lineStart(text, start - 1))
  return commentLine.test(above) && marker.test(above)
}

/** A file on one line is looked at near the value alone. */
const maxLineLength = 2000

function lineStart(text: string, index: number): number {
  return Math.max(text.lastIndexOf('\n', index - 1) + 1, index - maxLineLength)
}

function lineFrom(text: string, start: number): string {
  const end = text.indexOf('\n', start)
  return text.slice(start, Math.min(end < 0 ? text.length : end, start + 2 * maxLineLength))
}
