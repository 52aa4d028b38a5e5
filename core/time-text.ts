/**
 * The time in UTC as ISO 8601, without a fraction where that is zero: a form that `--point-in-time` takes.
 */
export function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('.000Z', 'Z')
}
