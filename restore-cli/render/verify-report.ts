// The result of a verification, as text and as a record.
import { isLockFinding } from '../../engine/operations.ts'
import type { ObjectFinding, ReadShare, VerifyResult } from '../../engine/operations.ts'
import type { LiveVerification } from '../../engine/verify/verify-live.ts'
import type { ListedReceipt } from '../../core/snapshot/receipt-list.ts'
import { shardText } from '../../core/restore-plan/shards.ts'
import type { Shard } from '../../core/restore-plan/shards.ts'
import type { SnapshotChoice } from '../../core/snapshot/snapshot-choice.ts'
import { parsePackKey } from '../../core/store/vault-keys.ts'
import { choiceRecord, choiceWarnings } from './choice-text.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countOf, countText, durationText, rows } from './figures.ts'
import { pathList } from './problem-list.ts'
import { pathRecord, terminalText } from './terminal-text.ts'

export interface VerificationSubject {
  choice: SnapshotChoice
  /** True if it read bytes: every byte, or a share. In a record, every byte. */
  readData: boolean
  share?: ReadShare | undefined
  /** The result speaks of the packs of this shard alone. */
  shard?: Shard | undefined
  /** Limits of the flags that are not met. */
  missed: readonly string[]
}

/** True if nothing is lost, damaged or archived: all findings are about locks. */
export function isIntact({ objects, files }: Pick<VerifyResult, 'objects' | 'files'>): boolean {
  return files.length === 0 && objects.every(isLockFinding)
}

/** Packs that a next backup would use again, although they are lost, damaged or archived. */
export function packsToUploadAgain({ objects }: VerifyResult): string[] {
  const keys = objects
    .filter((finding) => !isLockFinding(finding) && parsePackKey(finding.key) !== null)
    .map(({ key }) => key)
  return [...new Set(keys)]
}

export function verifyRecord(
  result: VerifyResult,
  { choice, readData, share, shard, missed }: VerificationSubject,
): Record<string, unknown> {
  return {
    ...choiceRecord(choice),
    ok: result.objects.length + result.files.length + missed.length === 0,
    readData,
    readShare: share ?? null,
    shard: shard ?? null,
    missed,
    ...resultRecord(result),
  }
}

function resultRecord(result: VerifyResult): Record<string, unknown> {
  const { objects, files, lockedUntilMs, serverTimeMs, guaranteedUntilMs, ...figures } = result
  return {
    intact: isIntact(result),
    ...figures,
    lockedUntil: lockedUntilMs === null ? null : timeText(lockedUntilMs),
    lockedUntilMs,
    guaranteedUntil: timeText(guaranteedUntilMs),
    checkedAt: serverTimeMs === null ? null : timeText(serverTimeMs),
    objects,
    uploadAgain: packsToUploadAgain(result),
    files: files.map(({ path, detail }) => ({ ...pathRecord(path), detail })),
  }
}

export function renderVerify(
  result: VerifyResult,
  { choice, readData, shard, missed }: VerificationSubject,
): string {
  const { snapshot } = choice
  return `${choiceWarnings(choice)}${verdictOf(result)}: ${snapshot.source}, ${shard === undefined ? '' : `shard ${shardText(shard)} of `}snapshot ${snapshot.id} of ${timeText(snapshot.timeMs)}.\n${rows(
    [
      ['checked', checkedText(result, readData)],
      ['not checked', uncheckedText(result)],
      ['locked', lockedText(result)],
      ['guaranteed', `until ${timeText(result.guaranteedUntilMs)}`],
      ...((choice.receipt ?? null) === null ? [] : [['notary', receiptText(choice.receipt!)] as const]),
      ...missed.map((limit) => ['missed', limit] as const),
      ['took', durationText(result.durationMs)],
    ],
  )}${findingsText(result, snapshot.source)}`
}

function receiptText({ receipt }: ListedReceipt): string {
  return `${receipt.outcome} by the receipt ${receipt.id} of ${timeText(receipt.checkedMs)}`
}

/** An object that is not locked is no damage: its bytes are complete. */
function verdictOf(result: VerifyResult): string {
  if (!isIntact(result)) return 'DAMAGED'
  return result.objects.length === 0 ? 'Verified' : 'NOT LOCKED AS GUARANTEED'
}

