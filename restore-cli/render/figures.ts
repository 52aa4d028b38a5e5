// Sizes, counts and durations as text.
export { bytesText } from '../../core/bytes-text.ts'
export { countOf, countText } from '../../core/count-text.ts'
export { durationText } from '../../core/duration-text.ts'

/** Label and value in two columns. */
export function rows(entries: readonly (readonly [string, string])[]): string {
  const width = Math.max(...entries.map(([label]) => label.length))
  return entries.map(([label, value]) => `  ${label.padEnd(width)}  ${value}\n`).join('')
}
