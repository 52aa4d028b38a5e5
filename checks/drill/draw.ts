// The source and the time that a drill restores. A seed decides, so that a drill can be repeated, and a writer can't
// foresee the night's choice.
import { sha256 } from '../../core/digest.ts'
import type { SnapshotRef } from '../../core/snapshot/snapshot-list.ts'
import { dayMs } from '../../core/snapshot/retention.ts'

/** In [0, 1), decided by `seed` and `purpose`. */
function draw(seed: string, purpose: string): number {
  return sha256(Buffer.from(`${purpose}\n${seed}`)).readUIntBE(0, 6) / 2 ** 48
}

/** @param sources at least one, in any order. */
export function drawSource(seed: string, sources: readonly string[]): string {
  const sorted = [...sources].sort()
  return sorted[Math.floor(draw(seed, 'source') * sorted.length)]!
}

export interface DrawOptions {
  nowMs: number
  guaranteedDays: number
}

/**
 * A point in time between the first snapshot that must still be restorable and the newest one.
 * @param snapshots oldest first. @returns null if there is none.
 */
export function drawTime(
  seed: string,
  snapshots: Iterable<SnapshotRef>,
  { nowMs, guaranteedDays }: DrawOptions,
): number | null {
  const guaranteedFromMs = nowMs - guaranteedDays * dayMs
  let [firstMs, lastMs]: [number | null, number | null] = [null, null]
  for (const { timeMs, flags } of snapshots) {
    if (flags.length > 0) continue
    if (timeMs >= guaranteedFromMs) firstMs ??= timeMs
    lastMs = timeMs
  }
  if (lastMs === null) return null
  const fromMs = firstMs ?? lastMs
  return Math.floor(fromMs + draw(seed, 'time') * (lastMs - fromMs + 1))
}
