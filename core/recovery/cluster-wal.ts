// The WAL that the vault holds of one cluster, by timelines. A part that can't be used counts as one that isn't there,
// because it must not hide another one of the same range.
import { isHoldfastError, objectFailures } from '../errors.ts'
import { maxWalHistoryBytes, maxWalPartObjectBytes } from '../limits.ts'
import { readInOrder } from '../ordered-reads.ts'
import type { ObjectRef, ObjectStore } from '../store/object-store.ts'
import { decodeWalHistory } from '../wal/wal-history.ts'
import { listWal } from '../wal/wal-list.ts'
import type { WalHistoryRef, WalLineList, WalPartRef } from '../wal/wal-list.ts'
import { walHeadBytes } from '../wal/wal-object.ts'
import { decodeWalPart, decodeWalPartHead } from '../wal/wal-part.ts'
import type { WalPart } from '../wal/wal-part.ts'
import { isOnPath, pathOf } from './wal-chain.ts'
import type { PathStep } from './wal-chain.ts'

const maxReadsAtOnce = 16
/** Several programs can archive one history. An attacker can add any number. */
const maxHistoriesRead = 16

export interface History {
  timeline: number
  bytes: Buffer
}

export class ClusterWal {
  readonly systemId: string
  /** Why a part or a history can't be used, by the name of its version. */
  readonly unusable = new Map<string, string>()
  private readonly store: ObjectStore
  private readonly lines = new Map<number, WalLineList>()
  private readonly paths = new Map<number, PathStep[]>()
  private readonly historyFiles = new Map<number, Buffer>()
  private readonly heads = new Map<string, Promise<WalPart | null>>()

  private constructor(store: ObjectStore, systemId: string) {
    this.store = store
    this.systemId = systemId
  }

  /** The clusters of a source, by their system identifiers. More than one after `pg_upgrade`. */
  static async readAll(store: ObjectStore, source: string): Promise<Map<string, ClusterWal>> {
    const clusters = new Map<string, ClusterWal>()
    for (const line of await listWal(store, source)) {
      const cluster = clusters.get(line.systemId) ?? new ClusterWal(store, line.systemId)
      clusters.set(line.systemId, cluster)
      cluster.lines.set(line.timeline, line)
    }
    for (const cluster of clusters.values()) await cluster.readHistories()
    return clusters
  }

  get timelines(): number[] {
    return [...this.lines.keys()].sort((a, b) => a - b)
  }

  /** In the order of their starts. */
  partsOf(timeline: number): WalPartRef[] {
    return (this.lines.get(timeline)?.parts ?? []).filter((part) => !this.unusable.has(versionName(part)))
  }

  /** A timeline without a history file in the vault is taken for one without ancestors. */
  pathOf(timeline: number): readonly PathStep[] {
    return this.paths.get(timeline) ?? pathOf(timeline, [])
  }

  /** The timelines whose history has the position `lsn` of `timeline`. */
  timelinesFrom(timeline: number, lsn: bigint): number[] {
    const isFollowing = (candidate: number): boolean => isOnPath(this.pathOf(candidate), timeline, lsn)
    return [...new Set([timeline, ...this.timelines])].filter(isFollowing).sort((a, b) => a - b)
  }

  get histories(): History[] {
    return [...this.historyFiles].map(([timeline, bytes]) => ({ timeline, bytes }))
  }

  /** Null for a part that can't be used; from then on, `partsOf` has it no more. */
  head(ref: WalPartRef): Promise<WalPart | null> {
    const name = versionName(ref)
    const reading = this.heads.get(name) ?? this.readHead(ref)
    this.heads.set(name, reading)
    return reading
  }

  /** The bytes of the log in a part, proved by their hash; null if it can't be used, as for `head`. */
  async bytes(ref: WalPartRef): Promise<Buffer | null> {
    if (ref.storedBytes > maxWalPartObjectBytes) {
      this.unusable.set(versionName(ref), `it has ${ref.storedBytes} bytes`)
      return null
    }
    try {
      const object = await this.store.getRange(ref, 0, ref.storedBytes)
      return (await decodeWalPart(object, ref)).bytes
    } catch (error) {
      if (!isHoldfastError(error, ...objectFailures)) throw error
      this.unusable.set(versionName(ref), error.message)
      return null
    }
  }

  private async readHead(ref: WalPartRef): Promise<WalPart | null> {
    try {
      const bytes = await this.store.getRange(ref, 0, Math.min(ref.storedBytes, walHeadBytes))
      return decodeWalPartHead(bytes, ref)
    } catch (error) {
      if (!isHoldfastError(error, ...objectFailures)) throw error
      this.unusable.set(versionName(ref), error.message)
      return null
    }
  }

  private async readHistories(): Promise<void> {
    for (const { timeline, histories } of this.lines.values()) {
      const files = new Map<string, Awaited<ReturnType<typeof decodeWalHistory>>>()
      const read = (ref: WalHistoryRef) => this.readHistory(ref)
      const refs = histories.slice(0, maxHistoriesRead)
      for await (const file of readInOrder(refs, () => maxReadsAtOnce, read))
        if (file !== null) files.set(file.bytes.toString('latin1'), file)
      const [file] = files.values()
      if (files.size > 1) this.setConflict(timeline, refs)
      else if (file !== undefined) {
        this.historyFiles.set(timeline, file.bytes)
        this.paths.set(timeline, pathOf(timeline, file.earlier))
      }
    }
  }

  private setConflict(timeline: number, refs: readonly WalHistoryRef[]): void {
    for (const ref of refs)
      this.unusable.set(versionName(ref), `the vault holds several histories of timeline ${timeline}`)
    this.lines.delete(timeline)
  }

  private async readHistory(
    ref: WalHistoryRef,
  ): Promise<Awaited<ReturnType<typeof decodeWalHistory>> | null> {
    if (ref.storedBytes > walHeadBytes + maxWalHistoryBytes) return null
    try {
      return await decodeWalHistory(await this.store.getRange(ref, 0, ref.storedBytes), ref)
    } catch (error) {
      if (!isHoldfastError(error, ...objectFailures)) throw error
      this.unusable.set(versionName(ref), error.message)
      return null
    }
  }
}

function versionName({ key, versionId }: ObjectRef): string {
  return `${key} ${versionId}`
}
