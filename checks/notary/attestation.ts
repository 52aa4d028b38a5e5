// Examines one snapshot: that every object which it needs is in the vault by its version, whole and locked as
// guaranteed, that every chunk of its tree is in one of its packs, and that it continues the snapshot before it.
import type { Clock, Random } from '../../core/clock.ts'
import { isHoldfastError, objectFailures } from '../../core/errors.ts'
import {
  maxReceiptFindings,
  maxReceiptFlags,
  maxReceiptGenerations,
  maxReceiptText,
} from '../../core/limits.ts'
import { findLineageBreaks } from '../../core/snapshot/lineage.ts'
import type { LineageBreak } from '../../core/snapshot/lineage.ts'
import type { Receipt, ReceiptFinding, ReceiptFlag } from '../../core/snapshot/receipt.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import { hasCollapsed } from '../../core/snapshot/shrinkage.ts'
import { loadSnapshot } from '../../core/snapshot/snapshot.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import type { TimedStore } from '../../core/snapshot/snapshot-choice.ts'
import type { SnapshotRef } from '../../core/snapshot/snapshot-list.ts'
import type { LockMode } from '../../core/store/object-store.ts'
import { parsePackKey } from '../../core/store/vault-keys.ts'
import { pathText } from '../../core/tree/path-text.ts'
import type { VerifyResult } from '../../engine/operations.ts'
import { Verification } from '../../engine/verify/verify.ts'
import { EarlierPacks } from './earlier-packs.ts'

export interface AttestationContext {
  store: TimedStore
  clock: Clock
  random: Random
  signal?: AbortSignal | undefined
  /** The mode and the days that the vault guarantees; a manifest may state more days. */
  guarantee: { mode: LockMode | null; days: number }
  toolVersion: string
  onProgress?: ((bytesRead: number) => void) | undefined
}

/** The snapshots before the one that is examined. */
export interface History {
  /** The last attested one; null if there is none. */
  earlier: EarlierPacks | null
  line: SourceLine
  /** The receipt of the last good one. */
  lastGood: Receipt | null
  /** True: an operator has accepted the flags of this snapshot. */
  isAccepted: boolean
}

/**
 * The source's own snapshots, which the next one continues. A snapshot with another parent, host or directory is none
 * of them: else a stolen writer would only have to continue its own bogus one.
 */
export interface SourceLine {
  /** True if no snapshot was attested before: then the first one begins the line. */
  isNew: boolean
  /** The newest attested one of the line; null if there is none among the last ones, or if it can't be read. */
  head: Snapshot | null
  /** Ids of the head, and of the refused ones that continue it: a snapshot may continue any of them. */
  chain: ReadonlySet<string>
}

export interface Attestation {
  /** A receipt without its name. */
  statement: Omit<Receipt, 'id'>
  /** Keys of packs that a writer should upload again. */
  packsToReplace: string[]
  /** The packs of this snapshot, for the next one; null if this one is refused. */
  earlier: EarlierPacks | null
}

export async function attest(
  ref: SnapshotRef,
  history: History,
  context: AttestationContext,
): Promise<Attestation> {
  let snapshot: Snapshot
  try {
    snapshot = await loadSnapshot(context.store, ref)
  } catch (error) {
    return refuseUnreadable(ref, error, context)
  }
  const guarantee = {
    ...context.guarantee,
    days: Math.max(context.guarantee.days, snapshot.manifest.retention.promiseDays),
  }
  const untilMs = ref.timeMs + guarantee.days * dayMs
  const { onProgress } = context
  const verification = new Verification({
    ...verificationEnvironment(context),
    readData: true,
    guarantee,
    verifiedBefore: (pack) => history.earlier?.find(pack, untilMs) ?? null,
    ...(onProgress === undefined ? {} : { onProgress: ({ bytesRead }) => onProgress(bytesRead) }),
  })
  const outcome = await verifySnapshot(verification, snapshot)
  const flags = findFlags(snapshot, history)
  const isAttested = outcome.findings.length === 0
  return {
    statement: {
      ...blankStatement(ref, context),
      manifest: { ...manifestOf(ref), sha256: snapshot.sha256 },
      outcome: isAttested ? 'attested' : 'refused',
      snapshot: figuresOf(snapshot),
      flags: history.isAccepted ? [] : flags,
      acceptedFlags: history.isAccepted ? flags : [],
      findings: outcome.findings.slice(0, maxReceiptFindings),
      findingCount: outcome.findings.length,
      guarantee,
      lockedUntilMs: outcome.result?.lockedUntilMs ?? null,
      generations: isAttested ? generationsOf(snapshot, verification) : [],
      packsRead: outcome.result?.packsRead ?? 0,
      bytesRead: outcome.result?.bytesRead ?? 0,
    },
    packsToReplace: outcome.packsToReplace,
    earlier: isAttested ? EarlierPacks.of(snapshot, verification) : null,
  }
}

function verificationEnvironment({ store, clock, random, signal }: AttestationContext) {
  return { store, clock, random, ...(signal === undefined ? {} : { signal }) }
}

