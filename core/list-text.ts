/** `a, b, c and 7 more`: a message stays readable, however many names a vault has. @param count of all names. */
export function listText(names: readonly string[], limit: number, count = names.length): string {
  const shown = names.slice(0, limit)
  const text = shown.join(', ')
  return count > shown.length ? `${text} and ${count - shown.length} more` : text
}
