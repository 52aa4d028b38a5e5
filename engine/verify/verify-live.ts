// Verifies all live snapshots of a source: those whose guaranteed retention has not ended. The newest comes first,
// because it counts most. One manifest and one plan are in memory at a time; of each object, its state is.
import { isHoldfastError, objectFailures } from '../../core/errors.ts'
import { loadSnapshot } from '../../core/snapshot/snapshot.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import type { SnapshotList, SnapshotRef } from '../../core/snapshot/snapshot-list.ts'
import type { VerifyOptions, VerifyResult } from '../operations.ts'
import { guaranteeOf } from './object-record.ts'
import { Verification } from './verify.ts'

export type LiveVerification =
  | { ref: SnapshotRef; outcome: 'verified'; snapshot: Snapshot; result: VerifyResult }
  /** Its manifest or the root of its tree can't be read. */
  | { ref: SnapshotRef; outcome: 'unreadable'; reason: string }
  /** Its guaranteed retention has ended, or it can't be trusted to be a snapshot of the writer. */
  | { ref: SnapshotRef; outcome: 'skipped'; reason: string }

/** @param nowMs the store's time. */
export async function* verifyLive({
  snapshots,
  nowMs,
  ...options
}: Omit<VerifyOptions, 'snapshot'> & {
  snapshots: SnapshotList
  nowMs: number
}): AsyncGenerator<LiveVerification> {
  const verification = new Verification(options)
  for (let index = snapshots.length - 1; index >= 0; index--) {
    const ref = snapshots.at(index)!
    options.signal?.throwIfAborted()
    if (ref.flags.length > 0) {
      yield { ref, outcome: 'skipped', reason: ref.flags.join('; ') }
      continue
    }
    try {
      const snapshot = await loadSnapshot(options.store, ref)
      if (guaranteeOf(snapshot).untilMs < nowMs)
        yield { ref, outcome: 'skipped', reason: 'its guaranteed retention has ended' }
      else yield { ref, outcome: 'verified', snapshot, result: await verification.verify(snapshot) }
    } catch (error) {
      if (!isHoldfastError(error, ...objectFailures)) throw error
      yield { ref, outcome: 'unreadable', reason: error.message }
    }
  }
}
