// The findings of a restore: entries that it could not bring back, or only without all of their metadata.
import { parsePathText, pathText } from '../../core/tree/path-text.ts'
import type { RestoreResult } from '../operations.ts'
import type { StagedFindings } from './restore-staging.ts'

const maxProblems = 1000

export type Outcome = Pick<RestoreResult, 'problems' | 'problemCount' | 'damaged'>

/** Saved in the state, so that a restore that only finishes the publishing can report the same. */
export function findingsOf(outcome: Outcome): StagedFindings {
  const asText = ({ path, detail }: { path: Buffer; detail: string }): { path: string; detail: string } => ({
    path: pathText(path),
    detail,
  })
  return {
    damaged: outcome.damaged.map(asText),
    problems: outcome.problems.map(asText),
    problemCount: outcome.problemCount,
  }
}

export function outcomeOf(findings: StagedFindings): Outcome {
  const asBytes = ({ path, detail }: { path: string; detail: string }): { path: Buffer; detail: string } => ({
    path: parsePathText(path),
    detail,
  })
  return {
    damaged: findings.damaged.map(asBytes),
    problems: findings.problems.map(asBytes),
    problemCount: findings.problemCount,
  }
}

export function addProblem(outcome: Outcome, path: Buffer, detail: string): void {
  outcome.problemCount++
  if (outcome.problems.length < maxProblems) outcome.problems.push({ path, detail })
}
