// The time that --point-in-time names. Nothing is guessed: a time without a zone could be hours off, so it is refused.
import { Temporal } from 'temporal-polyfill'
import { HoldfastError } from '../core/errors.ts'
import { timeText } from './render/figures.ts'

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
    throw new HoldfastError(
      'invalid-input',
      `${name} has no time zone, so that it could mean any of 24 hours`,
      {
        hint: `say which: ${local}Z is UTC, ${local}+02:00 is two hours ahead of it`,
        cause: error,
      },
    )
  }
}

/** @param serverMs the store's clock; a snapshot's time is the store's, and this machine's may be off. */
export function assertNotInFuture(timeMs: number, serverMs: number): void {
  // The store tells its time to the second: what lies within this one is not the future.
  if (timeMs < serverMs + 1000) return
  const nowText = timeText(Math.floor(serverMs / 1000) * 1000)
  throw new HoldfastError(
    'invalid-input',
    `the point in time ${timeText(timeMs)} is in the future: the vault's clock says ${nowText}`,
    {
      hint: 'leave --point-in-time out to restore the newest state',
    },
  )
}

function readLocal(text: string): string | null {
  try {
    return Temporal.PlainDateTime.from(text).toString()
  } catch {
    return null
  }
}
