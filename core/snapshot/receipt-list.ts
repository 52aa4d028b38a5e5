// Lists and reads the receipts of a source. Listing costs one request for each 1,000 receipts; reading costs one for
// each receipt, so that a check reads only those of the snapshots that it needs.
import { isHoldfastError, objectFailures } from '../errors.ts'
import { maxReceiptBytes } from '../limits.ts'
import { readInOrder } from '../ordered-reads.ts'
import { rereadDamaged } from '../retry.ts'
import type { TrustedKeys } from '../signature.ts'
import type { ObjectStore, ObjectVersion } from '../store/object-store.ts'
import { parseReceiptKey, receiptPrefix } from '../store/vault-keys.ts'
import { decodeReceipt } from './receipt.ts'
import type { Receipt, ReceiptName } from './receipt.ts'
import { maxReadsAtOnce } from './snapshot.ts'
import type { SnapshotRef } from './snapshot-list.ts'

/** A receipt's object version, as the store lists it. */
export interface ReceiptRef extends ReceiptName {
  key: string
  versionId: string
  /** The server's `LastModified`. */
  timeMs: number
  bytes: number
}

export interface ListedReceipt {
  ref: ReceiptRef
  receipt: Receipt
  /** The key that signed it; null if no trusted keys were given: then it may be shown, and must decide nothing. */
  keyId: string | null
}

export interface RejectedReceipt {
  ref: ReceiptRef
  reason: string
}

/** The notary writes one receipt for a snapshot, and a second one if it examined it again. */
const maxReadPerManifest = 8
/** A result keeps this many rejected receipts, and counts all. */
const maxRejectedListed = 100

/** The receipts of a source by manifest, newest first. The first version of a key counts, and only a single upload. */
export class ReceiptList {
  private readonly byManifest: ReadonlyMap<string, readonly ReceiptRef[]>

  private constructor(byManifest: ReadonlyMap<string, readonly ReceiptRef[]>) {
    this.byManifest = byManifest
  }

  static async read(store: Pick<ObjectStore, 'listVersions'>, source: string): Promise<ReceiptList> {
    const byKey = new Map<string, ReceiptRef | null>()
    for await (const version of store.listVersions(receiptPrefix(source))) {
      const ref = refOf(version, source)
      // The store lists the versions of a key newest first, so that the oldest one stays.
      if (ref !== undefined) byKey.set(version.key, ref)
    }
    const byManifest = new Map<string, ReceiptRef[]>()
    for (const ref of byKey.values()) {
      if (ref === null) continue
      const refs = byManifest.get(ref.manifestId) ?? []
      refs.push(ref)
      byManifest.set(ref.manifestId, refs)
    }
    for (const refs of byManifest.values()) refs.sort((a, b) => b.timeMs - a.timeMs || (a.id < b.id ? 1 : -1))
    return new ReceiptList(byManifest)
  }

  /** True if the source has no receipt at all: no notary has worked on this vault. */
  get isEmpty(): boolean {
    return this.byManifest.size === 0
  }

  get manifestIds(): Iterable<string> {
    return this.byManifest.keys()
  }

  /** Newest first. A reader reads no more than these of one manifest. */
  refsOf(manifestId: string): readonly ReceiptRef[] {
    return (this.byManifest.get(manifestId) ?? []).slice(0, maxReadPerManifest)
  }
}

/** Undefined for what doesn't count: a delete marker, or the key of no receipt. Null for an upload in parts. */
function refOf(version: ObjectVersion, source: string): ReceiptRef | null | undefined {
  const { key, versionId, lastModifiedMs: timeMs, bytes, isDeleteMarker, isMultipart } = version
  const name = parseReceiptKey(key)
  if (isDeleteMarker || name?.source !== source) return undefined
  return isMultipart ? null : { ...name, key, versionId, timeMs, bytes }
}

/**
 * Reads one receipt, again if it arrives damaged.
 * @throws `damaged`, `not-found`, `unsupported-format`.
 */
async function loadReceipt(
  store: Pick<ObjectStore, 'getRange'>,
  ref: ReceiptRef,
  keys: TrustedKeys | null,
): Promise<ListedReceipt> {
  return rereadDamaged(async () => {
    const bytes = await store.getRange(ref, 0, Math.min(ref.bytes, maxReceiptBytes + 1))
    return { ref, ...decodeReceipt(bytes, ref, keys) }
  })
}

/** The newest valid receipt of each snapshot that was read. */
class Receipts {
  /** The receipts that can't be trusted: the first ones, and how many there are. */
  readonly rejected: RejectedReceipt[] = []
  rejectedCount = 0
  private readonly byVersion = new Map<string, ListedReceipt>()

  get size(): number {
    return this.byVersion.size
  }

  /** The receipt for exactly this version of the manifest; null if it has none. */
  of({ id, versionId }: Pick<SnapshotRef, 'id' | 'versionId'>): ListedReceipt | null {
    return this.byVersion.get(`${id}\0${versionId}`) ?? null
  }

  [Symbol.iterator](): Iterator<ListedReceipt> {
    return this.byVersion.values()
  }

  /** Add the newest first. */
  add(listed: ListedReceipt): void {
    const { id, versionId } = listed.receipt.manifest
    const name = `${id}\0${versionId}`
    if (!this.byVersion.has(name)) this.byVersion.set(name, listed)
  }

  reject(rejected: RejectedReceipt): void {
    this.rejectedCount++
    if (this.rejected.length < maxRejectedListed) this.rejected.push(rejected)
  }
}

/**
 * Reads the newest valid receipt of each snapshot.
 * @param keys null: signatures are not checked. Such receipts may be shown, but must decide nothing.
 * @param manifestIds only the receipts of these snapshots; default: of all.
 */
export async function readReceipts(
  store: ObjectStore,
  source: string,
  keys: TrustedKeys | null,
  manifestIds?: Iterable<string>,
): Promise<Receipts> {
  return readListedReceipts(store, await ReceiptList.read(store, source), keys, manifestIds)
}

/** As `readReceipts`, from a listing. */
export async function readListedReceipts(
  store: Pick<ObjectStore, 'getRange'>,
  list: ReceiptList,
  keys: TrustedKeys | null,
  manifestIds: Iterable<string> = list.manifestIds,
): Promise<Receipts> {
  const receipts = new Receipts()
  const read = async (ref: ReceiptRef): Promise<ListedReceipt | RejectedReceipt> => {
    try {
      return await loadReceipt(store, ref, keys)
    } catch (error) {
      if (!isHoldfastError(error, ...objectFailures)) throw error
      return { ref, reason: error.message }
    }
  }
  for await (const outcome of readInOrder(refsOf(list, manifestIds), () => maxReadsAtOnce, read)) {
    if ('reason' in outcome) receipts.reject(outcome)
    else receipts.add(outcome)
  }
  return receipts
}

function* refsOf(list: ReceiptList, manifestIds: Iterable<string>): Generator<ReceiptRef> {
  for (const id of manifestIds) yield* list.refsOf(id)
}
