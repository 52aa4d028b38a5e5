// The notary: examines what is new in the vault, and writes a signed receipt for each snapshot. It can read the vault,
// write below `receipts/` and write feedback; it can't change or delete anything. Overview:
//
//   candidates = the snapshots without a receipt, and the newest one if its receipt refuses it, oldest first
//   for each:    attest it, given what the last attested snapshot proves               attestation.ts
//                flag it, unless it continues the source's own snapshots
//                write its receipt; a run that is killed goes on after the last one
//   feedback     = the packs that are lost or locked too shortly, for the writer
//
// Two notaries at once do the same work twice and nothing else: the newest receipt of a snapshot counts.
import { ulid } from 'ulid'
import { encodeFeedback, feedbackKey } from '../../core/feedback.ts'
import type { FeedbackBucket } from '../../core/feedback.ts'
import { sha256Hex } from '../../core/digest.ts'
import { HoldfastError, isHoldfastError, objectFailures } from '../../core/errors.ts'
import { maxFeedbackPacks } from '../../core/limits.ts'
import { retryAfterDelay, uploadRetry } from '../../core/retry.ts'
import { ReceiptList } from '../../core/snapshot/receipt-list.ts'
import { continuesSource, encodeReceipt, isGood } from '../../core/snapshot/receipt.ts'
import type { Receipt } from '../../core/snapshot/receipt.ts'
import { listSnapshots, loadSnapshot } from '../../core/snapshot/snapshot.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import type { SnapshotList, SnapshotRef } from '../../core/snapshot/snapshot-list.ts'
import type { Signer, TrustedKeys } from '../../core/signature.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { receiptKey } from '../../core/store/vault-keys.ts'
import { attest } from './attestation.ts'
import type { AttestationContext, SourceLine } from './attestation.ts'
import { EarlierPacks } from './earlier-packs.ts'
import { ReceiptHistory } from './receipt-history.ts'

/** A flood of manifests must not hold up a run for ever: the newest ones come first, the next run goes on. */
const maxExaminedPerRun = 1000
/** The receipts of the newest snapshots are read and checked: the others are only listed. */
const checkedReceipts = 16

export interface NotaryOptions extends Omit<AttestationContext, 'guarantee'> {
  source: string
  signer: Signer
  /** The keys whose receipts the notary believes; its own is among them. */
  keys: TrustedKeys
  /** Null: no feedback is written. */
  feedback: FeedbackBucket | null
  guaranteedDays: number
  /** Ids of snapshots whose flags an operator accepts. */
  accept?: readonly string[]
  /** Examine the newest snapshot although it is attested. */
  again?: boolean
  maxExamined?: number
}

export interface NotaryResult {
  source: string
  snapshots: number
  /** In the order of their times. */
  receipts: { ref: SnapshotRef; receipt: Receipt }[]
  /** Snapshots beyond the limit of one run, which have no receipt yet. */
  notExamined: number
  /** Receipts in the vault that can't be trusted. */
  receiptsRejected: number
  /** Packs that the feedback names; null if none was needed. */
  feedbackPacks: number | null
}

/** @throws the failures of the store, of the signer and of the feedback bucket; receipts that were written stay. */
export async function notarize(options: NotaryOptions): Promise<NotaryResult> {
  const { store, source, keys, signal } = options
  const snapshots = await listSnapshots(store, source)
  const history = new ReceiptHistory(store, snapshots, await ReceiptList.read(store, source), keys)
  const { retention } = await store.lockDefault()
  const guarantee = { mode: retention?.mode ?? null, days: options.guaranteedDays }
  const { candidates, notExamined } = await findCandidates(snapshots, history, options)
  const result: NotaryResult = {
    source,
    snapshots: snapshots.length,
    receipts: [],
    notExamined,
    receiptsRejected: 0,
    feedbackPacks: null,
  }
  const packsToReplace: string[] = []
  let earlier: { index: number; packs: EarlierPacks | null } = { index: -1, packs: null }
  for (const { index, isAccepted } of candidates) {
    signal?.throwIfAborted()
    const ref = snapshots.at(index)!
    const attested = await history.findBefore(index, ({ outcome }) => outcome === 'attested')
    if (attested !== null && attested.index !== earlier.index) {
      const packs = await EarlierPacks.load(store, snapshots.at(attested.index)!, attested.receipt)
      earlier = { index: attested.index, packs }
    }
    const lastGood = (await history.findBefore(index, isGood))?.receipt ?? null
    const packs = attested === null ? null : earlier.packs
    const line = await findLine(index, { store, snapshots, history, earlier: packs })
    const attestation = await attest(
      ref,
      { earlier: packs, line: { isNew: attested === null, ...line }, lastGood, isAccepted },
      { ...options, guarantee },
    )
    const receipt = await writeReceipt(attestation.statement, options)
    history.put(index, receipt)
    result.receipts.push({ ref, receipt })
    packsToReplace.push(...attestation.packsToReplace)
    if (attestation.earlier !== null) earlier = { index, packs: attestation.earlier }
  }
  result.receiptsRejected = history.rejectedCount
  result.feedbackPacks = await writeFeedback(packsToReplace, options)
  return result
}

