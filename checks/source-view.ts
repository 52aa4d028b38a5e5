// The vault as the checks of one run see one source. Each part is read once, when the first check asks for it, and
// every check gets the same result or the same error. The state of earlier runs saves the requests for manifests and
// objects that they have seen.
import { HoldfastError } from '../core/errors.ts'
import { forEachConcurrently } from '../core/restore-plan/chunk-fetch.ts'
import type { TrustedKeys } from '../core/signature.ts'
import { ReceiptList, readListedReceipts } from '../core/snapshot/receipt-list.ts'
import type { RejectedReceipt } from '../core/snapshot/receipt-list.ts'
import { dayMs } from '../core/snapshot/retention.ts'
import type { Manifest } from '../core/snapshot/manifest.ts'
import type { BaseBackup } from '../core/snapshot/base-backup.ts'
import type { TimedStore } from '../core/snapshot/snapshot-choice.ts'
import type { SnapshotRef } from '../core/snapshot/snapshot-list.ts'
import { readManifests } from '../core/snapshot/snapshot-manifests.ts'
import type { ListedSnapshot } from '../core/snapshot/snapshot-manifests.ts'
import type { LockDefault, ObjectState } from '../core/store/object-store.ts'
import {
  acknowledgementsPrefix,
  isSourceName,
  receiptsPrefix,
  sourcesPrefix,
} from '../core/store/vault-keys.ts'
import { timeText } from '../core/time-text.ts'
import { readNewestWalReceipt } from '../core/wal/wal-receipt.ts'
import type { NewestWalReceipt } from '../core/wal/wal-receipt.ts'
import type { SourceObjectives } from './objectives.ts'
import { measureNewContent } from './behaviour/content-measure.ts'
import { dayOf } from './behaviour/daily-figures.ts'
import type { DailyUploads } from './behaviour/daily-figures.ts'
import { judgeSnapshots } from './good-snapshots.ts'
import type { JudgedSnapshot, SeenSnapshot } from './good-snapshots.ts'
import { surveyWal } from './wal/wal-survey.ts'
import type { WalSurvey } from './wal/wal-survey.ts'
import { listSourceVersions } from './source-listing.ts'
import type { SourceListing } from './source-listing.ts'
import { versionName } from './source-state.ts'
import type { ClusterRecord, ContentFigures, ObjectRecord, SourceState } from './source-state.ts'

/** The snapshots older than every lock that a run reads: a source that went silent still has a newest one. */
const minManifestsRead = 16
/** An attacker can add any number. Backups of every quarter of an hour make 4,000 within 40 days. */
const maxManifestsRead = 5000
const maxConcurrentHeads = 16
/** A client's statement about itself may be long; for a comparison, its beginning is enough. */
const maxNameChars = 200
const vaultFolders: readonly string[] = [sourcesPrefix, receiptsPrefix, 'reports/', acknowledgementsPrefix]
/** A server corrects its clock by seconds. */
const maxClockStepMs = 5 * 60_000

/** A store that counts its requests by kind. */
export type CheckedStore = TimedStore & { readonly requests: Readonly<Record<string, number>> }

export interface ViewOptions {
  store: CheckedStore
  source: string
  objectives: SourceObjectives
  /** Gets what this run reads. */
  state: SourceState
  /** The notary's; null: no receipt can be trusted, and none is asked for. */
  notaryKeys: TrustedKeys | null
  signal: AbortSignal
}

export class SourceView {
  readonly state: SourceState
  readonly store: CheckedStore
  readonly source: string
  private readonly options: ViewOptions
  private readonly earlierServerMs: number
  private readonly requestsBefore: number
  private readonly results = new Map<string, Promise<unknown>>()
  private readonly looks = new Map<string, Promise<ObjectState>>()

  constructor(options: ViewOptions) {
    this.options = options
    this.state = options.state
    this.store = options.store
    this.source = options.source
    this.earlierServerMs = options.state.serverMs
    this.requestsBefore = countRequests(options.store)
  }

