// How long a restore takes: an estimate before it begins, and the time that is left while it runs.
import { durationText } from './figures.ts'

/** Bytes a second of a fast and of a slow way to the store: no figure is known before the first byte. */
const fastRate = 100_000_000
const slowRate = 25_000_000
/** The first seconds are no measure, because connections only begin. */
const minElapsedMs = 5_000

export function estimateText(bytesToFetch: number): string {
  if (slowEstimateMs(bytesToFetch) < 10_000) return 'less than 10 s at 25 MB/s'
  const [fast, slow] = [fastRate, slowRate].map((rate) => durationText((bytesToFetch / rate) * 1000))
  return `about ${fast} at 100 MB/s, ${slow} at 25 MB/s`
}

/** The time on the slow way, in milliseconds. */
export function slowEstimateMs(bytesToFetch: number): number {
  return (bytesToFetch / slowRate) * 1000
}

/** Null while there is too little to judge by. @param bytesDone since the beginning, `elapsedMs` ago. */
export function timeLeftMs({
  bytesDone,
  bytesLeft,
  elapsedMs,
}: {
  bytesDone: number
  bytesLeft: number
  elapsedMs: number
}): number | null {
  if (elapsedMs < minElapsedMs || bytesDone <= 0) return null
  return Math.round((elapsedMs / bytesDone) * Math.max(0, bytesLeft))
}
