// One WAL part as the notary found it: its bytes and its lock.
import { isHoldfastError, objectFailures } from '../../../core/errors.ts'
import { maxWalPartObjectBytes } from '../../../core/limits.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import type { LockMode, ObjectStore } from '../../../core/store/object-store.ts'
import { lsnText } from '../../../core/wal/lsn.ts'
import { decodeWalPart } from '../../../core/wal/wal-part.ts'
import { lockDefectsOf } from '../../../engine/verify/object-record.ts'
import type { ListedPart } from './part-groups.ts'

export interface Defect {
  kind: string
  detail: string
}

export interface ExaminedPart {
  part: ListedPart
  defects: Defect[]
  /** The bytes of the log; null if they can't be used, or no other part overlaps them. */
  bytes: Buffer | null
  /** 0 if it has no lock. */
  lockedUntilMs: number
}

export interface WalGuarantee {
  mode: LockMode | null
  days: number
}

/** @throws the failures of the store that say nothing about the part. */
export async function examinePart(
  store: ObjectStore,
  part: ListedPart,
  { guarantee, keepsBytes }: { guarantee: WalGuarantee; keepsBytes: boolean },
): Promise<ExaminedPart> {
  const examined: ExaminedPart = { part, defects: [], bytes: null, lockedUntilMs: 0 }
  if (part.isMultipart)
    examined.defects.push({
      kind: 'in-parts',
      detail: 'it was uploaded in parts, which no writer of WAL does',
    })
  try {
    const [state, bytes] = await Promise.all([store.headVersion(part), readPart(store, part)])
    if (keepsBytes) examined.bytes = bytes
    examined.lockedUntilMs = state.lock?.untilMs ?? 0
    if (state.lock === undefined)
      examined.defects.push({ kind: 'unknown-lock', detail: 'this role may not see its lock' })
    const untilMs = part.modifiedMs + guarantee.days * dayMs
    examined.defects.push(...lockDefectsOf(state, { mode: guarantee.mode, untilMs }))
  } catch (error) {
    if (!isHoldfastError(error, ...objectFailures)) throw error
    examined.bytes = null
    examined.defects.push({ kind: error.code, detail: error.message })
  }
  return examined
}

async function readPart(store: ObjectStore, part: ListedPart): Promise<Buffer> {
  // The object of a writer has no more bytes: what is longer is refused by its length, and never fetched.
  const bytes = Math.min(part.storedBytes, maxWalPartObjectBytes + 1)
  return (await decodeWalPart(await store.getRange(part, 0, bytes), part)).bytes
}

/** Compares the parts of a group, in its order, and keeps the bytes of one of them at a time. */
export class GroupComparison {
  readonly parts: ExaminedPart[] = []
  private furthest: ExaminedPart | null = null

  add(next: ExaminedPart): void {
    const { furthest } = this
    this.parts.push(next)
    if (next.bytes === null) return
    if (furthest !== null && !agree(furthest, next)) {
      // The notary can't tell which of the two is the server's.
      addConflict(furthest, next.part)
      addConflict(next, furthest.part)
    }
    if (furthest === null || next.part.end > furthest.part.end) {
      if (furthest !== null) furthest.bytes = null
      this.furthest = next
    } else next.bytes = null
  }

  finish(): readonly ExaminedPart[] {
    addSecondVersions(this.parts)
    return this.parts
  }
}

function addSecondVersions(examined: readonly ExaminedPart[]): void {
  const first = new Map<string, ListedPart>()
  for (const { part } of examined) {
    const before = first.get(part.key)
    // The store lists the versions of a key newest first.
    if (before === undefined || part.modifiedMs <= before.modifiedMs) first.set(part.key, part)
  }
  for (const { part, defects } of examined)
    if (first.get(part.key) !== part)
      defects.push({ kind: 'second-version', detail: 'its key had a version before it' })
}

function addConflict({ defects }: ExaminedPart, rival: ListedPart): void {
  if (defects.some(({ kind }) => kind === 'other-bytes')) return
  const range = `${lsnText(rival.start)} to ${lsnText(rival.end)}`
  defects.push({ kind: 'other-bytes', detail: `the part ${rival.id} from ${range} has other bytes` })
}

/** @param first begins no later than `next`. */
function agree(first: ExaminedPart, next: ExaminedPart): boolean {
  const end = first.part.end < next.part.end ? first.part.end : next.part.end
  if (end <= next.part.start) return true
  const offset = Number(next.part.start - first.part.start)
  const count = Number(end - next.part.start)
  return first.bytes!.subarray(offset, offset + count).equals(next.bytes!.subarray(0, count))
}
