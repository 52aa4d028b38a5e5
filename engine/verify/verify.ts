// Verifies that snapshots can be restored: each object that they need exists, is complete and is locked as
// guaranteed. With `readData` it also reads every byte back and compares the hashes. It reports findings by object
// and by file. An object that several snapshots need is looked at, and read, once.
import { ChunkReader } from '../../core/restore-plan/chunk-reader.ts'
import { forEachConcurrently } from '../../core/restore-plan/chunk-fetch.ts'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import type { PackReference } from '../../core/snapshot/manifest.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import type { ObjectRef } from '../../core/store/object-store.ts'
import { damagedEntries, planRestore } from '../../core/restore-plan/restore-plan.ts'
import { divideUnits } from '../../core/restore-plan/shards.ts'
import type { Shard } from '../../core/restore-plan/shards.ts'
import { PathSelection } from '../../core/tree/path-selection.ts'
import type { EntryPlan } from '../../core/restore-plan/restore-plan.ts'
import type { ReadShare, VerifyOptions, VerifyResult } from '../operations.ts'
import { ObjectRecords, guaranteeOf } from './object-record.ts'
import type { ObjectRecord } from './object-record.ts'
import { footerDigest } from './footer-digest.ts'
import { readPack } from './pack-reading.ts'

const maxConcurrentHeads = 16
/** Verify reads whole packs, as many at once as fit in this many bytes, and at least one. */
const maxConcurrentReadBytes = 160 * 1024 * 1024
const maxConcurrentReads = 3

type VerificationOptions = Omit<VerifyOptions, 'snapshot'>

/** @throws `damaged` if the root of the tree can't be read, because the affected files are unknown then. */
export async function verify({ snapshot, ...options }: VerifyOptions): Promise<VerifyResult> {
  return new Verification(options).verify(snapshot)
}

/** Verifies snapshots, one after the other. */
export class Verification {
  private readonly options: VerificationOptions
  private readonly records = new ObjectRecords()

  constructor(options: VerificationOptions) {
    this.options = options
  }

  /** @throws as `verify`. */
  async verify(snapshot: Snapshot): Promise<VerifyResult> {
    const { clock } = this.options
    const startedMs = clock.nowMs()
    const packs = packsOfShard(snapshot.manifest.packs, this.options.shard)
    await this.look(snapshot)
    for (const pack of packs) this.adopt(pack, snapshot)
    await forEachConcurrently(packs, maxConcurrentHeads, (pack) => this.look(pack))
    const { reader, plan } = await this.readTree(snapshot)
    this.rejectOtherFooters(reader)
    // A hostile manifest can name a pack many times.
    const byRecord = new Map(packs.map((pack) => [this.recordOf(pack), pack]))
    const toRead = [...byRecord.values()].filter((pack) => this.mustRead(pack))
    for (const { detail, ...ref } of reader.problems) this.recordOf(ref).addDefect('damaged', detail)
    if (plan.lostParts.length === 0 && !matchesTreeCounts(plan, snapshot.manifest.tree)) {
      const detail = 'it counts other entries, files or bytes than its tree has'
      this.recordOf(snapshot).addDefect('damaged', detail)
    }
    const bytesRead = await this.readPacks(snapshot, toRead, reader)
    const objects = [snapshot, ...packs].map((ref) => ({ ref, record: this.recordOf(ref) }))
    const guarantee = guaranteeOf(snapshot, this.options.guarantee)
    return {
      packs: packs.length,
      packsRead: toRead.filter((pack) => this.recordOf(pack).isRead).length,
      chunks: chunkCount(reader, packs),
      bytesRead,
      ...lockSummary(objects.map(({ record }) => record)),
      guaranteedUntilMs: guarantee.untilMs,
      unchecked: uncheckedOf(objects.map(({ record }) => record)),
      objects: objects.flatMap(({ ref, record }) => record.findings(ref, guarantee)),
      files: affectedFiles(
        plan,
        snapshot.manifest.packs.map((pack) => this.recordOf(pack).corruptChunks),
      ),
      durationMs: clock.nowMs() - startedMs,
    }
  }

