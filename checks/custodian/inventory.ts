// All versions of one source in the vault, by kind, each with the time until which a snapshot needs it. About 600 bytes
// a version: 100,000 packs take 60 MB.
import { dayMs } from '../../core/snapshot/retention.ts'
import type { Lock } from '../../core/snapshot/retention.ts'
import type { ObjectRef, ObjectStore, ObjectVersion } from '../../core/store/object-store.ts'
import {
  lockDaysOfGeneration,
  parseIdentityKey,
  parseManifestKey,
  parsePackKey,
  parseReceiptKey,
} from '../../core/store/vault-keys.ts'
import { isWalKey, parseWalReceiptKey } from '../../core/wal/wal-keys.ts'
import { parseAcknowledgementKey } from '../alarms/acknowledgement.ts'
import { parseReportKey } from '../reports/report.ts'
import type { Figures, VersionKind } from './custody-plan.ts'

export interface StoredVersion extends Pick<
  ObjectVersion,
  'key' | 'versionId' | 'bytes' | 'lastModifiedMs' | 'isDeleteMarker'
> {
  kind: VersionKind
  /** A lock that the bucket's default gave ends no earlier; 0: look at the lock itself. */
  minLockedUntilMs: number
  /** A snapshot needs it until then; 0: no snapshot needs it. */
  neededUntilMs: number
  neededBy: string
  /** True: not pruned, although no lock has to be extended. */
  isProtected: boolean
}

export class Inventory implements Iterable<StoredVersion> {
  readonly stored: Figures = { versions: 0, bytes: 0 }
  readonly unrecognized: Figures = { versions: 0, bytes: 0 }
  hasPacks = false
  hasWal = false
  private readonly versions = new Map<string, StoredVersion>()
  private readonly lock: Lock

  /** @param lock the bucket's default. */
  constructor(lock: Lock) {
    this.lock = lock
  }

  /** Adds every version and delete marker below `prefix`. */
  async read(store: Pick<ObjectStore, 'listVersions'>, prefix: string, signal: AbortSignal): Promise<void> {
    for await (const version of store.listVersions(prefix)) {
      signal.throwIfAborted()
      this.add(version)
    }
  }

  find(ref: ObjectRef): StoredVersion | undefined {
    return this.versions.get(nameOf(ref))
  }

  [Symbol.iterator](): Iterator<StoredVersion> {
    return this.versions.values()
  }

  *filter(isWanted: (version: StoredVersion) => boolean): Generator<StoredVersion> {
    for (const version of this) if (isWanted(version)) yield version
  }

  private add({ key, versionId, bytes, lastModifiedMs, isDeleteMarker }: ObjectVersion): void {
    this.stored.versions++
    this.stored.bytes += bytes
    const kind = kindOf(key)
    if (kind === null) {
      this.unrecognized.versions++
      this.unrecognized.bytes += bytes
      return
    }
    if (kind === 'pack' && !isDeleteMarker) this.hasPacks = true
    if (kind === 'wal' && !isDeleteMarker) this.hasWal = true
    this.versions.set(nameOf({ key, versionId }), {
      key,
      versionId,
      bytes,
      lastModifiedMs,
      isDeleteMarker,
      kind,
      minLockedUntilMs: isDeleteMarker ? lastModifiedMs : lastModifiedMs + this.lockDaysOf(key) * dayMs,
      neededUntilMs: 0,
      neededBy: '',
      isProtected: false,
    })
  }

  /**
   * The default may have been shorter at the upload: the generation in a pack's key names the lock of that time. A
   * writer chooses the key, so that only a shorter lock is believed.
   */
  private lockDaysOf(key: string): number {
    const pack = parsePackKey(key)
    return pack === null ? this.lock.days : Math.min(this.lock.days, lockDaysOfGeneration(pack.generation))
  }
}

function nameOf({ key, versionId }: ObjectRef): string {
  return `${versionId}\0${key}`
}

function kindOf(key: string): VersionKind | null {
  if (parsePackKey(key) !== null) return 'pack'
  if (parseManifestKey(key) !== null) return 'manifest'
  if (parseReceiptKey(key) !== null || parseWalReceiptKey(key) !== null) return 'receipt'
  if (parseIdentityKey(key) !== null) return 'proof'
  if (isWalKey(key)) return 'wal'
  if (parseAcknowledgementKey(key) !== null) return 'acknowledgement'
  return parseReportKey(key) === null ? null : 'report'
}
