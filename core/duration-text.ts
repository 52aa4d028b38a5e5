// Durations as text, and back.

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

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Minutes, hours or days (`90m`, `26h`, `2d`) in milliseconds; null for another text. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,6})([mhd])$/.exec(text)
  return match === null ? null : Number(match[1]) * unitMs[match[2]!]!
}
