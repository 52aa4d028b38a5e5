// Whether every object that a live snapshot needs is there, unchanged and locked. A run asks for the objects that are
// new since the last one, and for a rotating share of all others, whose bytes it also reads back.
import { createHash } from 'node:crypto'
import { bytesText } from '../../core/bytes-text.ts'
import { countOf } from '../../core/count-text.ts'
import { damaged } from '../../core/bytes.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { rereadDamaged } from '../../core/retry.ts'
import type { ObjectState, ObjectStore } from '../../core/store/object-store.ts'
import { timeText } from '../../core/time-text.ts'
import { dayOf } from '../behaviour/daily-figures.ts'
import { FindingList } from '../outcome.ts'
import type { Check } from '../check.ts'
import type { SourceObjectives } from '../objectives.ts'
import type { ObjectRecord } from '../source-state.ts'
import type { SourceView } from '../source-view.ts'

/** One request reads this much: an object of any size takes no more memory. */
const extentBytes = 8 * 1024 * 1024
const maxConcurrentReads = 4

export const integrity: Check = {
  id: 'integrity',
  question: 'Is every object that a live snapshot needs in the vault, unchanged and locked as guaranteed?',
  severity: 'critical',
  evidence:
    'The key of each object that is lost, damaged, archived, or locked for too short a time, by the clock of the store.',
  remedy:
    'Run `holdfast verify --all` for the files that are affected. `holdfast backup --upload-again PACK` replaces lost packs in the next snapshot.',
  async run({ objectives, view }) {
    const run = new IntegrityRun(view, objectives)
    const objects = await view.liveObjects()
    const shares = dueShares(view.state.readDay, await view.nowMs(), objectives.readDays)
    const isInShare = ({ sha256 }: ObjectRecord): boolean =>
      shares.size > 0 && shares.has(Number.parseInt(sha256.slice(0, 8), 16) % objectives.readDays)
    const toLookAt = objects.filter((object) => isUnsettled(object) || isInShare(object))
    await view.forEachObject(toLookAt, (object) => run.lookAt(object))
    const toRead = objects.filter(
      (object) => !run.isUnreadable(object) && (object.isCorrupt || isInShare(object)),
    )
    await view.forEachObject(toRead, (object) => run.readBack(object), maxConcurrentReads)
    if (shares.size > 0) view.state.readDay = dayOf(await view.nowMs())
    return run.outcome(objects.length, toLookAt.length, toRead.length)
  },
}

/** No run has found it sound, or its lock doesn't last for the snapshots that need it meanwhile. */
function isUnsettled({ lockedUntilMs, neededUntilMs, isCorrupt }: ObjectRecord): boolean {
  return lockedUntilMs === null || lockedUntilMs < neededUntilMs || isCorrupt
}

/**
 * The shares that are due since the last run: after a missed night, those of both days. Without a last run, today's.
 * @returns numbers from 0 to `readDays` - 1.
 */
export function dueShares(readDay: number | null, nowMs: number, readDays: number): ReadonlySet<number> {
  const shares = new Set<number>()
  if (readDays === 0) return shares
  const today = dayOf(nowMs)
  const first = readDay === null ? today : Math.max(readDay + 1, today - readDays + 1)
  for (let day = first; day <= today; day++) shares.add(day % readDays)
  return shares
}

class IntegrityRun {
  private readonly view: SourceView
  private readonly objectives: SourceObjectives
  private readonly findings = new FindingList()
  private readonly unreadable = new Set<ObjectRecord>()
  private withoutChecksum = 0
  private bytesRead = 0

  constructor(view: SourceView, objectives: SourceObjectives) {
    this.view = view
    this.objectives = objectives
  }

  isUnreadable(object: ObjectRecord): boolean {
    return this.unreadable.has(object)
  }

  async lookAt(object: ObjectRecord): Promise<void> {
    object.lockedUntilMs = null
    let state: ObjectState
    try {
      state = await this.view.look(object)
    } catch (error) {
      if (!isHoldfastError(error, 'not-found')) throw error
      this.unreadable.add(object)
      this.findings.failed(object.key, `version ${object.versionId} is missing; ${object.neededBy} needs it`)
      return
    }
    const isWhole = this.compareContent(object, state)
    const lockedUntilMs = this.compareLock(object, state, await this.view.nowMs())
    if (isWhole) object.lockedUntilMs = lockedUntilMs
  }

  private compareContent(object: ObjectRecord, { archive, bytes, sha256 }: ObjectState): boolean {
    const { key } = object
    if (archive !== null) {
      this.unreadable.add(object)
      this.findings.failed(key, `it is in ${archive}: its bytes can't be read before they are copied back`)
      return false
    }
    if (bytes !== object.bytes) {
      this.findings.failed(key, `it has ${countOf(bytes, 'byte')}, not ${countOf(object.bytes, 'byte')}`)
      return false
    }
    if (sha256 === null) this.withoutChecksum++
    if (sha256 === null || sha256 === object.sha256) return true
    this.findings.failed(key, 'the store reports another SHA-256')
    return false
  }

  /** The end of a lock that is as guaranteed; else null. */
  private compareLock(
    { key, neededUntilMs }: ObjectRecord,
    { lock }: ObjectState,
    nowMs: number,
  ): number | null {
    if (lock === undefined) this.findings.unknown(key, "this role can't see its lock")
    else if (lock === null) this.findings.failed(key, 'it is not locked')
    else if (lock.untilMs <= nowMs) this.findings.failed(key, `its lock ended on ${timeText(lock.untilMs)}`)
    else if (lock.untilMs < neededUntilMs)
      this.findings.failed(
        key,
        `its lock ends on ${timeText(lock.untilMs)}, before the guaranteed ${timeText(neededUntilMs)}`,
      )
    else if (this.objectives.lockMode === 'COMPLIANCE' && lock.mode !== 'COMPLIANCE')
      this.findings.failed(
        key,
        `its lock is ${lock.mode}, not COMPLIANCE: a role with the right to bypass it can delete the object`,
      )
    else return lock.untilMs
    return null
  }

  async readBack(object: ObjectRecord): Promise<void> {
    try {
      await rereadDamaged(() => hashBack(this.view.store, object))
      object.isCorrupt = false
      this.bytesRead += object.bytes
    } catch (error) {
      if (!isHoldfastError(error, 'damaged', 'not-found', 'archived')) throw error
      object.isCorrupt = true
      this.findings.failed(object.key, error.message)
    }
  }

  outcome(objectCount: number, lookCount: number, readCount: number): ReturnType<FindingList['outcome']> {
    if (this.withoutChecksum > 0 && this.objectives.readDays === 0)
      this.findings.unknown(
        this.view.source,
        `the store returns no checksum of ${countOf(this.withoutChecksum, 'object')}, and this run read no bytes`,
      )
    return this.findings.outcome(
      `${countOf(objectCount, 'object')} needed by live snapshots of ${this.view.source}: asked for ${lookCount}, read ${readCount} back with ${bytesText(this.bytesRead)}`,
    )
  }
}

async function hashBack(store: ObjectStore, object: ObjectRecord): Promise<void> {
  const hash = createHash('sha256')
  for (let offset = 0; offset < object.bytes; offset += extentBytes)
    hash.update(await store.getRange(object, offset, Math.min(extentBytes, object.bytes - offset)))
  if (hash.digest('hex') !== object.sha256) throw damaged(object.key, 'it has other bytes than its hash says')
}
