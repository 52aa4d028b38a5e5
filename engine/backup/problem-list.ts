// The problems of a backup pass: the first ones, their count, and whether the snapshot lacks content
// because of them.
import { incompleteKinds } from '../../core/snapshot/snapshot-problems.ts'
import type { Problem } from '../operations.ts'

const maxListed = 1000

export class ProblemList {
  private readonly missing: Problem[] = []
  private readonly others: Problem[] = []
  count = 0
  /** True if a problem makes the snapshot incomplete. */
  isIncomplete = false
  hasMoved = false

  /** Missing content comes first, so that no number of extended attributes crowds it out of the list. */
  get problems(): Problem[] {
    return [...this.missing, ...this.others].slice(0, maxListed)
  }

  add(problem: Problem): void {
    this.count++
    if (problem.kind === 'moved') this.hasMoved = true
    const isMissing = incompleteKinds.has(problem.kind)
    if (isMissing) this.isIncomplete = true
    const list = isMissing ? this.missing : this.others
    if (list.length < maxListed) list.push(problem)
  }
}
