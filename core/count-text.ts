// Counts as text.

const count = new Intl.NumberFormat('en')

export function countText(value: number): string {
  return count.format(value)
}

/** `1 file`, `3,210 files`. */
export function countOf(value: number, singular: string, plural = `${singular}s`): string {
  return `${countText(value)} ${value === 1 ? singular : plural}`
}
