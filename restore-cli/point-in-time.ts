// The time that --point-in-time names. Nothing is guessed: a time without a zone could be hours off, so it is refused.
import { Temporal } from 'temporal-polyfill'
import { HoldfastError } from '../core/errors.ts'
import { timeText } from './render/figures.ts'

const form = 'give date, time and zone, e.g. 2026-04-24T10:15:00Z or 2026-04-24T12:15:00+02:00'

/** Milliseconds since the epoch; a finer fraction is cut off. @throws `invalid-input`. */
export function parsePointInTime(text: string): number {
  try {
    return Temporal.Instant.from(text).epochMilliseconds
  } catch (error) {
    const detail = isLocal(text) ? 'has no time zone, so that it could mean any of 24 hours' : 'is not a time in ISO 8601'
    throw new HoldfastError('invalid-input', `the point in time ${JSON.stringify(text.slice(0, 60))} ${detail}`, { hint: form, cause: error })
  }
}

/** @param serverMs the store's clock; a snapshot's time is the store's, and this machine's may be off. */
export function assertNotInFuture(timeMs: number, serverMs: number, newestMs: number | undefined): void {
  // The store tells its time to the second: what lies within this one is not the future.
  if (timeMs < serverMs + 1000) return
  const newest = newestMs === undefined ? '' : `; the newest snapshot is of ${timeText(newestMs)}`
  throw new HoldfastError('invalid-input', `the point in time ${timeText(timeMs)} is in the future: the vault's clock says ${timeText(Math.floor(serverMs / 1000) * 1000)}`, {
    hint: `leave --point-in-time out to restore the newest state${newest}`,
  })
}

function isLocal(text: string): boolean {
  try {
    Temporal.PlainDateTime.from(text)
    return true
  } catch {
    return false
  }
}
