// Counts the requests of `holdfast postgres stream`, by the queue that cuts the stream into parts.
import { WalQueue } from '../../../engine/postgres/wal-queue.ts'

/** A server that writes WAL evenly. */
export interface WalLoad {
  bytesPerSecond: number
  /** A part is uploaded when its first byte has waited this long. */
  everyMs: number
}

const segmentBytes = 2 ** 24
/** PostgreSQL sends no longer message. */
const maxMessageBytes = 2 ** 17
/** The stream looks this often whether a part has waited long enough. */
const tickMs = 100
const daySeconds = 86_400
/** Whole segments, so that the border of each counts. */
const maxSegments = 4
const maxSeconds = 3600

/** PUTs of a day: one for each part. */
export function partsPerDay({ bytesPerSecond, everyMs }: WalLoad): number {
  const queue = new WalQueue({ start: 0n, segmentBytes, everyMs })
  const seconds = Math.min(maxSeconds, (maxSegments * segmentBytes) / bytesPerSecond)
  let parts = 0
  const takeReady = (nowMs: number): void => {
    while (queue.take(nowMs, false) !== null) parts++
  }
  for (let nowMs = tickMs; nowMs <= seconds * 1000; nowMs += tickMs) {
    const written = BigInt(Math.floor((bytesPerSecond * nowMs) / 1000))
    while (queue.end < written) {
      const length = Math.min(Number(written - queue.end), maxMessageBytes)
      queue.push(queue.end, Buffer.alloc(length), nowMs)
      takeReady(nowMs)
    }
    takeReady(nowMs)
  }
  return (parts / seconds) * daySeconds
}

/** PUTs of a day of an idle server: its heartbeat writes WAL this often. */
export function idlePartsPerDay(heartbeatMs: number): number {
  return (daySeconds * 1000) / heartbeatMs
}

/** PUTs of a day of `wal-push`: one for each segment, and one for each `archive_timeout` while the server writes. */
export function segmentsPerDay(bytesPerSecond: number, archiveTimeoutSeconds: number): number {
  if (bytesPerSecond === 0) return 0
  return Math.max((bytesPerSecond * daySeconds) / segmentBytes, daySeconds / archiveTimeoutSeconds)
}