  /** @throws as the store. */
  lockDefault(): Promise<LockDefault> {
    return this.once('lock', () => this.store.lockDefault())
  }

  /**
   * The store's clock.
   * @throws `vault-unsafe` if it went back since the last run: every age would be wrong.
   */
  nowMs(): Promise<number> {
    return this.once('now', async () => {
      const { serverTimeMs } = await this.lockDefault()
      if (serverTimeMs + maxClockStepMs < this.earlierServerMs)
        throw new HoldfastError(
          'vault-unsafe',
          `the store's clock says ${timeText(serverTimeMs)}, and said ${timeText(this.earlierServerMs)} in an earlier run`,
          {
            hint: "find out which time is right; if the earlier one was wrong, remove the source's file from --state-dir",
          },
        )
      return serverTimeMs
    })
  }

  listing(): Promise<SourceListing> {
    return this.once('listing', async () => {
      const { folders, fullListingMs } = this.state
      const nowMs = await this.nowMs()
      const listing = await listSourceVersions(this.store, this.source, { folders, fullListingMs, nowMs })
      this.state.folders = new Map(listing.folders)
      if (listing.isFull) this.state.fullListingMs = nowMs
      this.addUploads(listing.uploads)
      return listing
    })
  }

  /**
   * The snapshots that a lock can still hold, and the last few of others, oldest first; and how many manifests the run
   * didn't read because there are too many.
   */
  snapshots(): Promise<{ seen: SeenSnapshot[]; unreadCount: number }> {
    return this.once('snapshots', async () => {
      const refs = await this.refsToRead()
      const newRefs = refs.filter((ref) => !this.state.manifests.has(versionName(ref)))
      const unreadCount = Math.max(0, newRefs.length - maxManifestsRead)
      // The newest come first under the limit, and the oldest first within it.
      const { signal } = this.options
      for await (const snapshot of readManifests(this.store, newRefs.slice(unreadCount), signal))
        await this.remember(snapshot)
      const seen = refs.flatMap((ref) => {
        const record = this.state.manifests.get(versionName(ref))
        return record === undefined ? [] : [{ ref, record }]
      })
      return { seen, unreadCount }
    })
  }

  judged(): Promise<JudgedSnapshot[]> {
    return this.once('judged', async () =>
      judgeSnapshots((await this.snapshots()).seen, {
        accepted: this.options.objectives.accepted,
        needsReceipt: (await this.receipts()).isInUse,
      }),
    )
  }

  /**
   * Reads the receipts of snapshots that no run has seen attested, and that of the newest one again. Without the
   * notary's key, or where no notary has ever worked on the source, receipts are not in use.
   */
  receipts(): Promise<{ isInUse: boolean; rejected: readonly RejectedReceipt[]; rejectedCount: number }> {
    return this.once('receipts', async () => {
      const { notaryKeys } = this.options
      const list = notaryKeys === null ? null : await ReceiptList.read(this.store, this.source)
      if (notaryKeys === null || list === null || list.isEmpty)
        return { isInUse: false, rejected: [], rejectedCount: 0 }
      const usable = (await this.snapshots()).seen.filter(({ record }) => record.manifest !== null)
      const newest = usable.findLast(({ record }) => record.isAttested)
      // An operator can accept flags later: the notary then writes another receipt.
      const open = usable.filter(
        (snapshot) =>
          !snapshot.record.isAttested || snapshot.record.flags?.length !== 0 || snapshot === newest,
      )
      const ids = open.map(({ ref }) => ref.id)
      const receipts = await readListedReceipts(this.store, list, notaryKeys, ids)
      for (const { ref, record } of open) {
        const receipt = receipts.of(ref)?.receipt
        record.isAttested = receipt?.outcome === 'attested'
        record.flags = receipt?.flags.map(({ kind }) => kind) ?? null
      }
      const { rejected, rejectedCount } = receipts
      return { isInUse: true, rejected, rejectedCount }
    })
  }

