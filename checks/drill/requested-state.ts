// Chooses the state that a drill restores, as a restore by hand would: complete, and attested where a notary works.
import type { Clock } from '../../core/clock.ts'
import { HoldfastError } from '../../core/errors.ts'
import type { TrustedKeys } from '../../core/signature.ts'
import { chooseSnapshot } from '../../core/snapshot/snapshot-choice.ts'
import type { SnapshotRequest, TimedStore } from '../../core/snapshot/snapshot-choice.ts'
import { listSnapshots } from '../../core/snapshot/snapshot.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import { timeText } from '../../core/time-text.ts'
import type { DrillResult } from '../reports/drill-result.ts'
import { drawTime } from './draw.ts'

export interface StateRequest {
  source: string
  choice: DrillResult['choice']
  seed: string
  guaranteedDays: number
  trustedKeys: TrustedKeys | undefined
}

export interface RequestedState {
  requestedMs: number
  snapshot: Snapshot
}

/** @throws `no-recovery-point` without a complete snapshot, or as the store. */
export async function chooseState(
  { store, clock, signal }: { store: TimedStore; clock: Clock; signal: AbortSignal },
  { source, choice, seed, guaranteedDays, trustedKeys }: StateRequest,
): Promise<RequestedState> {
  const request: SnapshotRequest = { source, completeOnly: true, prefer: 'attested', trustedKeys }
  if (choice === 'newest') {
    const { snapshot, serverMs } = await chooseSnapshot(store, request, clock, signal)
    return { snapshot, requestedMs: Math.max(serverMs, snapshot.timeMs) }
  }
  const { serverTimeMs: nowMs } = await store.lockDefault()
  const requestedMs = drawTime(seed, await listSnapshots(store, source), { nowMs, guaranteedDays })
  if (requestedMs === null)
    throw new HoldfastError('no-recovery-point', `the source ${source} has no snapshot in ${store.name}`)
  const pointInTime = timeText(requestedMs)
  const { snapshot } = await chooseSnapshot(store, { ...request, pointInTime }, clock, signal)
  return { snapshot, requestedMs: Math.max(requestedMs, snapshot.timeMs) }
}