interface Examined {
  store: ObjectStore
  snapshots: SnapshotList
  history: ReceiptHistory
  /** The packs of the last attested snapshot. */
  earlier: EarlierPacks | null
}

async function findLine(
  index: number,
  { store, snapshots, history, earlier }: Examined,
): Promise<Pick<SourceLine, 'head' | 'chain'>> {
  const head = await history.findBefore(
    index,
    (receipt) => receipt.outcome === 'attested' && continuesSource(receipt),
  )
  if (head === null) return { head: null, chain: new Set() }
  const chain = await history.successorsOf(head.index, index)
  const ref = snapshots.at(head.index)!
  return { head: earlier?.snapshot.id === ref.id ? earlier.snapshot : await loadHead(store, ref), chain }
}

/** Null if it can't be read: then the ids alone show whether a snapshot continues it. */
async function loadHead(store: ObjectStore, ref: SnapshotRef): Promise<Snapshot | null> {
  try {
    return await loadSnapshot(store, ref)
  } catch (error) {
    if (!isHoldfastError(error, ...objectFailures)) throw error
    return null
  }
}

interface Candidate {
  index: number
  isAccepted: boolean
}

async function findCandidates(
  snapshots: SnapshotList,
  history: ReceiptHistory,
  { source, accept = [], again = false, maxExamined = maxExaminedPerRun }: NotaryOptions,
): Promise<{ candidates: Candidate[]; notExamined: number }> {
  const accepted = new Set(accept)
  const candidates: Candidate[] = []
  let notExamined = 0
  let newest = true
  for (let index = snapshots.length - 1, checked = 0; index >= 0; index--) {
    const { id, flags } = snapshots.at(index)!
    // A listing shows the flag of such a snapshot: no receipt could make it trustworthy.
    if (flags.length > 0) continue
    const isAccepted = accepted.delete(id)
    const mustCheck = checked < checkedReceipts
    const receipt = history.hasReceipt(index) && mustCheck ? await history.at(index) : null
    const hasReceipt = mustCheck ? receipt !== null : history.hasReceipt(index)
    const mustRepeat = newest && (again || receipt?.outcome === 'refused')
    newest = false
    checked++
    if (hasReceipt && !mustRepeat && !isAccepted) continue
    if (candidates.length < maxExamined || isAccepted) candidates.push({ index, isAccepted })
    else notExamined++
  }
  const [unknown] = accepted
  if (unknown !== undefined)
    throw new HoldfastError(
      'not-found',
      `the source ${source} has no snapshot ${JSON.stringify(unknown.slice(0, 40))} to accept`,
      { hint: '`holdfast snapshots` lists the snapshots with their flags' },
    )
  return { candidates: candidates.reverse(), notExamined }
}

/** Each attempt has a key of its own, and so a signature of its own. */
async function writeReceipt(
  statement: Omit<Receipt, 'id'>,
  { store, clock, random, signal, signer }: NotaryOptions,
): Promise<Receipt> {
  signal?.throwIfAborted()
  return retryAfterDelay(uploadRetry, { random, sleep: (ms) => clock.sleep(ms, signal) }, async () => {
    const receipt = { ...statement, id: ulid(statement.checkedMs, random) }
    const body = await encodeReceipt(receipt, signer)
    const key = receiptKey(receipt.source, receipt.manifest.id, receipt.id)
    await store.putIfAbsent(key, body, sha256Hex(body))
    return receipt
  })
}

/** The last packs come first, because the newest snapshot needs them. */
async function writeFeedback(
  packs: readonly string[],
  { store, clock, random, source, feedback }: NotaryOptions,
): Promise<number | null> {
  if (packs.length === 0 || feedback === null) return null
  const keys = [...new Set(packs.toReversed())].slice(0, maxFeedbackPacks)
  const id = ulid(store.serverTimeMs ?? clock.nowMs(), random)
  await feedback.put(feedbackKey(source, id), encodeFeedback(source, id, keys))
  return keys.length
}