  /** Null if there is none. */
  async newestGood(): Promise<JudgedSnapshot | null> {
    return (await this.judged()).findLast(({ defects }) => defects.length === 0) ?? null
  }

  /** Each object that a snapshot within its guaranteed retention needs, and those of the newest good snapshot. */
  liveObjects(): Promise<ObjectRecord[]> {
    return this.once('objects', async () => {
      const fromMs = Math.min(await this.nowMs(), await this.guaranteeOfNewestGood())
      const { ignored } = this.options.objectives
      return [...this.state.objects.values()].filter(
        ({ neededUntilMs, neededBy }) => neededUntilMs >= fromMs && !ignored.has(neededBy),
      )
    })
  }

  /** When the guaranteed retention of the newest good snapshot ends; infinite if there is none. */
  async guaranteeOfNewestGood(): Promise<number> {
    return (await this.newestGood())?.record.manifest?.guaranteedUntilMs ?? Infinity
  }

  /** Folders of the vault that are neither a source's nor the vault's own. */
  strayFolders(): Promise<string[]> {
    return this.once('folders', async () => {
      const top = await this.store.listFolders('')
      const sources = await this.store.listFolders(sourcesPrefix)
      return [
        ...top.map((name) => `${name}/`).filter((folder) => !vaultFolders.includes(folder)),
        ...sources.filter((name) => !isSourceName(name)).map((name) => `${sourcesPrefix}${name}/`),
      ]
    })
  }

  /** The write-ahead log of the source. */
  wal(): Promise<WalSurvey> {
    return this.once('wal', async () =>
      surveyWal(this.store, this.source, { state: this.state.wal, nowMs: await this.nowMs() }),
    )
  }

  /** The notary's last receipt for the WAL. `isInUse` is false without its key, and where it has never worked. */
  walReceipt(): Promise<NewestWalReceipt & { isInUse: boolean }> {
    return this.once('wal-receipt', async () => {
      const { notaryKeys } = this.options
      if (notaryKeys === null) return { isInUse: false, receipt: null, rejected: [] }
      const newest = await readNewestWalReceipt(this.store, this.source, notaryKeys)
      return { ...newest, isInUse: newest.receipt !== null || (await this.receipts()).isInUse }
    })
  }

