// Time is an argument: core and engine never read the wall clock, so that a test or a simulation decides it.

export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number
  /**
   * Resolves after `ms` milliseconds of this clock; rejects with the signal's reason if it is aborted first.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Uniform in [0, 1). An argument, so that a test can replay a run. */
export type Random = () => number
