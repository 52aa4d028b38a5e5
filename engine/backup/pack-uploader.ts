// Uploads sealed packs, a few at once, and records each in the cache as soon as the store has acknowledged
// it.
import { ulid } from 'ulid'
import { release } from '../../core/bytes.ts'
import type { Clock, Random } from '../../core/clock.ts'
import { assertPackCount } from '../../core/snapshot/manifest.ts'
import type { PackReference } from '../../core/snapshot/manifest.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import type { Generation } from '../../core/snapshot/retention.ts'
import { putUnderNewKey } from '../../core/store/upload.ts'
import { packKey } from '../../core/store/vault-keys.ts'
import type { BackupCache, CachedPack } from './backup-cache.ts'
import { LinkSpeed } from './link-speed.ts'

export interface UploadedPack extends PackReference {
  footerBytes: number
  /** Start of the lock, by the server's time; the earliest possible one. */
  uploadedMs: number
}

interface Sealed {
  body: Uint8Array<ArrayBuffer>
  sha256: string
  footer: Uint8Array
}

export class PackUploader {
  private readonly environment: { store: ObjectStore; clock: Clock; random: Random; signal?: AbortSignal }
  private readonly target: { source: string; generation: Generation }
  private readonly cache: Pick<BackupCache, 'putPack'> | null
  private waiting: { pack: Sealed; onUploaded: (buffer: ArrayBuffer) => void }[] = []
  private active = 0
  private readonly speed: LinkSpeed
  private failure: { error: unknown } | null = null
  private readonly idle: (() => void)[] = []
  readonly uploaded: UploadedPack[] = []
  bytesUploaded = 0

  /** @param cache null on a dry run, which uploads and records nothing. */
  constructor(
    environment: { store: ObjectStore; clock: Clock; random: Random; signal?: AbortSignal },
    target: { source: string; generation: Generation },
    cache: Pick<BackupCache, 'putPack'> | null,
  ) {
    this.environment = environment
    this.target = target
    this.cache = cache
    this.speed = new LinkSpeed(() => environment.clock.nowMs())
  }

  /** The largest pack that the link to the store should carry. */
  get maxPackBytes(): number {
    return this.speed.maxPackBytes
  }

  /** Packs that the link should carry at once. */
  get uploadsAtOnce(): number {
    return this.speed.uploadsAtOnce
  }

  /** A thread waits for the buffer of an uploaded pack. */
  noteWaiting(): void {
    this.speed.noteWaiting()
  }

  /** Sealed packs that are not acknowledged yet, and so hold memory. */
  get inFlight(): number {
    return this.waiting.length + this.active
  }

  /** @param onUploaded gets the pack's buffer back; by default, the buffer is freed. */
  add(
    pack: Sealed,
    onUploaded: (buffer: ArrayBuffer) => void = (buffer) => release(new Uint8Array(buffer)),
  ): void {
    this.waiting.push({ pack, onUploaded })
    this.next()
  }

  private next(): void {
    while (this.active < this.speed.uploadsAtOnce && this.failure === null) {
      const job = this.waiting.shift()
      if (job === undefined) break
      this.active++
      const { length } = job.pack.body
      const request = this.speed.begin(length)
      if (this.waiting.length > 0) this.speed.noteWaiting()
      void this.upload(job.pack)
        .then(
          () => {
            this.speed.end(request, length, true)
            job.onUploaded(job.pack.body.buffer)
          },
          (error: unknown) => {
            this.speed.end(request, length, false)
            this.failure ??= { error }
          },
        )
        .finally(() => {
          this.active--
          this.next()
          this.wake()
        })
    }
  }

  private async upload(pack: Sealed): Promise<void> {
    const { source, generation } = this.target
    const { clock, random } = this.environment
    assertPackCount(source, this.uploaded.length + 1)
    if (this.cache === null) {
      this.uploaded.push({
        key: '',
        versionId: '',
        sha256: pack.sha256,
        bytes: pack.body.length,
        footerBytes: pack.footer.length,
        uploadedMs: 0,
      })
      return
    }
    let begunMs = 0
    const put = await putUnderNewKey(this.environment, () => {
      // A repeated attempt: the one before was refused, or lost.
      if (begunMs > 0) this.speed.noteRefusal()
      begunMs = clock.nowMs()
      return {
        key: packKey(source, generation.name, ulid(begunMs, random), pack.sha256),
        body: pack.body,
        sha256: pack.sha256,
      }
    })
    const { key, versionId } = put
    // The lock may begin with the upload and counts whole seconds, while the reply's time is later.
    const uploadedMs = put.serverTimeMs - Math.max(0, clock.nowMs() - begunMs) - 1000
    const reference = { key, versionId, sha256: pack.sha256, bytes: pack.body.length }
    const cached: CachedPack = {
      ...reference,
      uploadedMs,
      lock: generation.lock,
      footer: Buffer.from(pack.footer),
    }
    this.cache.putPack(cached)
    this.uploaded.push({ ...reference, footerBytes: pack.footer.length, uploadedMs })
    this.bytesUploaded += pack.body.length
  }

  /** Resolves when no upload is running, successful or not. Waiting packs are dropped. */
  async settle(): Promise<void> {
    this.waiting = []
    while (this.active > 0) await new Promise<void>((resolve) => this.idle.push(resolve))
  }

  private wake(): void {
    for (const resolve of this.idle.splice(0)) resolve()
  }

  /** Resolves when at most `count` packs are in flight. @throws the first failure of an upload. */
  async drain(count: number): Promise<void> {
    while (this.inFlight > count && this.failure === null)
      await new Promise<void>((resolve) => this.idle.push(resolve))
    if (this.failure !== null) throw this.failure.error
  }
}
