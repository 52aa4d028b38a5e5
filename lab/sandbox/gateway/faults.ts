// Faults that a seed decides, so that a failing run can be replayed: which request meets which fault, and how often.

export const faultKinds = [
  /** 500 InternalError, 503 SlowDown or 429 TooManyRequests, before anything was done. */
  'internal-error',
  'slow-down',
  'too-many-requests',
  /** 500 after it was done: the effect is there, the reply says otherwise. */
  'internal-error-after',
  /** The connection is reset before, or after, the request took effect. */
  'reset-before',
  'reset-after',
  /** No answer at all for `stallMs`, then a reset. */
  'stall',
  /** The body of a GET ends early, or comes with one bit flipped. */
  'torn-body',
  'flipped-byte',
  /** The answer comes after `slowMs`. */
  'slow-answer',
  /** 400 ExpiredToken, though the session is not over. */
  'expired-token',
  /** A GET is answered with another range than it asked for, or with 200 and the whole object. */
  'wrong-range',
  'whole-body',
  /** A page of a listing ends after its first entry, and says that more follow. */
  'short-page',
  /** The reply's `Date` is off by `skewMs`, to either side. */
  'skewed-date',
] as const

export type FaultKind = (typeof faultKinds)[number]

export interface FaultPlan {
  /** 32 bits. The same seed and the same order of requests meet the same faults. */
  seed: number
  /** Probability of each kind, 0 to 1; their sum is at most 1. What isn't named never fires. */
  rates: Partial<Record<FaultKind, number>>
  stallMs?: number
  slowMs?: number
  /** Default: a day. */
  skewMs?: number
  /** Which requests may meet a fault; all if not given. */
  appliesTo?: (request: { method: string; path: string; service: string }) => boolean
}

const bodyKinds: ReadonlySet<FaultKind> = new Set(['torn-body', 'flipped-byte'])

export class FaultInjector {
  /** How often each kind fired: a run that claims to have met a fault shows it here. */
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

  /** Draws once per request, whatever comes of it, so that the sequence stays the seed's. */
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

/** Mulberry32: small, and good enough to scatter faults. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
