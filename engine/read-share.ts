import { dayMs } from '../core/snapshot/retention.ts'
import type { ReadShare } from './operations.ts'

/** Whether a path belongs to the part: by its hash (FNV-1a), so that it always belongs to the same one. */
export function hasPart(path: Buffer, { part, of }: ReadShare): boolean {
  let hash = 0x811c9dc5
  for (const byte of path) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0) % of === part
}

/** The share to read on the day of `nowMs`: `shares` consecutive days read every byte once. Pass the store's clock. */
export function shareOfDay(shares: number, nowMs: number): ReadShare {
  return { part: Math.floor(nowMs / dayMs) % shares, of: shares }
}