interface Outcome {
  findings: ReceiptFinding[]
  packsToReplace: string[]
  result: VerifyResult | null
}

async function verifySnapshot(verification: Verification, snapshot: Snapshot): Promise<Outcome> {
  try {
    const result = await verification.verify(snapshot)
    const packs = result.objects.map(({ key }) => key).filter((key) => parsePackKey(key) !== null)
    return { findings: findingsOf(snapshot, result), packsToReplace: [...new Set(packs)], result }
  } catch (error) {
    if (!isHoldfastError(error, ...objectFailures)) throw error
    const { uploadAgain } = error.context
    return {
      findings: [makeFinding('unreadable-tree', snapshot.key, error.message)],
      packsToReplace: Array.isArray(uploadAgain) ? (uploadAgain as string[]) : [],
      result: null,
    }
  }
}

function findingsOf({ key }: Snapshot, { objects, files, unchecked }: VerifyResult): ReceiptFinding[] {
  const findings = objects.map((finding) => makeFinding(finding.kind, finding.key, finding.detail))
  const [first] = files
  if (first !== undefined) {
    const detail = `${files.length} files can't be restored, e.g. ${pathText(first.path)}: ${first.detail}`
    findings.push(makeFinding('missing-content', key, detail))
  }
  // An unknown lock is not a good one.
  if (unchecked.locks > 0)
    findings.push(makeFinding('unknown-lock', key, `the locks of ${unchecked.locks} objects are unknown`))
  return findings
}

function makeFinding(kind: string, key: string, detail: string): ReceiptFinding {
  return { kind, key: clip(key), detail: clip(detail) }
}

/** A detail may have text of the writer. */
function clip(text: string): string {
  return pathText(Buffer.from(text)).slice(0, maxReceiptText)
}

function findFlags(snapshot: Snapshot, { line, lastGood }: History): ReceiptFlag[] {
  const { manifest } = snapshot
  const flags: ReceiptFlag[] = findLineBreaks(snapshot, line).map(({ kind, detail }) => ({
    kind,
    detail: clip(detail),
  }))
  const before = lastGood?.snapshot ?? null
  if (before !== null && hasCollapsed(manifest.tree, before)) {
    const { files, bytes } = manifest.tree
    const detail = `it has ${files} files and ${bytes} bytes; the last good one has ${before.files} and ${before.bytes}`
    flags.unshift({ kind: 'collapsed', detail })
  }
  return flags.slice(0, maxReceiptFlags)
}

function findLineBreaks({ id, manifest }: Snapshot, { isNew, head, chain }: SourceLine): LineageBreak[] {
  if (isNew) return []
  const continues = manifest.parent !== null && chain.has(manifest.parent.id)
  const breaks = findLineageBreaks({ id, manifest }, head).filter(
    ({ kind }) => kind !== 'other-parent' || !continues,
  )
  if (head !== null || continues) return breaks
  return [{ kind: 'other-parent', detail: 'none of the snapshots that it could continue can be read' }]
}

/** The earliest end of a lock in each generation. Of too many generations, the notary keeps none: see limits.ts. */
function generationsOf({ manifest }: Snapshot, verification: Verification): Receipt['generations'] {
  const ends = new Map<string, number>()
  for (const pack of manifest.packs) {
    const { generation } = parsePackKey(pack.key)!
    const untilMs = verification.stateOf(pack).lock?.untilMs ?? 0
    ends.set(generation, Math.min(ends.get(generation) ?? Infinity, untilMs))
  }
  return [...ends]
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .slice(0, maxReceiptGenerations)
    .map(([name, lockedUntilMs]) => ({ name, lockedUntilMs }))
}

function figuresOf({ manifest }: Snapshot): Receipt['snapshot'] {
  const { complete, tree, packs, parent } = manifest
  const { files, entries, bytes } = tree
  return { complete, files, entries, bytes, packs: packs.length, parentId: parent?.id ?? null }
}

function manifestOf({ id, versionId, timeMs }: SnapshotRef): Receipt['manifest'] {
  return { id, versionId, sha256: null, timeMs }
}

function blankStatement(ref: SnapshotRef, context: AttestationContext): Attestation['statement'] {
  return {
    kind: 'receipt',
    formatVersion: 1,
    source: ref.source,
    manifest: manifestOf(ref),
    outcome: 'refused',
    snapshot: null,
    flags: [],
    acceptedFlags: [],
    findings: [],
    findingCount: 0,
    guarantee: context.guarantee,
    lockedUntilMs: null,
    generations: [],
    packsRead: 0,
    bytesRead: 0,
    checkedMs: context.store.serverTimeMs ?? context.clock.nowMs(),
    notaryVersion: context.toolVersion,
  }
}

/** @throws `error` if it is a failure of the store. */
function refuseUnreadable(ref: SnapshotRef, error: unknown, context: AttestationContext): Attestation {
  if (!isHoldfastError(error, ...objectFailures)) throw error
  const finding = makeFinding('unreadable-manifest', ref.key, error.message)
  return {
    statement: { ...blankStatement(ref, context), findings: [finding], findingCount: 1 },
    packsToReplace: [],
    earlier: null,
  }
}
