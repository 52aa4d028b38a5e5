// The vault of a simulated world: every version is kept, locks run by the server's clock, and nobody can shorten them.
import { HoldfastError } from '../../core/errors.ts'
import type { ObjectRef } from '../../core/store/object-store.ts'
import type { WorldClock } from './clocks.ts'

const dayMs = 86_400_000

export interface StoredVersion extends ObjectRef {
  body: Buffer
  /** Whole seconds, as S3 gives them. */
  lastModifiedMs: number
  isDeleteMarker: boolean
  lockedUntilMs: number
  /** Of the body as it was sent. */
  sha256: string
  /** Bytes that have turned since: their offsets. */
  turned: number[]
  /** The body as it was sent. */
  pristine: Buffer
}

export class Vault {
  readonly lockDays = 40
  private readonly clock: WorldClock
  private next = 1
  /** In the order in which they came. */
  private readonly byKey = new Map<string, StoredVersion[]>()
  private readonly byId = new Map<string, StoredVersion>()
  /** Grows with every change: what was found in one revision holds until the next. */
  revision = 0

  constructor(clock: WorldClock) {
    this.clock = clock
  }

  /** All versions, by the order of keys, newest first. */
  versions(prefix = ''): StoredVersion[] {
    const keys = [...this.byKey.keys()]
      .filter((key) => key.startsWith(prefix))
      .sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
    return keys.flatMap((key) => this.byKey.get(key)!.toReversed())
  }

  latest(key: string): StoredVersion | undefined {
    return this.byKey.get(key)?.at(-1)
  }

  find(ref: ObjectRef): StoredVersion | undefined {
    const found = this.byId.get(ref.versionId)
    return found?.key === ref.key ? found : undefined
  }

  put(
    key: string,
    body: Buffer,
    sha256: string,
    isDeleteMarker = false,
    versionId = this.reserve(),
  ): StoredVersion {
    const lastModifiedMs = Math.floor(this.clock.serverMs / 1000) * 1000
    const version = {
      key,
      versionId,
      body,
      pristine: body,
      sha256,
      lastModifiedMs,
      isDeleteMarker,
      turned: [],
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

  /** The id of a version that is still to come. */
  reserve(): string {
    return `v${String(this.next++).padStart(6, '0')}`
  }

  /** @throws `denied` while it is locked. */
  deleteVersion(ref: ObjectRef): void {
    const version = this.find(ref)
    if (version === undefined) return
    if (version.lockedUntilMs > this.clock.serverMs) throw new HoldfastError('denied', `${ref.key} is locked`)
    this.byId.delete(ref.versionId)
    this.byKey.set(
      ref.key,
      this.byKey.get(ref.key)!.filter((other) => other !== version),
    )
    this.revision++
  }

  /** Turns one bit where it lies. */
  turnBit(version: StoredVersion, offset: number, bit: number): void {
    version.body = Buffer.from(version.body)
    version.body[offset]! ^= 1 << bit
    version.turned.push(offset)
    this.revision++
  }
}
