import { dayMs } from '../core/snapshot/retention.ts'
import type { ReadShare } from './operations.ts'

/** The share to read on the day of `nowMs`: `shares` consecutive days read every byte once. Pass the store's clock. */
export function shareOfDay(shares: number, nowMs: number): ReadShare {
  return { part: Math.floor(nowMs / dayMs) % shares, of: shares }
}
