// Sizes, counts and durations as text.
import prettyBytes from 'pretty-bytes'

const count = new Intl.NumberFormat('en')

export function countText(value: number): string {
  return count.format(value)
}

/** `1 file`, `3,210 files`. */
export function countOf(value: number, singular: string, plural = `${singular}s`): string {
  return `${countText(value)} ${value === 1 ? singular : plural}`
}

export function bytesText(bytes: number): string {
  return prettyBytes(bytes, { space: true })
}

/** The two largest units: `2 h 3 min`, `12 s`, `0.4 s`. */
export function durationText(durationMs: number): string {
  if (durationMs < 10_000) return `${Math.max(0, durationMs / 1000).toFixed(1)} s`
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ]
  let seconds = Math.round(durationMs / 1000)
  const parts = units.map(([unit, size]): [number, string] => {
    const whole = Math.floor(seconds / size)
    seconds -= whole * size
    return [whole, unit]
  })
  const first = parts.findIndex(([whole]) => whole > 0)
  return parts
    .slice(first, first + 2)
    .filter(([whole]) => whole > 0)
    .map(([whole, unit]) => `${whole} ${unit}`)
    .join(' ')
}

/** Label and value in two columns. */
export function rows(entries: readonly (readonly [string, string])[]): string {
  const width = Math.max(...entries.map(([label]) => label.length))
  return entries.map(([label, value]) => `  ${label.padEnd(width)}  ${value}\n`).join('')
}
