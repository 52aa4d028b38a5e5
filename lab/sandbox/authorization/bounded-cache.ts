/** A cache with a bound: entries that no lookup has asked for lately go first. */
export class BoundedCache<Value> {
  private readonly maxEntries: number
  private recent = new Map<string, Value>()
  private older = new Map<string, Value>()

  /** @param maxEntries at most twice as many are kept */
  constructor(maxEntries: number) {
    this.maxEntries = maxEntries
  }

  get(key: string): Value | undefined {
    const value = this.recent.get(key)
    if (value !== undefined) return value
    const olderValue = this.older.get(key)
    if (olderValue !== undefined) this.set(key, olderValue)
    return olderValue
  }

  set(key: string, value: Value): void {
    if (this.recent.size >= this.maxEntries) {
      this.older = this.recent
      this.recent = new Map()
    }
    this.recent.set(key, value)
  }
}