  private recordOf(ref: ObjectRef): ObjectRecord {
    return this.records.of(ref).record
  }

  /** The state of an object that was verified. */
  stateOf(ref: ObjectRef): Readonly<Pick<ObjectRecord, 'lock' | 'footerSha256'>> {
    return this.recordOf(ref)
  }

  /** Takes over what an earlier verification knows of a pack. */
  private adopt(pack: PackReference, manifest: ObjectRef): void {
    const verified = this.options.verifiedBefore?.(pack) ?? null
    const { record, isNew } = this.records.of(pack)
    if (verified === null || !isNew) return
    record.isRead = true
    record.isHashed = true
    record.footerSha256 = verified.footerSha256
    if (verified.lock === null) return
    record.isLookedAt = true
    record.lock = verified.lock
    record.serverTimeMs = this.recordOf(manifest).serverTimeMs
  }

  /**
   * A hostile index can name chunks that a pack doesn't hold. A pack that was read with another footer is read again,
   * and compared with this one.
   */
  private rejectOtherFooters({ manifest, footers }: ChunkReader): void {
    for (const [number, pack] of manifest.packs.entries()) {
      const record = this.recordOf(pack)
      const footer = footers[number] ?? null
      if (!record.isRead || footer === null) continue
      if (footerDigest(footer) !== record.footerSha256) record.isRead = false
    }
  }

  /** Asks the store for the state of an object, once. */
  private async look(object: ObjectRef & { bytes: number; sha256: string }): Promise<void> {
    const { record } = this.records.of(object)
    if (record.isLookedAt) return
    record.isLookedAt = true
    const { signal, store, readData } = this.options
    signal?.throwIfAborted()
    try {
      const state = await store.headVersion(object)
      record.lock = state.lock
      record.serverTimeMs = state.serverTimeMs
      record.isHashed = state.sha256 !== null
      if (state.archive !== null)
        record.addDefect(
          'archived',
          `it is in ${state.archive}: its bytes can't be read before they are copied back`,
        )
      if (state.bytes !== object.bytes)
        record.addDefect('damaged', `it has ${state.bytes} bytes, not ${object.bytes}`)
      else if (state.sha256 !== null && state.sha256 !== object.sha256)
        record.addDefect('damaged', 'the store says that it has another SHA-256')
    } catch (error) {
      if (!isHoldfastError(error, 'not-found')) throw error
      record.addDefect('lost', 'it is missing')
    }
    if (record.isDamaged) record.isRead = false
    if (record.isUnreadable || (record.isDamaged && !readData)) record.corruptChunks = 'all'
  }

  private mustRead(pack: PackReference): boolean {
    const { readData, share } = this.options
    const record = this.recordOf(pack)
    if (!readData || record.isRead || record.isUnreadable) return false
    return record.isDamaged || isInShare(pack, share)
  }

  /** @throws `damaged` with the packs that are lost, if the root of the tree is in one of them. */
  private async readTree({ manifest }: Snapshot): Promise<{ reader: ChunkReader; plan: EntryPlan }> {
    try {
      const reader = await ChunkReader.open(this.options.store, manifest)
      return { reader, plan: await planRestore(reader, new PathSelection()) }
    } catch (error) {
      const keys = manifest.packs.filter((pack) => this.recordOf(pack).isDamaged).map(({ key }) => key)
      if (!isHoldfastError(error, 'damaged') || keys.length === 0) throw error
      throw new HoldfastError('damaged', error.message, {
        hint: `lost or damaged: ${keys.join(', ')}. The next backups still use these packs: pass them to one, as --upload-again PACK`,
        context: { ...error.context, uploadAgain: keys },
        cause: error,
      })
    }
  }

