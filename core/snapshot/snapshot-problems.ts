// The problems of a snapshot, as its manifest lists them: what it lacks of its source, and what no restore creates
// again.
import { parsePathText } from '../tree/path-text.ts'
import { PathSelection } from '../tree/path-selection.ts'
import type { Manifest } from './manifest.ts'

export const problemKinds = [
  'unreadable',
  'vanished',
  'changed',
  'moved',
  'outside',
  'not-restorable',
  'not-recorded',
  'unnoticed',
] as const
export type ProblemKind = (typeof problemKinds)[number]

/** The snapshot lacks content, or has content that the file never had at one time. */
export const incompleteKinds: ReadonlySet<string> = new Set<ProblemKind>([
  'unreadable',
  'vanished',
  'changed',
  'moved',
  'outside',
])

export interface RecordedProblem {
  /** A kind of `problemKinds`, or one that a later version of Holdfast has added. */
  kind: string
  path: Buffer
  detail: string
}

/** The problems at, above and below the entries of a request. */
export interface SnapshotProblems {
  /** The problems that make the snapshot incomplete. */
  missing: RecordedProblem[]
  /** All others: what is not recorded, or not created by a restore. */
  others: RecordedProblem[]
  /** Problems that the manifest counts and doesn't list. Each may be of any kind and at any path. */
  unlistedCount: number
  /** False if something is missing, or may be missing, at or below the paths. */
  isComplete: boolean
}

/** @param selection as of a restore. */
export function problemsOf(
  { complete, problems, problemCount, sourceKind }: Manifest,
  selection: PathSelection = new PathSelection(),
): SnapshotProblems {
  const recorded = problems.map(({ kind, path, detail }) => ({ kind, path: parsePathText(path), detail }))
  const touching = recorded.filter(({ path }) => selection.concerns(path))
  const missing = touching.filter(({ kind }) => incompleteKinds.has(kind))
  const unlistedCount = Math.max(0, problemCount - problems.length)
  const isListed = unlistedCount === 0 && recorded.some(({ kind }) => incompleteKinds.has(kind))
  // The files of a cluster belong together: one that is missing or changed makes all others doubtful.
  const mayJudgePaths = !selection.isAll && sourceKind === 'volume' && isListed
  return {
    missing,
    others: touching.filter(({ kind }) => !incompleteKinds.has(kind)),
    unlistedCount,
    isComplete: complete || (mayJudgePaths && missing.length === 0),
  }
}
