// Positions in PostgreSQL's write-ahead log, and the names of its segments.
//
// A log sequence number (LSN) is a position in bytes, of 64 bits. A segment is a file of `segmentBytes` bytes of one
// timeline; its name is the timeline, and the number of the segment in two parts.
import { HoldfastError } from '../errors.ts'

/** Positions have 64 bits. */
const positions = 2n ** 64n
const hexPattern = /^[0-9A-F]{16}$/
const lsnPattern = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/
const segmentPattern = /^[0-9A-F]{24}$/

/** As PostgreSQL's `initdb` allows them. */
export function isSegmentBytes(bytes: number): boolean {
  return Number.isInteger(Math.log2(bytes)) && bytes >= 2 ** 20 && bytes <= 2 ** 30
}

export function isTimeline(timeline: number): boolean {
  return Number.isInteger(timeline) && timeline >= 1 && timeline < 2 ** 32
}

/** 16 digits, so that texts sort as positions do. */
export function lsnHex(lsn: bigint): string {
  return lsn.toString(16).toUpperCase().padStart(16, '0')
}

/** Null for another text. */
export function parseLsnHex(text: string): bigint | null {
  return hexPattern.test(text) ? BigInt(`0x${text}`) : null
}

/** As PostgreSQL prints it, e.g. `1A/3000060`. */
export function lsnText(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`
}

/** @throws `invalid-input` for another text than PostgreSQL prints. */
export function parseLsn(text: string): bigint {
  const parts = lsnPattern.exec(text)
  if (parts !== null) return (BigInt(`0x${parts[1]!}`) << 32n) | BigInt(`0x${parts[2]!}`)
  throw new HoldfastError(
    'invalid-input',
    `${JSON.stringify(text.slice(0, 50))} is not a position in the WAL`,
    {
      hint: 'write it as PostgreSQL prints it, e.g. `1A/3000060`',
    },
  )
}

export function timelineHex(timeline: number): string {
  return timeline.toString(16).toUpperCase().padStart(8, '0')
}

/** Where the segment with this position begins. */
export function segmentStart(lsn: bigint, segmentBytes: number): bigint {
  return lsn - (lsn % BigInt(segmentBytes))
}

/** The name of the segment that holds the byte at `lsn`. */
export function segmentName(timeline: number, lsn: bigint, segmentBytes: number): string {
  const number = lsn / BigInt(segmentBytes)
  const perLog = 2n ** 32n / BigInt(segmentBytes)
  const hex = (part: bigint): string => part.toString(16).toUpperCase().padStart(8, '0')
  return timelineHex(timeline) + hex(number / perLog) + hex(number % perLog)
}

export interface SegmentPosition {
  timeline: number
  start: bigint
}

/** Null for a name that no segment of this size has. */
export function parseSegmentName(name: string, segmentBytes: number): SegmentPosition | null {
  if (!segmentPattern.test(name)) return null
  const timeline = Number.parseInt(name.slice(0, 8), 16)
  const log = BigInt(`0x${name.slice(8, 16)}`)
  const inLog = BigInt(`0x${name.slice(16)}`)
  const perLog = 2n ** 32n / BigInt(segmentBytes)
  const start = (log * perLog + inLog) * BigInt(segmentBytes)
  return isTimeline(timeline) && inLog < perLog && start + BigInt(segmentBytes) < positions
    ? { timeline, start }
    : null
}
