// Lets the loop of a backup pass wait for its threads. Each reply resumes the loop, and the first failure
// ends it.

export class PassEvents {
  private readonly signal: AbortSignal | undefined
  private failure: { error: unknown } | null = null
  private readonly waiting: (() => void)[] = []

  constructor(signal: AbortSignal | undefined) {
    this.signal = signal
  }

  /** Resumes the loop. */
  notify(): void {
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  /** The first failure counts. */
  fail(error: unknown): void {
    this.failure ??= { error }
    this.notify()
  }

  throwIfFailed(): void {
    if (this.failure !== null) throw this.failure.error
  }

  throwIfAborted(): void {
    this.signal?.throwIfAborted()
  }

  /** Resolves at the next `notify` or `fail`. */
  next(): Promise<void> {
    return new Promise<void>((resolve) => this.waiting.push(resolve))
  }
}
