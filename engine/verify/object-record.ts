// The state of one object as a verification found it. Several snapshots can need an object, which is looked at and
// read once.
import { sha256 } from '../../core/digest.ts'
import type { LockMode, ObjectRef, ObjectState } from '../../core/store/object-store.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import { timeText } from '../../core/time-text.ts'
import type { ObjectFinding, StatedGuarantee } from '../operations.ts'

type Defect = Pick<ObjectFinding, 'kind' | 'detail'>

export class ObjectRecord {
  /** Undefined if the caller may not see it. */
  lock: ObjectState['lock']
  /** True if the store was asked for the state of the object, or an earlier verification knows it. */
  isLookedAt = false
  /** The store's time when it described the object. */
  serverTimeMs: number | null = null
  /** True if the store's checksum, or every byte, was compared. */
  isHashed = false
  isRead = false
  /** The digest of the footer with which the bytes of a pack were compared. */
  footerSha256: string | null = null
  /** The chunks that can't be read back. */
  corruptChunks: ReadonlySet<number> | 'all' = new Set<number>()
  private readonly defects: Defect[] = []

  /** Keeps one defect of each kind, and none of an object that can't be read at all. */
  addDefect(kind: Defect['kind'], detail: string): void {
    const isCovered = this.defects.some((defect) => defect.kind === kind || isUnreadable(defect))
    if (!isCovered) this.defects.push({ kind, detail })
  }

  /** True if no byte can be read. */
  get isUnreadable(): boolean {
    return this.defects.some(isUnreadable)
  }

  get isDamaged(): boolean {
    return this.defects.length > 0
  }

  findings({ key, versionId }: ObjectRef, guarantee: Guarantee): ObjectFinding[] {
    const lockDefects = this.isUnreadable && this.lock === undefined ? [] : lockDefectsOf(this, guarantee)
    return [...this.defects, ...lockDefects].map((defect) => ({ key, versionId, ...defect }))
  }
}

function isUnreadable({ kind }: Defect): boolean {
  return kind === 'lost' || kind === 'archived'
}

/** How long, and how, each object of a snapshot is guaranteed to be locked. */
export interface Guarantee {
  /** Null for a bucket without a lock: then every object is reported as not locked. */
  mode: LockMode | null
  untilMs: number
}

/** @param stated replaces what the manifest states. */
export function guaranteeOf({ timeMs, manifest }: Snapshot, stated?: StatedGuarantee): Guarantee {
  const { lock, promiseDays } = manifest.retention
  const { mode, days } = stated ?? { mode: lock?.mode ?? null, days: promiseDays }
  return { mode, untilMs: timeMs + days * dayMs }
}

/** Compares with the store's clock, because the lock ends by it. */
export function lockDefectsOf(
  { lock, serverTimeMs }: Pick<ObjectState, 'lock' | 'serverTimeMs'>,
  guarantee: Guarantee,
): Defect[] {
  if (lock === undefined) return []
  if (lock === null)
    return [{ kind: 'unlocked', detail: 'it is not locked: any role that may delete can delete it' }]
  const defects: Defect[] = []
  if (serverTimeMs !== null && lock.untilMs <= serverTimeMs)
    defects.push({ kind: 'expired', detail: `its lock ended on ${timeText(lock.untilMs)}` })
  else if (lock.untilMs < guarantee.untilMs) {
    const detail = `its lock ends on ${timeText(lock.untilMs)}, before the guaranteed ${timeText(guarantee.untilMs)}`
    defects.push({ kind: 'short-lock', detail })
  }
  if (guarantee.mode === 'COMPLIANCE' && lock.mode !== guarantee.mode) {
    const detail = `its lock is ${lock.mode}, not ${guarantee.mode}: a role with the right to bypass it can delete the object`
    defects.push({ kind: 'other-lock', detail })
  }
  return defects
}

/** The records by object version. Takes about 200 bytes an object. */
export class ObjectRecords {
  private readonly records = new Map<string, ObjectRecord>()

  /** The record of an object, and whether it is new. */
  of({ key, versionId }: ObjectRef): { record: ObjectRecord; isNew: boolean } {
    const name = sha256(Buffer.from(`${key}\0${versionId}`)).toString('latin1')
    const record = this.records.get(name)
    if (record !== undefined) return { record, isNew: false }
    const created = new ObjectRecord()
    this.records.set(name, created)
    return { record: created, isNew: true }
  }
}
