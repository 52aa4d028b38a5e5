// Restores directories and the content of files into a staging folder: what a whole restore and a shard of one have in
// common.
import { mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { HoldfastError } from '../../core/errors.ts'
import type { PackContents } from '../../core/restore-plan/chunk-reader.ts'
import type { EntryPlan } from '../../core/restore-plan/restore-plan.ts'
import { DirectoryHandles } from '../directory-handles.ts'
import type { PreparedRestore, RestoreOptions, RestorePlan } from '../operations.ts'
import { reasonOf } from '../walk.ts'
import { addProblem } from './restore-outcome.ts'
import type { Outcome } from './restore-outcome.ts'
import { diskFull, isOutOfRoom } from './restore-staging.ts'
import { RestoreTransfer } from './restore-transfer.ts'
import { WriteBack, flush } from './write-back.ts'

export interface Prepared {
  packs: PackContents
  plan: EntryPlan
  summary: RestorePlan
}

/** The staging folder of a restore, or of a shard. */
export interface StagedTree {
  readonly tree: string
  readonly isResumed: boolean
  readonly isSameBoot: boolean
}

export type OnProgress = Parameters<PreparedRestore['run']>[0]

/** The transfer of the plan's files, and the flushing beside it. */
export function makeTransfer(
  options: RestoreOptions,
  { packs, plan }: Prepared,
  { tree, isResumed, isSameBoot }: StagedTree,
  { outcome, onProgress }: { outcome: Outcome; onProgress: OnProgress },
): { transfer: RestoreTransfer; writeBack: WriteBack } {
  const writeBack = new WriteBack(() => flush(tree))
  const transfer = new RestoreTransfer({
    store: options.store,
    packs,
    plan,
    root: tree,
    specialBits: options.specialBits ?? false,
    isResumed,
    isSameBoot,
    workers: options.workers ?? Math.min(8, availableParallelism()),
    signal: options.signal,
    onProgress: (progress) => {
      writeBack.recordProgress(progress.bytesWritten)
      onProgress?.(progress)
    },
    onProblem: (path, detail) => addProblem(outcome, path, detail),
  })
  return { transfer, writeBack }
}

/** Parents come before children in the order of the tree. */
export function makeDirectories(root: string, { directories }: EntryPlan): void {
  const handles = new DirectoryHandles(root)
  try {
    for (let directory = 0; directory < directories.length; directory++) {
      const path = directories.pathOf(directory)
      if (path.length > 0) ignoreExisting(() => mkdirSync(handles.at(path), { mode: 0o700 }))
    }
  } finally {
    handles.close()
  }
}

export function ignoreExisting(make: () => void): void {
  try {
    make()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

export function translateError(error: unknown, target: string): unknown {
  if (error instanceof HoldfastError) return error
  const { code } = error as NodeJS.ErrnoException
  if (typeof code !== 'string') return error
  if (isOutOfRoom(error)) return diskFull(target, error)
  return new HoldfastError('target', `writing to ${target} failed: ${reasonOf(error)}`, {
    hint: 'repeat the command to go on where it stopped',
    cause: error,
  })
}
