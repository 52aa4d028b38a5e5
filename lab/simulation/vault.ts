// The vault of a simulated world. It keeps every version, locks end by the server's clock, and no call shortens a lock.
import { HoldfastError } from '../../core/errors.ts'
import type { ObjectRef } from '../../core/store/object-store.ts'
import type { WorldClock } from './clocks.ts'

export const dayMs = 86_400_000

export interface StoredVersion extends ObjectRef {
  body: Buffer
  /** Whole seconds, as S3 gives them, or milliseconds. */
  lastModifiedMs: number
  isDeleteMarker: boolean
  lockedUntilMs: number
  /** SHA-256 of the body as the client sent it. */
  sha256: string
  /** Offsets of the bytes in which a bit turned. */
  turnedOffsets: number[]
  /** The body as the client sent it. */
  pristine: Buffer
}

export interface PutOptions {
  isDeleteMarker?: boolean
  /** A reserved id; default: a new one. */
  versionId?: string
}

export class Vault {
  readonly lockDays = 40
  /** As MinIO and Ceph RGW list times; S3 lists whole seconds. */
  listsMilliseconds = false
  private readonly clock: WorldClock
  private next = 1
  /** Versions of each key, in the order of their PUTs. */
  private readonly byKey = new Map<string, StoredVersion[]>()
  private readonly byId = new Map<string, StoredVersion>()
  /** Grows with every change. A result for one revision stays valid until the next. */
  revision = 0

  constructor(clock: WorldClock) {
    this.clock = clock
  }

  /** All versions, ordered by key, the newest first. */
  versions(prefix = ''): StoredVersion[] {
    const keys = [...this.byKey.keys()]
      .filter((key) => key.startsWith(prefix))
      .sort((first, second) => Buffer.compare(Buffer.from(first), Buffer.from(second)))
    return keys.flatMap((key) => this.byKey.get(key)!.toReversed())
  }

  latest(key: string): StoredVersion | undefined {
    return this.byKey.get(key)?.at(-1)
  }

  find(ref: ObjectRef): StoredVersion | undefined {
    const version = this.byId.get(ref.versionId)
    return version?.key === ref.key ? version : undefined
  }

  put(key: string, body: Buffer, sha256: string, options: PutOptions = {}): StoredVersion {
    const { isDeleteMarker = false, versionId = this.reserve() } = options
    const { serverMs } = this.clock
    const lastModifiedMs = this.listsMilliseconds ? serverMs : Math.floor(serverMs / 1000) * 1000
    const version = {
      key,
      versionId,
      body,
      pristine: body,
      sha256,
      lastModifiedMs,
      isDeleteMarker,
      turnedOffsets: [],
      // Markers are never locked.
      lockedUntilMs: isDeleteMarker ? 0 : lastModifiedMs + this.lockDays * dayMs,
    }
    const versions = this.byKey.get(key) ?? []
    this.byKey.set(key, versions)
    versions.push(version)
    this.byId.set(versionId, version)
    this.revision++
    return version
  }

  /** Reserves the id of a later version. */
  reserve(): string {
    return `v${String(this.next++).padStart(6, '0')}`
  }

  /** @throws `denied` while the version is locked. */
  deleteVersion(ref: ObjectRef): void {
    const version = this.find(ref)
    if (version === undefined) return
    if (version.lockedUntilMs > this.clock.serverMs) throw new HoldfastError('denied', `${ref.key} is locked`)
    this.byId.delete(ref.versionId)
    this.byKey.set(
      ref.key,
      this.byKey.get(ref.key)!.filter((candidate) => candidate !== version),
    )
    this.revision++
  }

  /** @throws `denied` for an earlier end. */
  extendLock(ref: ObjectRef, untilMs: number): void {
    const version = this.find(ref)
    if (version === undefined || version.isDeleteMarker)
      throw new HoldfastError('not-found', `there is no version ${ref.versionId} of ${ref.key}`)
    if (untilMs < version.lockedUntilMs)
      throw new HoldfastError('denied', `the lock of ${ref.key} can't be shortened`)
    version.lockedUntilMs = untilMs
  }

  /** The store itself loses a version, locked or not. */
  lose(ref: ObjectRef): void {
    this.byId.delete(ref.versionId)
    const versions = this.byKey.get(ref.key) ?? []
    this.byKey.set(
      ref.key,
      versions.filter(({ versionId }) => versionId !== ref.versionId),
    )
    this.revision++
  }

  /** The store itself ends a lock before its time. */
  shortenLock(ref: ObjectRef, untilMs: number): void {
    this.find(ref)!.lockedUntilMs = untilMs
    this.revision++
  }

  /** The bucket is made again under its name. Version ids go on, so that no old one comes back. */
  makeAgain(): void {
    this.byKey.clear()
    this.byId.clear()
    this.revision++
  }

  /** Turns one bit of a stored body. */
  turnBit(version: StoredVersion, offset: number, bit: number): void {
    version.body = Buffer.from(version.body)
    version.body[offset]! ^= 1 << bit
    version.turnedOffsets.push(offset)
    this.revision++
  }
}
