// Faults for tests. A seed decides which request meets which fault, so a failing run can be replayed.

export const faultKinds = [
  /** 500 InternalError, 503 SlowDown or 429 TooManyRequests, before the request takes effect. */
  'internal-error',
  'slow-down',
  'too-many-requests',
  /** 500 after the request took effect. */
  'internal-error-after',
  /** The connection is reset before, or after, the request takes effect. */
  'reset-before',
  'reset-after',
  /** No reply for `stallMs`, then a reset. */
  'stall',
  /** The body of a GET ends early, or has one bit flipped. */
  'torn-body',
  'flipped-byte',
  /** The reply comes after `slowMs`. */
  'slow-answer',
  /** 400 ExpiredToken for a session that has not expired. */
  'expired-token',
  /** A GET returns another range than the request named, or 200 with the whole object. */
  'wrong-range',
  'whole-body',
  /** A page of a listing ends after its first entry, and reports that more follow. */
  'short-page',
  /** The reply's `Date` is wrong by `skewMs`, in either direction. */
  'skewed-date',
] as const

export type FaultKind = (typeof faultKinds)[number]

export interface FaultPlan {
  /** 32 bits. The same seed with the same order of requests gives the same faults. */
  seed: number
  /** Probability of each kind, 0 to 1; their sum is at most 1. A kind without a rate never fires. */
  rates: Partial<Record<FaultKind, number>>
  stallMs?: number
  slowMs?: number
  /** One day by default. */
  skewMs?: number
  /** Limits the requests that can meet a fault; all requests if absent. */
  appliesTo?: (request: { method: string; path: string; service: string }) => boolean
}

const bodyKinds: ReadonlySet<FaultKind> = new Set(['torn-body', 'flipped-byte'])

export class FaultInjector {
  /** Number of times that each kind fired. A test that expects a fault proves here that it happened. */
  readonly fired: Record<FaultKind, number>
  readonly stallMs: number
  readonly slowMs: number
  readonly skewMs: number
  private readonly plan: FaultPlan
  private readonly random: () => number

  constructor(plan: FaultPlan) {
    const sum = Object.values(plan.rates).reduce((total, rate) => total + rate, 0)
    if (sum > 1 + 1e-9 || Object.values(plan.rates).some((rate) => !(rate >= 0)))
      throw new RangeError('rates of faults are probabilities and add up to 1 at most')
    this.plan = plan
    this.random = seededRandom(plan.seed)
    this.fired = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>
    this.stallMs = Math.min(plan.stallMs ?? 30_000, 600_000)
    this.slowMs = Math.min(plan.slowMs ?? 1000, 600_000)
    this.skewMs = plan.skewMs ?? 86_400_000
  }

  /** Draws one number per request, even if no fault can apply, so that the sequence depends only on the seed. */
  draw(request: { method: string; path: string; service: string }): FaultKind | null {
    let remainder = this.random()
    if (this.plan.appliesTo?.(request) === false) return null
    for (const kind of faultKinds) {
      remainder -= this.plan.rates[kind] ?? 0
      if (remainder >= 0) continue
      return bodyKinds.has(kind) && request.method !== 'GET' ? null : kind
    }
    return null
  }

  /** Uniform in [0, `below`). */
  position(below: number): number {
    return Math.floor(this.random() * below)
  }

  count(kind: FaultKind): void {
    this.fired[kind] += 1
  }
}

/** Mulberry32: small, and random enough for faults. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
