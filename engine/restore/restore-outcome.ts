// The findings of a restore: entries that it could not bring back, or only without all of their metadata.
import { parsePathText, pathText } from '../../core/tree/path-text.ts'
import type { RestoreResult } from '../operations.ts'
import type { StagedFindings } from './restore-staging.ts'

const maxProblems = 1000

export type Outcome = Pick<RestoreResult, 'problems' | 'problemCount' | 'damaged'>

/** Saved in the state, so that a restore that only finishes the publishing can report the same. */
export function findingsOf(outcome: Outcome): StagedFindings {
  return withPaths(outcome, pathText)
}

export function outcomeOf(findings: StagedFindings): Outcome {
  return withPaths(findings, parsePathText)
}

interface Findings<P> {
  damaged: { path: P; detail: string }[]
  problems: { path: P; detail: string }[]
  problemCount: number
}

function withPaths<P, Q>(
  { damaged, problems, problemCount }: Findings<P>,
  convert: (path: P) => Q,
): Findings<Q> {
  const converted = ({ path, detail }: { path: P; detail: string }): { path: Q; detail: string } => ({
    path: convert(path),
    detail,
  })
  return { damaged: damaged.map(converted), problems: problems.map(converted), problemCount }
}

export function addProblem(outcome: Outcome, path: Buffer, detail: string): void {
  outcome.problemCount++
  if (outcome.problems.length < maxProblems) outcome.problems.push({ path, detail })
}
