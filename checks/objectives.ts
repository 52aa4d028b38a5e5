// The objectives that a source is checked against.
import type { LockMode } from '../core/store/object-store.ts'

export interface SourceObjectives {
  /** The recovery point objective: the newest good snapshot may be this old. */
  maxAgeMs: number
  /** The newest WAL of a running cluster may be this old; null: as old as its newest good snapshot. */
  maxWalAgeMs: number | null
  /** The last acknowledged test alarm may be this old; null: on-call acknowledges none, and the check doesn't run. */
  maxAcknowledgementAgeMs: number | null
  /** The guaranteed retention. */
  guaranteedDays: number
  generationDays: number
  /** The mode that every lock must have. */
  lockMode: LockMode
  /** Ids of snapshots that an operator expects as they are: incomplete, much smaller, or of another host. */
  accepted: ReadonlySet<string>
  /** Ids of snapshots and keys of objects that an operator knows as bogus: no check looks at them any more. */
  ignored: ReadonlySet<string>
  /** All bytes are read back within so many days; 0: none are read. */
  readDays: number
  /** Limits of the bill; null: the check of the cost does not run. */
  budget: { storedBytes: number; requests: number } | null
}
