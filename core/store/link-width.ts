// How many connections a link to the store is worth. One connection to a store far away carries little, and a second
// one doubles it; on loopback the second one only takes memory. No option tells: the throughput does.

/** How a request ended: with its bytes, with a sign that the store or the link has too much to do, or otherwise. */
export type LinkOutcome = 'arrived' | 'slowed' | 'failed'

export interface LinkRequest {
  readonly begunMs: number
  /** Requests that began before a change of the width tell nothing about the new one. */
  readonly epoch: object
}

export interface WidthLimits {
  readonly start: number
  readonly max: number
}

/** Requests that end before the throughput at a width counts. */
const minEnded = 4
const minEpochMs = 200
/** Below this time for a request, another connection would save less than it costs. */
const shortRequestMs = 250
/** Above it, the link itself is slow: more requests at once would only run into their deadlines. */
const slowRequestMs = 20_000
/** A wider link must carry so much more. */
const minGain = 1.15
/** Pause after a width that didn't help, and after one that was too much: links and stores change. */
const holdMs = 30_000
const recoverMs = 5000

/** The requests that ended at one width. */
class Epoch {
  readonly beganMs: number
  private readonly ended = { count: 0, bytes: 0, ms: 0 }
  /** Requests under way, times milliseconds. */
  private activeMs = 0
  private changedMs: number
  hasWaited = false

  constructor(nowMs: number) {
    this.beganMs = nowMs
    this.changedMs = nowMs
  }

  /** Counts the time since the last call. @param active requests under way in that time. */
  pass(nowMs: number, active: number): void {
    this.activeMs += active * Math.max(0, nowMs - this.changedMs)
    this.changedMs = nowMs
  }

  add(bytes: number, ms: number): void {
    this.ended.count++
    this.ended.bytes += bytes
    this.ended.ms += ms
  }

  get isEmpty(): boolean {
    return this.ended.count === 0
  }

  get isOver(): boolean {
    return this.ended.count >= minEnded && this.changedMs - this.beganMs >= minEpochMs
  }

  get requestMs(): number {
    return this.ended.ms / this.ended.count
  }

  /** Not the bytes of the epoch, because those of requests that still run would be missing. */
  get bytesPerMs(): number {
    const meanActive = this.activeMs / (this.changedMs - this.beganMs)
    return (this.ended.bytes / Math.max(1, this.ended.ms)) * meanActive
  }
}

export class LinkWidth {
  private readonly limits: WidthLimits
  private readonly nowMs: () => number
  private current: number
  /** The width before the last growth, and its throughput; null if the next epoch only measures. */
  private before: { width: number; bytesPerMs: number } | null = null
  private holdUntilMs = Number.NEGATIVE_INFINITY
  /** The last time when the width shrank. */
  private slowedMs = Number.NEGATIVE_INFINITY
  private epoch: Epoch
  private active = 0

  constructor(limits: WidthLimits, nowMs: () => number) {
    this.limits = limits
    this.nowMs = nowMs
    this.current = limits.start
    this.epoch = new Epoch(nowMs())
  }

  get width(): number {
    return this.current
  }

  begin(): LinkRequest {
    const nowMs = this.nowMs()
    // Time without a request tells nothing about the link.
    if (this.active === 0 && this.epoch.isEmpty) this.epoch = new Epoch(nowMs)
    this.epoch.pass(nowMs, this.active)
    this.active++
    return { begunMs: nowMs, epoch: this.epoch }
  }

  /** Something waits for the width: without it, a wider link would carry no more. */
  noteWaiting(): void {
    this.epoch.hasWaited = true
  }

  end(request: LinkRequest, bytes: number, outcome: LinkOutcome): void {
    const nowMs = this.nowMs()
    this.epoch.pass(nowMs, this.active)
    this.active--
    if (request.epoch !== this.epoch) return
    if (outcome === 'slowed') return this.slowDown()
    if (outcome === 'failed') return
    this.epoch.add(bytes, nowMs - request.begunMs)
    if (this.epoch.isOver) this.judge()
  }

  /** The store or the link refused a request. */
  slowDown(): void {
    const nowMs = this.nowMs()
    // A burst of refusals is one sign.
    if (nowMs - this.slowedMs < recoverMs) return
    this.slowedMs = nowMs
    this.current = Math.max(1, Math.floor(this.current / 2))
    this.hold(recoverMs)
    this.epoch = new Epoch(nowMs)
  }

  private judge(): void {
    const { before, current } = this
    const { bytesPerMs } = this.epoch
    if (before !== null && bytesPerMs < before.bytesPerMs * minGain) {
      this.current = before.width
      this.hold(holdMs)
    } else if (current < this.limits.max && this.mayGrow()) {
      this.before = { width: current, bytesPerMs }
      this.current = Math.min(this.limits.max, Math.max(current + 1, Math.floor(current * 1.5)))
    } else this.before = null
    this.epoch = new Epoch(this.nowMs())
  }

  private mayGrow(): boolean {
    const { hasWaited, requestMs } = this.epoch
    const isHeld = this.nowMs() < this.holdUntilMs
    return !isHeld && hasWaited && requestMs >= shortRequestMs && requestMs <= slowRequestMs
  }

  private hold(ms: number): void {
    this.before = null
    this.holdUntilMs = this.nowMs() + ms
  }
}
