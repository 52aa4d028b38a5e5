// Counts what the operator's rules leave out of a snapshot, and lists the file systems that are mounted below its root.
import type { TreePath } from '../operations.ts'
import type { Selection } from '../selection.ts'

const maxMounts = 1000

export class LeftOutCounts {
  private readonly counts: Map<string, number>
  /** The first ones; `mountCount` counts all. */
  readonly mounts: TreePath[] = []
  mountCount = 0

  constructor(selection: Selection) {
    this.counts = new Map(selection.ruleNames.map((rule) => [rule, 0]))
  }

  add(rule: string): void {
    this.counts.set(rule, (this.counts.get(rule) ?? 0) + 1)
  }

  addMount(path: TreePath): void {
    this.mountCount++
    if (this.mounts.length < maxMounts) this.mounts.push(path)
  }

  /** Rules that left nothing out included: they may be misspelt. */
  get rules(): { rule: string; count: number }[] {
    return Array.from(this.counts, ([rule, count]) => ({ rule, count }))
  }
}
