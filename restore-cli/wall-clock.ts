// The real clock. The engine takes it as an argument, so that tests can replace it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../core/clock.ts'

export const wallClock: Clock = {
  nowMs: () => Date.now(),
  sleep: async (ms, signal) => {
    try {
      await sleep(ms, undefined, signal === undefined ? {} : { signal })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
}
