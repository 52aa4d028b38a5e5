// Closers for the resources of a drill. They run once each, in the reverse order of opening, even after a failed drill.

export class Cleanup {
  private readonly closers: { name: string; close: () => Promise<void> }[] = []

  add(name: string, close: () => Promise<void>): void {
    this.closers.push({ name, close })
  }

  /**
   * Runs every closer even if one fails. Returns the failures, because a leftover must be reported and not hide the
   * result.
   */
  async run(): Promise<string[]> {
    const failures: string[] = []
    for (let closer = this.closers.pop(); closer !== undefined; closer = this.closers.pop()) {
      try {
        await closer.close()
      } catch (error) {
        failures.push(`${closer.name}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    return failures
  }
}