function checkedText(result: VerifyResult, readData: boolean): string {
  return readData
    ? `${countOf(result.packs, 'pack')} and ${countText(result.chunks)} chunks; ${countOf(result.packsRead, 'pack')} with ${bytesText(result.bytesRead)} read and hashed`
    : `${countOf(result.packs, 'pack')} by size, checksum and lock, and the tree of ${countText(result.chunks)} chunks; --read-data reads every byte`
}

function uncheckedText({ unchecked: { checksums, locks } }: VerifyResult): string {
  const parts = [
    ...(checksums === 0
      ? []
      : [`the bytes of ${countOf(checksums, 'object')}, because the store returns no checksum`]),
    ...(locks === 0 ? [] : [`the locks of ${countOf(locks, 'object')}, because this role can't see them`]),
  ]
  return parts.length === 0 ? 'nothing' : parts.join('; ')
}

function lockedText({ lockedUntilMs, unchecked, objects }: VerifyResult): string {
  if (lockedUntilMs !== null) return `until ${timeText(lockedUntilMs)} at least`
  return unchecked.locks > 0 && !objects.some(({ kind }) => kind === 'unlocked')
    ? 'unknown'
    : 'no, or not all of it'
}

function findingsText(result: VerifyResult, source: string): string {
  const lists = Map.groupBy(result.objects, (finding) => (isLockFinding(finding) ? 'Locks' : 'Objects'))
  return `${[...lists].map(([heading, findings]) => objectList(heading, findings)).join('')}${
    result.files.length === 0 ? '' : pathList("Files that can't be restored", result.files)
  }${uploadAgainText(result, source)}`
}

function objectList(heading: string, findings: readonly ObjectFinding[]): string {
  return pathList(
    heading,
    findings.map(({ key, detail }) => ({ path: Buffer.from(key), detail })),
  )
}

/** The writer can't see what the vault lost, so it uses the pack until it hears of it. */
function uploadAgainText(result: VerifyResult, source: string): string {
  const packs = packsToUploadAgain(result)
  if (packs.length === 0) return ''
  return `The next backups still use ${packs.length === 1 ? 'this pack' : 'these packs'}. Pass to the next one, on each host of ${source}:\n  --upload-again ${packs.join(' ')}\n`
}

export function liveRecord(
  verification: LiveVerification,
  missed: readonly string[],
): Record<string, unknown> {
  const { ref, outcome } = verification
  return {
    source: ref.source,
    snapshot: ref.id,
    asOf: timeText(ref.timeMs),
    asOfMs: ref.timeMs,
    outcome,
    ...(verification.outcome === 'verified'
      ? {
          ok: verification.result.objects.length + verification.result.files.length + missed.length === 0,
          missed,
          ...resultRecord(verification.result),
        }
      : { ok: verification.outcome === 'skipped', reason: verification.reason }),
  }
}

/** One line for each snapshot, and its findings. */
export function renderLive(verification: LiveVerification): string {
  const { ref } = verification
  const name = `${ref.id} of ${timeText(ref.timeMs)}`
  if (verification.outcome !== 'verified') {
    const verdict = verification.outcome === 'skipped' ? 'Not verified' : 'DAMAGED'
    return `${verdict}: ${name}: ${terminalText(verification.reason)}\n`
  }
  const { result } = verification
  const { checksums, locks } = result.unchecked
  const unchecked = checksums + locks === 0 ? '' : `; not checked: ${uncheckedText(result)}`
  return `${verdictOf(result)}: ${name}: ${countOf(result.packs, 'pack')}, ${countOf(result.packsRead, 'pack')} read, locked: ${lockedText(result)}${unchecked}\n${findingsText(result, ref.source)}`
}

export function renderLiveSummary(summary: {
  source: string
  verified: number
  damaged: number
  unreadable: number
  unlocked: number
  skipped: number
  bytesRead: number
  missed: readonly string[]
}): string {
  const { source, verified, damaged, unreadable, unlocked, skipped, bytesRead, missed } = summary
  return `${source}: ${countOf(verified, 'snapshot')} verified, ${bytesText(bytesRead)} read and hashed.\n${rows(
    [
      ['damaged', countText(damaged + unreadable)],
      ['not locked as guaranteed', countText(unlocked)],
      ['not verified', `${countText(skipped)}, for the reasons above`],
      ...missed.map((limit) => ['missed', limit] as const),
    ],
  )}`
}
