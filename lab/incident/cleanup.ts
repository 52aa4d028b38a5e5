// What has to be undone when the drill ends, however it ends: closed in the reverse order of opening, each one once.

export class Cleanup {
  readonly #closers: { name: string; close: () => Promise<void> }[] = []

  add(name: string, close: () => Promise<void>): void {
    this.#closers.push({ name, close })
  }

  /** Runs every closer even if one fails, and answers the failures: a leftover must be seen, not hide the result. */
  async run(): Promise<string[]> {
    const failures: string[] = []
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer.close()
      } catch (error) {
        failures.push(`${closer.name}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    return failures
  }
}
