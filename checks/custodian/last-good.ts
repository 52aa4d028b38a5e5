// The snapshot that must never run out, also if its source is silent for years. A newer snapshot takes this part only
// if the notary attested it, it is complete and not collapsed, it continues the source, and no check found its content
// unusual: else a stolen writer could let the last good one run out by uploading bogus ones.
import { isHoldfastError, objectFailures } from '../../core/errors.ts'
import type { Manifest } from '../../core/snapshot/manifest.ts'
import type { Receipt } from '../../core/snapshot/receipt.ts'
import { continuesSource, isGood } from '../../core/snapshot/receipt.ts'
import { ReceiptList, readListedReceipts } from '../../core/snapshot/receipt-list.ts'
import { hasCollapsed } from '../../core/snapshot/shrinkage.ts'
import { loadSnapshot } from '../../core/snapshot/snapshot.ts'
import type { SnapshotRef } from '../../core/snapshot/snapshot-list.ts'
import { readManifests } from '../../core/snapshot/snapshot-manifests.ts'
import type { TrustedKeys } from '../../core/signature.ts'
import type { Confirmation } from './custody-plan.ts'
import { isWhole } from './snapshot-needs.ts'
import type { SourceSurvey } from './snapshot-needs.ts'

export interface LastGoodSnapshot {
  ref: SnapshotRef
  manifest: Manifest
  confirmation: Confirmation
}

/** The snapshots that never run out while their source is silent. */
export interface KeptSnapshots {
  /** Null if the source has no usable snapshot. */
  lastGood: LastGoodSnapshot | null
  /**
   * The newest good one after it that can be another party's; null if there is none. It may be the source's own, so it
   * stays too. A flood of them extends the locks of one.
   */
  doubtful: LastGoodSnapshot | null
}

/**
 * @param keys of the notary; null: no receipt can be trusted.
 * @param unusualFromMs the time of the first snapshot whose content a check found unusual: it is doubtful, and so are
 * those after it.
 */
export async function findKept(
  survey: SourceSurvey,
  { keys, unusualFromMs }: { keys: TrustedKeys | null; unusualFromMs: number },
): Promise<KeptSnapshots> {
  const receipts = keys === null ? null : await ReceiptList.read(survey.store, survey.list.source)
  const kept = receipts && keys && (await findAttested(survey, { receipts, keys, unusualFromMs }))
  return kept ?? { lastGood: await findUnattested(survey), doubtful: null }
}

interface Receipts {
  receipts: ReceiptList
  keys: TrustedKeys
  unusualFromMs: number
}

/**
 * The newest good snapshot without a doubt; without one, the newest attested one that is not collapsed. Null if there
 * is neither.
 */
async function findAttested(
  survey: SourceSurvey,
  { receipts, keys, unusualFromMs }: Receipts,
): Promise<KeptSnapshots | null> {
  let doubtful: LastGoodSnapshot | null = null
  const attested: Record<'own' | 'doubtful', LastGoodSnapshot | null> = { own: null, doubtful: null }
  let rejectedCount = 0
  for (let index = survey.list.length - 1; index >= 0; index--) {
    survey.signal.throwIfAborted()
    const ref = survey.list.at(index)!
    if (ref.flags.length > 0 || receipts.refsOf(ref.id).length === 0) continue
    const valid = await readListedReceipts(survey.store, receipts, keys, [ref.id])
    rejectedCount += valid.rejectedCount
    const receipt = valid.of(ref)?.receipt
    if (receipt?.outcome !== 'attested' || isFlaggedAsCollapsed(receipt)) continue
    const line = continuesSource(receipt) && ref.timeMs < unusualFromMs ? 'own' : 'doubtful'
    const isNeeded: boolean = isGood(receipt) ? line === 'own' || doubtful === null : attested[line] === null
    const manifest: Manifest | null = isNeeded ? await loadWhole(survey, ref) : null
    if (manifest === null) continue
    if (!isGood(receipt)) attested[line] = { ref, manifest, confirmation: 'attested' }
    else if (line === 'doubtful') doubtful = { ref, manifest, confirmation: 'good' }
    else return { lastGood: { ref, manifest, confirmation: 'good' }, doubtful }
  }
  if (attested.own !== null) return { lastGood: attested.own, doubtful }
  const lastGood = doubtful ?? attested.doubtful
  if (lastGood !== null) return { lastGood, doubtful: null }
  if (rejectedCount > 0)
    survey.problems.push(`${rejectedCount} receipts can't be trusted, and no snapshot has another one`)
  return null
}

/** Why an operator has to look at a source whose newest snapshots can be another party's. */
export function doubtText({ lastGood, doubtful }: KeptSnapshots): string | null {
  if (lastGood === null || doubtful === null) return null
  return `snapshots after ${lastGood.ref.id} can be another party's, the newest good one is ${doubtful.ref.id}: both are kept; if it is as it should be, pass its id to \`holdfast notary --accept\`, or to \`holdfast check --accept\` if its content is unusual`
}

function isFlaggedAsCollapsed({ flags }: Receipt): boolean {
  return flags.some(({ kind }) => kind === 'collapsed')
}

/** The newest complete snapshot that is not much smaller than the last such one before it. */
async function findUnattested({
  store,
  list,
  inventory,
  signal,
}: SourceSurvey): Promise<LastGoodSnapshot | null> {
  let lastGood: LastGoodSnapshot | null = null
  for await (const { ref, manifest } of readManifests(store, list, signal)) {
    if (manifest === null || ref.flags.length > 0 || !isWhole(inventory, manifest)) continue
    if (lastGood === null) lastGood = { ref, manifest, confirmation: 'unattested' }
    else if (!manifest.complete && lastGood.manifest.complete) continue
    else if (!hasCollapsed(manifest.tree, lastGood.manifest.tree))
      lastGood = { ref, manifest, confirmation: 'unattested' }
  }
  return lastGood
}

async function loadWhole({ store, inventory }: SourceSurvey, ref: SnapshotRef): Promise<Manifest | null> {
  try {
    const { manifest } = await loadSnapshot(store, ref)
    return isWhole(inventory, manifest) ? manifest : null
  } catch (error) {
    if (!isHoldfastError(error, ...objectFailures)) throw error
    return null
  }
}