  /** Returns how many bytes it read. */
  private async readPacks(
    { manifest }: Snapshot,
    toRead: readonly PackReference[],
    reader: ChunkReader,
  ): Promise<number> {
    const { onProgress, signal, store } = this.options
    const footers = new Map(manifest.packs.map((pack, number) => [pack, reader.footers[number]!]))
    const largestBytes = toRead.reduce((max, { bytes }) => Math.max(max, bytes), 1)
    const readsAtOnce = Math.min(maxConcurrentReads, Math.floor(maxConcurrentReadBytes / largestBytes))
    let packs = 0
    let bytesRead = 0
    await forEachConcurrently(toRead, Math.max(1, readsAtOnce), async (pack) => {
      signal?.throwIfAborted()
      const task = { pack, source: manifest.source, indexed: footers.get(pack)! }
      const packBytes = await readPack(store, task, this.recordOf(pack))
      bytesRead += packBytes
      onProgress?.({ packs: ++packs, packsTotal: toRead.length, bytesRead })
    })
    return bytesRead
  }
}

/** The packs of a shard, in their order: the shards have as many bytes each. */
function packsOfShard(packs: readonly PackReference[], shard: Shard | undefined): readonly PackReference[] {
  if (shard === undefined) return packs
  const shards = divideUnits(
    packs.map(({ bytes }) => bytes),
    shard.count,
  )
  return packs.filter((_, number) => shards[number] === shard.index - 1)
}

function chunkCount({ manifest, footers }: ChunkReader, packs: readonly PackReference[]): number {
  const counted = new Set(packs)
  return footers.reduce(
    (sum, footer, number) => sum + (counted.has(manifest.packs[number]!) ? (footer?.lengths.length ?? 0) : 0),
    0,
  )
}

/** The hash selects the part, so that new packs don't move a pack to another part. */
function isInShare({ sha256: hash }: PackReference, share: ReadShare | undefined): boolean {
  return share === undefined || Number.parseInt(hash.slice(0, 8), 16) % share.of === share.part
}

/** Compares the manifest's figures with its tree, because commands that list snapshots trust the figures. */
function matchesTreeCounts(plan: EntryPlan, tree: Snapshot['manifest']['tree']): boolean {
  const entries =
    plan.directories.length + plan.files.length + plan.symlinks.length + plan.specialFiles.length
  let bytes = 0
  for (let file = 0; file < plan.files.length; file++) bytes += plan.files.sizeOf(file)
  return entries === tree.entries && plan.files.length === tree.files && bytes === tree.bytes
}

function lockSummary(records: readonly ObjectRecord[]): Pick<VerifyResult, 'lockedUntilMs' | 'serverTimeMs'> {
  let lockedUntilMs: number | null = Infinity
  let serverTimeMs: number | null = null
  for (const { lock, serverTimeMs: timeMs } of records) {
    if (lock === null) lockedUntilMs = null
    else if (lock !== undefined && lockedUntilMs !== null)
      lockedUntilMs = Math.min(lockedUntilMs, lock.untilMs)
    if (timeMs !== null) serverTimeMs = Math.max(serverTimeMs ?? timeMs, timeMs)
  }
  return { lockedUntilMs: lockedUntilMs === Infinity ? null : lockedUntilMs, serverTimeMs }
}

function uncheckedOf(records: readonly ObjectRecord[]): VerifyResult['unchecked'] {
  const readable = records.filter((record) => !record.isUnreadable)
  return {
    checksums: readable.filter(({ isHashed }) => !isHashed).length,
    locks: readable.filter(
      ({ lock, serverTimeMs }) => lock === undefined || (lock !== null && serverTimeMs === null),
    ).length,
  }
}

function affectedFiles(
  plan: EntryPlan,
  corruptChunks: readonly ObjectRecord['corruptChunks'][],
): VerifyResult['files'] {
  const { files } = plan
  for (const [pack, chunks] of corruptChunks.entries()) {
    if (chunks !== 'all' && chunks.size === 0) continue
    const extents = plan.packs.get(pack)
    for (let index = 0; index < (extents?.length ?? 0); index++) {
      const isLost = chunks === 'all' || chunks.has(extents!.chunks[index]!)
      if (isLost)
        files.noteDamage(extents!.files[index]!, `its bytes from ${extents!.offsets[index]!} are lost`)
    }
  }
  return damagedEntries(plan)
}
