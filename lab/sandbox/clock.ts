// The sandbox's time: the wall clock, plus the offset that a test has turned it by.

import type { Clock } from '../../core/clock.ts'

interface Sleeper {
  deadlineMs: number
  timer: NodeJS.Timeout
  wake: () => void
}

// setTimeout takes at most a signed 32-bit number of milliseconds, so a longer sleep is set again when the
// timer ends.
const maxTimerMs = 2_147_483_647

export class TurnableClock implements Clock {
  private readonly wall: () => number
  private readonly sleepers = new Set<Sleeper>()
  private readonly listeners = new Set<(offsetMs: number) => void>()
  private turnedMs: number

  /** @param wall milliseconds since the epoch. A test passes a constant, so that only its turns move the clock. */
  constructor(wall: () => number = Date.now, offsetMs = 0) {
    this.wall = wall
    this.turnedMs = offsetMs
  }

  get offsetMs(): number {
    return this.turnedMs
  }

  nowMs(): number {
    return this.wall() + this.turnedMs
  }

  /** Turns the clock by `ms`, back if negative, and resolves the sleeps whose deadline has passed. */
  turn(ms: number): void {
    if (!Number.isFinite(ms)) throw new RangeError('a clock turns by a finite number of milliseconds')
    this.turnedMs += Math.trunc(ms)
    for (const listen of this.listeners) listen(this.turnedMs)
    for (const sleeper of [...this.sleepers]) this.arm(sleeper)
  }

  /** Calls `listen` with the new offset after each turn. */
  onTurn(listen: (offsetMs: number) => void): void {
    this.listeners.add(listen)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(reasonOf(signal))
      const sleeper: Sleeper = {
        deadlineMs: this.nowMs() + ms,
        timer: setTimeout(() => undefined, 0),
        wake: () => end(resolve),
      }
      const abort = () => end(() => reject(reasonOf(signal)))
      const end = (settle: () => void) => {
        clearTimeout(sleeper.timer)
        this.sleepers.delete(sleeper)
        signal?.removeEventListener('abort', abort)
        settle()
      }
      this.sleepers.add(sleeper)
      signal?.addEventListener('abort', abort, { once: true })
      this.arm(sleeper)
    })
  }

  private arm(sleeper: Sleeper): void {
    clearTimeout(sleeper.timer)
    const leftMs = sleeper.deadlineMs - this.nowMs()
    if (leftMs <= 0) return sleeper.wake()
    sleeper.timer = setTimeout(() => this.arm(sleeper), Math.min(leftMs, maxTimerMs))
  }
}

function reasonOf(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error
    ? signal.reason
    : new Error('sleep was aborted', { cause: signal?.reason })
}
