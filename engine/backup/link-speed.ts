// Measures how fast packs leave the host, so that a slow link carries fewer and smaller ones at once: each is then
// acknowledged soon, and an interruption costs little.
import { packTargetBytes } from '../../core/pack/pack-size.ts'
import { LinkWidth } from '../../core/store/link-width.ts'
import type { LinkRequest } from '../../core/store/link-width.ts'

/** On a fast store, more at once would only take memory. */
export const usualUploadsAtOnce = 3
/** Each has a pack of 16 MiB in memory. */
const maxUploadsAtOnce = 6
/** A pack should be acknowledged within this time. */
const targetMs = 30_000
/** A tenth of a TiB in packs of this size is a tenth of what a manifest can name. */
const minPackBytes = 4 * 1024 * 1024
/** After so much time, the measure counts half, because links change. */
const halfLifeMs = 60_000
/** No measure before: small packs show how far the store is, and not how fast the link. */
const minMeasuredMs = 500
const minMeasuredBytes = minPackBytes

export class LinkSpeed {
  private readonly nowMs: () => number
  private readonly link: LinkWidth
  private active = 0
  private activeBytes = 0
  private acknowledgedBytes = 0
  private hasAcknowledged = false
  private busyMs = 0
  private busySinceMs = 0

  constructor(nowMs: () => number) {
    this.nowMs = nowMs
    this.link = new LinkWidth({ start: usualUploadsAtOnce, max: maxUploadsAtOnce }, nowMs)
  }

  begin(bytes: number): LinkRequest {
    this.tick()
    this.active++
    this.activeBytes += bytes
    return this.link.begin()
  }

  /** A pack waits for its turn, or a thread for the buffer of an uploaded pack. */
  noteWaiting(): void {
    this.link.noteWaiting()
  }

  /** The store or the link refused an attempt, which is repeated. */
  noteRefusal(): void {
    this.link.slowDown()
  }

  /** @param isAcknowledged false for an upload that failed. */
  end(request: LinkRequest, bytes: number, isAcknowledged: boolean): void {
    this.tick()
    this.link.end(request, bytes, isAcknowledged ? 'arrived' : 'failed')
    this.active--
    this.activeBytes -= bytes
    if (!isAcknowledged) return
    this.acknowledgedBytes += bytes
    this.hasAcknowledged = true
    if (this.busyMs < halfLifeMs) return
    this.acknowledgedBytes /= 2
    this.busyMs /= 2
  }

  /** The first pack goes alone, because nothing is known about the link. */
  get uploadsAtOnce(): number {
    if (!this.hasAcknowledged) return 1
    const packs = Math.floor((this.maxBytesPerSecond * (targetMs / 1000)) / packTargetBytes)
    return Math.max(1, Math.min(this.link.width, packs))
  }

  /** The largest pack that the link should carry. */
  get maxPackBytes(): number {
    return Math.max(minPackBytes, Math.floor(this.maxBytesPerSecond * (targetMs / 1000)))
  }

  /**
   * Counts the packs that are under way as if they had arrived, so that the first slow pack shows the speed already.
   */
  private get maxBytesPerSecond(): number {
    this.tick()
    const bytes = this.acknowledgedBytes + this.activeBytes
    if (this.busyMs < minMeasuredMs || bytes < minMeasuredBytes) return Number.POSITIVE_INFINITY
    return (bytes / this.busyMs) * 1000
  }

  private tick(): void {
    const nowMs = this.nowMs()
    if (this.active > 0) this.busyMs += Math.max(0, nowMs - this.busySinceMs)
    this.busySinceMs = nowMs
  }
}
