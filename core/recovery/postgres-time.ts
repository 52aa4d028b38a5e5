// Times as PostgreSQL records them: microseconds since 2000-01-01 00:00:00 UTC, by the clock of its server.
import { timeText } from '../time-text.ts'

const epochUs = 946_684_800_000_000n
/** JavaScript's calendar ends here: a hostile header can claim a later time. */
const maxUnixUs = 8_640_000_000_000_000_000n

/** @param unixUs microseconds since 1970. */
export function postgresTimeOf(unixUs: bigint): bigint {
  return unixUs - epochUs
}

/** Milliseconds since 1970, rounded down. */
export function unixMsOf(timeUs: bigint): number {
  return Number((timeUs + epochUs - fractionOf(timeUs, 1000n)) / 1000n)
}

/** In UTC as ISO 8601, to the microsecond, and without a fraction where that is zero. */
export function exactTimeText(timeUs: bigint): string {
  if (timeUs + epochUs > maxUnixUs) return 'a time after the year 275000'
  if (timeUs + epochUs < -maxUnixUs) return 'a time before the year -271000'
  const fraction = fractionOf(timeUs, 1_000_000n)
  const second = timeText(Number((timeUs + epochUs - fraction) / 1000n))
  return fraction === 0n ? second : second.replace('Z', `.${sixDigits(fraction)}Z`)
}

/**
 * The value of `recovery_target_time`. PostgreSQL refuses `Z` and the names of zones there, because it loads them
 * after the setting.
 */
export function recoveryTimeText(timeUs: bigint): string {
  const fraction = fractionOf(timeUs, 1_000_000n)
  const iso = new Date(Number((timeUs + epochUs - fraction) / 1000n)).toISOString()
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}.${sixDigits(fraction)}+00`
}

/** The remainder above the next lower multiple of `unit`, also of a negative time. */
function fractionOf(timeUs: bigint, unit: bigint): bigint {
  return (((timeUs + epochUs) % unit) + unit) % unit
}

function sixDigits(fraction: bigint): string {
  return String(fraction).padStart(6, '0')
}
