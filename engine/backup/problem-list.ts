// The problems of a backup pass: the first ones, their count, and whether the snapshot lacks content
// because of them.
import type { Problem } from '../operations.ts'

const maxListed = 1000
/** The snapshot lacks content, or has content that the file never had at one time. */
const incompleteKinds: ReadonlySet<Problem['kind']> = new Set([
  'unreadable',
  'vanished',
  'changed',
  'outside',
])

export class ProblemList {
  readonly problems: Problem[] = []
  count = 0
  /** True if a problem makes the snapshot incomplete. */
  isIncomplete = false

  add(problem: Problem): void {
    this.count++
    if (incompleteKinds.has(problem.kind)) this.isIncomplete = true
    if (this.problems.length < maxListed) this.problems.push(problem)
  }
}
