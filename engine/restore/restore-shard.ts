// A restore in shards: what one shard does, and how their results come together.
import { lstatSync } from 'node:fs'
import { countOf } from '../../core/count-text.ts'
import { HoldfastError } from '../../core/errors.ts'
import { damagedEntries } from '../../core/restore-plan/restore-plan.ts'
import type { EntryPlan } from '../../core/restore-plan/restore-plan.ts'
import type { Shard } from '../../core/restore-plan/shards.ts'
import { pathText } from '../../core/tree/path-text.ts'
import { DirectoryHandles } from '../directory-handles.ts'
import type { RestoreOptions, RestoreResult } from '../operations.ts'
import { makeDirectories, makeTransfer, translateError } from './restore-content.ts'
import type { OnProgress, Prepared } from './restore-content.ts'
import { addProblem, findingsOf, outcomeOf } from './restore-outcome.ts'
import type { Outcome } from './restore-outcome.ts'
import type { RestoreStaging, StagedRequest } from './restore-staging.ts'
import { ShardStaging, findingsOfShards } from './shard-staging.ts'
import { flush } from './write-back.ts'

/** A target must have been begun for the same, to go on in it. For the end, the target tells the number of shards. */
export function requestOf({ snapshot, paths, patterns, specialBits, part }: RestoreOptions): StagedRequest {
  const request = {
    snapshot: snapshot.id,
    manifestSha256: snapshot.sha256,
    // No path is absolute, so that no pattern reads as a path.
    paths: [...paths.map(pathText), ...(patterns ?? []).map((text) => `/${text}`)],
    specialBits: specialBits ?? false,
  }
  if (part === undefined || part.kind === 'finish') return request
  const { index, count } = part.shard
  return { ...request, shards: { count, only: part.kind === 'alone' ? index : null } }
}

/**
 * Restores the content of a shard's files into the staging folder, and records that it is there.
 * @throws as a whole restore; `conflict` if another process restores this shard.
 */
export async function runShard(
  options: RestoreOptions,
  shard: Shard,
  prepared: Prepared,
  onProgress: OnProgress,
): Promise<RestoreResult> {
  const { clock, target } = options
  const { plan, summary } = prepared
  const startedMs = clock.nowMs()
  const staging = await ShardStaging.open(target, requestOf(options), { shard, clock })
  const outcome: Outcome = { problems: [], problemCount: 0, damaged: [] }
  try {
    const { transfer, writeBack } = makeTransfer(options, prepared, staging, { outcome, onProgress })
    makeDirectories(staging.tree, plan)
    await transfer.run()
    await writeBack.finish()
    await flush(staging.tree)
    outcome.damaged = damagedEntries(plan)
    staging.end(findingsOf(outcome))
    const { resumed, bytesWritten, bytesFetched } = transfer
    return {
      plan: summary,
      filesResumed: resumed.count,
      bytesResumed: resumed.bytes,
      bytesWritten,
      bytesFetched,
      ...outcome,
      durationMs: clock.nowMs() - startedMs,
    }
  } catch (error) {
    throw translateError(error, target)
  } finally {
    staging.release()
  }
}

/**
 * Takes over what the shards found, and makes sure that each file is there.
 * @throws `incomplete` with the shards that have not ended, or with files that are missing; `conflict` if a shard is
 *   running.
 */
export function collectShards(staging: RestoreStaging, plan: EntryPlan, outcome: Outcome): void {
  const damage = new Map<string, string>()
  for (const findings of findingsOfShards(staging)) {
    const { damaged, problems, problemCount } = outcomeOf(findings)
    for (const { path, detail } of damaged) damage.set(path.toString('latin1'), detail)
    for (const { path, detail } of problems) addProblem(outcome, path, detail)
    outcome.problemCount += problemCount - problems.length
  }
  const missing = findMissing(staging.tree, plan, damage)
  if (missing.count === 0) return
  throw new HoldfastError(
    'incomplete',
    `all shards have ended, and ${countOf(missing.count, 'file')} not there whole, e.g. ${missing.paths.map(pathText).join(', ')}`,
    {
      hint: 'run the shards again, in the same target: each restores what it lacks; then --finish',
      context: { missing: missing.paths.map(pathText) },
    },
  )
}

/** The first files that are not there with their size, and their number. Notes the damage of those that can't be. */
function findMissing(
  tree: string,
  { files }: EntryPlan,
  damage: ReadonlyMap<string, string>,
): { count: number; paths: Buffer[] } {
  const missing: { count: number; paths: Buffer[] } = { count: 0, paths: [] }
  const handles = new DirectoryHandles(tree)
  try {
    for (let file = 0; file < files.length; file++) {
      if (files.firstNameOf(file) !== null) continue
      const path = files.pathOf(file)
      const detail = damage.size === 0 ? undefined : damage.get(path.toString('latin1'))
      if (detail !== undefined) files.noteDamage(file, detail)
      else if (!hasFile(handles, path, files.sizeOf(file))) {
        if (++missing.count <= 3) missing.paths.push(path)
      }
    }
  } finally {
    handles.close()
  }
  return missing
}

function hasFile(handles: DirectoryHandles, path: Buffer, size: number): boolean {
  try {
    const stats = lstatSync(handles.at(path), { throwIfNoEntry: false })
    return stats?.isFile() === true && stats.size === size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return false
  }
}
