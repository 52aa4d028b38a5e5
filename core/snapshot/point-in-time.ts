// Parses `--point-in-time`. We guess nothing: a time without a zone could be hours off, so we refuse it.
import { Temporal } from 'temporal-polyfill'
import { HoldfastError } from '../errors.ts'
import { timeText } from '../time-text.ts'

/** Milliseconds since the epoch; a finer fraction is cut off. @throws `invalid-input`. */
export function parsePointInTime(text: string): number {
  try {
    return Temporal.Instant.from(text).epochMilliseconds
  } catch (error) {
    const local = readLocal(text)
    const name = `the point in time ${JSON.stringify(text.slice(0, 60))}`
    if (local === null) {
      throw new HoldfastError('invalid-input', `${name} is not a time in ISO 8601`, {
        hint: 'give date, time and zone, e.g. 2026-04-24T10:15:00Z or 2026-04-24T12:15:00+02:00',
        cause: error,
      })
    }
    throw new HoldfastError('invalid-input', `${name} has no time zone`, {
      hint: `add the zone: ${local}Z is UTC, ${local}+02:00 is two hours ahead of UTC`,
      cause: error,
    })
  }
}

/** @param serverMs the store's clock: snapshots carry its times, and this machine's clock may be wrong. */
export function assertNotInFuture(timeMs: number, serverMs: number): void {
  // The store reports whole seconds, so any time within the current second is not in the future.
  if (timeMs < serverMs + 1000) return
  const nowText = timeText(Math.floor(serverMs / 1000) * 1000)
  throw new HoldfastError(
    'invalid-input',
    `the point in time ${timeText(timeMs)} is in the future: the vault's clock shows ${nowText}`,
    { hint: 'leave --point-in-time out to restore the newest state' },
  )
}

function readLocal(text: string): string | null {
  try {
    return Temporal.PlainDateTime.from(text).toString()
  } catch {
    return null
  }
}
