// Time in a simulated world: the vault's, which only goes on, and the host's, which may be wrong.
import type { Clock } from '../../core/clock.ts'

/** The granularity of the times that a kernel gives to files. */
const tickMs = 4

export class WorldClock implements Clock {
  /** The vault's time. */
  serverMs = Date.UTC(2026, 0, 5)
  /** By how much the host's clock is ahead of it. */
  hostOffsetMs = 0

  pass(ms: number): void {
    this.serverMs += Math.ceil(ms)
  }

  /** As the host sees it. */
  nowMs(): number {
    return this.serverMs + this.hostOffsetMs
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.pass(ms)
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** What the host's kernel would stamp a file with now. */
  kernelNs(): bigint {
    return BigInt(Math.floor(this.nowMs() / tickMs) * tickMs) * 1_000_000n
  }
}
