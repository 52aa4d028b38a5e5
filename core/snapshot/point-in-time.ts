// Parses `--point-in-time`. We guess nothing: a time without a zone could be hours off, so we refuse it.
import { Temporal } from 'temporal-polyfill'
import { HoldfastError } from '../errors.ts'
import { timeText } from '../time-text.ts'

/** Milliseconds since the epoch; a finer fraction is cut off. @throws `invalid-input`. */
export function parsePointInTime(text: string): number {
  return parseInstant(text).epochMilliseconds
}

/** Microseconds since the epoch; a finer fraction is cut off. @throws `invalid-input`. */
export function parseExactPointInTime(text: string): bigint {
  const { epochNanoseconds } = parseInstant(text)
  return (epochNanoseconds - (((epochNanoseconds % 1000n) + 1000n) % 1000n)) / 1000n
}

function parseInstant(text: string): Temporal.Instant {
  const zoned = withZone(text)
  if (zoned !== null) return parseZoned(zoned, nameOf(text))
  try {
    return Temporal.Instant.from(text)
  } catch (error) {
    const local = readLocal(text)
    const name = nameOf(text)
    if (/ [A-Z]{2,5}$/.test(text)) {
      throw new HoldfastError(
        'invalid-input',
        `${name} has the short name of a zone, which several zones share`,
        {
          hint: 'write the offset, e.g. +02:00, or the full name, e.g. [Europe/Berlin]',
          cause: error,
        },
      )
    }
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

function nameOf(text: string): string {
  return `the point in time ${JSON.stringify(text.slice(0, 60))}`
}

/** The text with its zone in brackets, as Temporal writes it; null if it names no zone. */
function withZone(text: string): string | null {
  if (/\[[^\]]+\]$/.test(text)) return text
  const match = /^(\S+(?: \S+)?) (UTC|GMT|[A-Z][A-Za-z]+(?:\/[A-Za-z_+-]+)+)$/.exec(text)
  return match === null ? null : `${match[1]}[${match[2] === 'GMT' ? 'UTC' : match[2]}]`
}

/** A zone without an offset is enough, except where its clocks change. Both must agree, or one of them is a mistake. */
function parseZoned(text: string, name: string): Temporal.Instant {
  const read = (options: Temporal.ZonedDateTimeFromOptions): Temporal.ZonedDateTime | null => {
    try {
      return Temporal.ZonedDateTime.from(text, options)
    } catch {
      return null
    }
  }
  const exact = read({ offset: 'reject', disambiguation: 'reject' })
  if (exact !== null) return exact.toInstant()
  const likely = read({ offset: 'ignore', disambiguation: 'compatible' })
  if (likely === null) {
    throw new HoldfastError('invalid-input', `${name} is not a time in ISO 8601 with the name of a zone`, {
      hint: 'give date, time and zone, e.g. 2026-04-24T10:15:00Z or 2026-04-24T12:15:00[Europe/Berlin]',
    })
  }
  const isSingle = read({ offset: 'ignore', disambiguation: 'reject' }) !== null
  throw new HoldfastError(
    'invalid-input',
    isSingle
      ? `${name} has another offset than its zone has at that time (${likely.offset})`
      : `${name} falls into a change of its zone's clocks: it comes twice, or never`,
    { hint: `write the offset alone, e.g. ${likely.toPlainDateTime().toString()}${likely.offset}` },
  )
}

/**
 * The last moment that the time names: a time in whole seconds names the whole second. A backup prints the time of a
 * reply, in whole seconds, but many stores list milliseconds. Without this, the printed time would lie before the
 * snapshot.
 */
export function endOfTime(timeMs: number): number {
  return timeMs % 1000 === 0 ? timeMs + 999 : timeMs
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
