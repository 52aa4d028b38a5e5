// Time in a simulated world: the vault's clock, which only moves forward, and the host's clock, which may be wrong.
import type { Clock } from '../../core/clock.ts'

/** The granularity of the times that a kernel gives to files. */
const tickMs = 4

export class WorldClock implements Clock {
  /** The vault's time. */
  serverMs = Date.UTC(2026, 0, 5)
  /** The host's time minus the vault's time. */
  hostOffsetMs = 0

  pass(ms: number): void {
    this.serverMs += Math.ceil(ms)
  }

  /** The host's time. */
  nowMs(): number {
    return this.serverMs + this.hostOffsetMs
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.pass(ms)
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** The time that the host's kernel gives to a file that changes now. */
  kernelNs(): bigint {
    return BigInt(Math.floor(this.nowMs() / tickMs) * tickMs) * 1_000_000n
  }
}
