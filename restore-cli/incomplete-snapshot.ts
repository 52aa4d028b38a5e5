// `restore` of an incomplete snapshot: it asks before, and reports after.
import { HoldfastError, isHoldfastError } from '../core/errors.ts'
import type { Clock } from '../core/clock.ts'
import type { SnapshotChoice, SnapshotRequest, TimedStore } from '../core/snapshot/snapshot-choice.ts'
import type { RecordedProblem, SnapshotProblems } from '../core/snapshot/snapshot-problems.ts'
import type { PathSelection } from '../core/tree/path-selection.ts'
import { pathText } from '../core/tree/path-text.ts'
import { timeText } from '../core/time-text.ts'
import type { RestorePlan } from '../engine/operations.ts'
import { countOf } from './render/figures.ts'

export interface IncompleteFlags extends SnapshotRequest {
  allowIncomplete?: boolean
}

/**
 * A program must not choose between an older state and one with gaps, so it refuses both until the user chooses.
 * A snapshot that the user named, and one that lacks nothing of the selection, is restored.
 * @throws `ambiguous`, or `no-recovery-point` if no complete snapshot fits.
 */
export async function assertMayRestore(
  vault: { store: TimedStore; clock: Pick<Clock, 'nowMs' | 'sleep'> },
  { choice, selection }: { choice: SnapshotChoice; selection: PathSelection },
  flags: IncompleteFlags,
): Promise<void> {
  const { snapshot } = choice
  const { problemsOf } = await import('../core/snapshot/snapshot-problems.ts')
  const problems = problemsOf(snapshot.manifest, selection)
  if (problems.isComplete || flags.snapshot !== undefined || flags.allowIncomplete === true) return
  const complete = await newestComplete(vault, flags)
  const list = `\`holdfast snapshots --problems ${snapshot.id}\` lists what is missing`
  throw new HoldfastError(
    complete === null ? 'no-recovery-point' : 'ambiguous',
    `the snapshot ${snapshot.id} of ${timeText(snapshot.timeMs)} is incomplete: ${missingText(problems)}`,
    {
      hint:
        complete === null
          ? `no complete snapshot fits: pass --allow-incomplete to restore this one; ${list}`
          : `pass --allow-incomplete to restore it as it is, or --complete-only to restore ${complete.snapshot.id} of ${timeText(complete.snapshot.timeMs)}; ${list}`,
      context: {
        snapshot: snapshot.id,
        complete: complete?.snapshot.id ?? null,
        missing: problems.missing.map(({ path }) => pathText(path)),
      },
    },
  )
}

async function newestComplete(
  { store, clock }: { store: TimedStore; clock: Pick<Clock, 'nowMs' | 'sleep'> },
  { source, pointInTime, trustedKeys, prefer }: SnapshotRequest,
): Promise<SnapshotChoice | null> {
  const { chooseSnapshot } = await import('../core/snapshot/snapshot-choice.ts')
  try {
    const request: SnapshotRequest = {
      trustedKeys,
      prefer,
      ...(source === undefined ? {} : { source }),
      ...(pointInTime === undefined ? {} : { pointInTime }),
    }
    return await chooseSnapshot(store, { ...request, completeOnly: true }, clock)
  } catch (error) {
    if (isHoldfastError(error, 'no-recovery-point', 'ambiguous')) return null
    throw error
  }
}

/** @throws `incomplete` after a restore, or a plan, of a snapshot that lacks something of the request. */
export function assertWhole(plan: RestorePlan, id: string): void {
  if (plan.isComplete) return
  const { missing, unlistedProblems: unlistedCount } = plan
  throw new HoldfastError(
    'incomplete',
    `the snapshot ${id} is incomplete: ${missingText({ missing, unlistedCount })}`,
    {
      hint: `everything else was restored; an older snapshot may have it (\`holdfast snapshots\`), and \`holdfast snapshots --problems ${id}\` lists it`,
      context: { snapshot: id, missing: missing.map(({ path }) => pathText(path)) },
    },
  )
}

/** The first entries by name: an error must fit a screen. */
function missingText({
  missing,
  unlistedCount,
}: Pick<SnapshotProblems, 'missing' | 'unlistedCount'>): string {
  const names = missing.slice(0, 3).map(nameOf)
  const hiddenCount = missing.length - names.length
  return [
    ...(names.length === 0 ? [] : [`it lacks ${names.join(', ')}`]),
    ...(hiddenCount === 0 ? [] : [`${countOf(hiddenCount, 'more entry', 'more entries')}`]),
    ...(unlistedCount === 0 ? [] : [`${countOf(unlistedCount, 'problem')} that the vault only counts`]),
  ].join(', and ')
}

function nameOf({ path, kind }: RecordedProblem): string {
  return `${pathText(path) || '.'} (${pathText(Buffer.from(kind))})`
}