  /** The bytes of all versions, as far as this run and earlier ones have listed them. */
  async storedBytes(): Promise<number> {
    const { folders } = await this.listing()
    return [...folders.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Sent for this source so far. */
  get requests(): number {
    return countRequests(this.store) - this.requestsBefore
  }

  /** Asks for the state of an object, once a run. */
  look(object: ObjectRecord): Promise<ObjectState> {
    const name = versionName(object)
    const response = this.looks.get(name) ?? this.store.headVersion(object)
    this.looks.set(name, response)
    return response
  }

  /** Calls `visit` for each object, several at once. */
  forEachObject(
    objects: readonly ObjectRecord[],
    visit: (object: ObjectRecord) => Promise<void>,
    limit = maxConcurrentHeads,
  ): Promise<void> {
    return forEachConcurrently(objects, limit, async (object) => {
      this.options.signal.throwIfAborted()
      await visit(object)
    })
  }

  private async refsToRead(): Promise<SnapshotRef[]> {
    const { snapshots } = await this.listing()
    const { guaranteedDays, generationDays, ignored } = this.options.objectives
    const oldestMs = (await this.nowMs()) - (guaranteedDays + generationDays) * dayMs
    const first = Math.min(snapshots.countUntil(oldestMs), Math.max(0, snapshots.length - minManifestsRead))
    const refs: SnapshotRef[] = []
    for (let index = first; index < snapshots.length; index++) {
      const ref = snapshots.at(index)!
      if (!ignored.has(ref.id)) refs.push(ref)
    }
    return refs
  }

  /** Some runs don't list every version, and pruned versions are no longer listed. */
  private addUploads(listed: ReadonlyMap<number, DailyUploads>): void {
    const { uploads } = this.state
    for (const [day, { puts, bytes }] of listed) {
      const earlier = uploads.get(day) ?? { puts: 0, bytes: 0 }
      uploads.set(day, { puts: Math.max(puts, earlier.puts), bytes: Math.max(bytes, earlier.bytes) })
    }
  }

  private async remember({ ref, manifest, sha256, unusable }: ListedSnapshot): Promise<void> {
    const { id, versionId, timeMs } = ref
    if (manifest === null) {
      this.state.manifests.set(versionName(ref), {
        id,
        versionId,
        timeMs,
        manifest: null,
        reason: unusable,
        isAttested: false,
        flags: null,
      })
      return
    }
    const { complete, tree, parent, supersedes, client, packs, postgres } = manifest
    // The vault's own objective counts, because a stolen writer could state any days.
    const guaranteedUntilMs = timeMs + this.options.objectives.guaranteedDays * dayMs
    const content = {
      sha256,
      figures: await this.measure(manifest, timeMs),
      complete,
      files: tree.files,
      bytes: tree.bytes,
      parent,
      supersedes,
      host: client.host.slice(0, maxNameChars),
      root: client.root.slice(0, maxNameChars),
      guaranteedUntilMs,
      cluster: postgres === undefined ? null : clusterOf(postgres),
    }
    this.state.manifests.set(versionName(ref), {
      id,
      versionId,
      timeMs,
      manifest: content,
      reason: null,
      isAttested: false,
      flags: null,
    })
    for (const object of [{ ...ref, sha256 }, ...packs]) this.need(object, ref.id, guaranteedUntilMs)
  }

  private async measure(manifest: Manifest, timeMs: number): Promise<ContentFigures> {
    const { packs, leftOut = [] } = manifest
    const { objects, content: sample } = this.state
    const newPacks = packs.filter((pack) => !objects.has(versionName(pack)))
    const content = await measureNewContent({
      store: this.store,
      manifest,
      newPacks,
      sample,
      day: dayOf(timeMs),
    })
    return {
      neededBytes: packs.reduce((sum, { bytes }) => sum + bytes, 0),
      packs: packs.length,
      newBytes: content?.newBytes ?? null,
      incompressibleBytes: content?.incompressibleBytes ?? null,
      leftOut: leftOut.reduce((sum, { count }) => sum + count, 0),
    }
  }

  private need(
    { key, versionId, sha256, bytes }: Pick<ObjectRecord, 'key' | 'versionId' | 'sha256' | 'bytes'>,
    neededBy: string,
    neededUntilMs: number,
  ): void {
    const name = versionName({ key, versionId })
    const record = this.state.objects.get(name)
    if (record === undefined)
      this.state.objects.set(name, {
        key,
        versionId,
        sha256,
        bytes,
        neededBy,
        neededUntilMs,
        lockedUntilMs: null,
        isCorrupt: false,
      })
    else if (record.neededUntilMs < neededUntilMs) Object.assign(record, { neededBy, neededUntilMs })
  }

  private once<Result>(name: string, read: () => Promise<Result>): Promise<Result> {
    const result = (this.results.get(name) as Promise<Result> | undefined) ?? read()
    this.results.set(name, result)
    return result
  }
}

/** As a state keeps it. */
export function clusterOf({
  systemId,
  timeline,
  startLsn,
  stopLsn,
  segmentBytes,
  minRecoveryLsn,
}: BaseBackup): ClusterRecord {
  const consistent = minRecoveryLsn !== null && minRecoveryLsn > stopLsn ? minRecoveryLsn : stopLsn
  return { systemId, timeline, startLsn, stopLsn: consistent, segmentBytes }
}

function countRequests({ requests }: CheckedStore): number {
  return Object.values(requests).reduce((sum, count) => sum + count, 0)
}
