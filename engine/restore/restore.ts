// Brings a snapshot back into a new directory: packs are read in order, files written in any order, metadata last. What
// the vault has lost or what has other bytes than its hash says is named and left out; everything else is restored.
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
} from 'node:fs'
import { availableParallelism } from 'node:os'
import { ChunkReader } from '../../core/restore-plan/chunk-reader.ts'
import type { PackContents } from '../../core/restore-plan/chunk-reader.ts'
import { HoldfastError } from '../../core/errors.ts'
import { parsePathText, pathText } from '../../core/tree/path-text.ts'
import { damagedEntries, planRestore, requestsOf } from '../../core/restore-plan/restore-plan.ts'
import type { EntryPlan } from '../../core/restore-plan/restore-plan.ts'
import { DirectoryHandles } from './directory-handles.ts'
import { setLinkMetadata, setMetadata } from './entry-metadata.ts'
import type { Metadata } from './entry-metadata.ts'
import type { PreparedRestore, Problem, RestoreOptions, RestorePlan, RestoreResult } from '../operations.ts'
import { RestoreStaging, diskFull, isOutOfRoom } from './restore-staging.ts'
import type { StagedFindings } from './restore-staging.ts'
import { RestoreTransfer } from './restore-transfer.ts'
import { reasonOf } from '../walk.ts'
import { WriteBack, flush } from './write-back.ts'

const maxProblems = 1000

/**
 * Reads the manifest's index and tree and says what a restore would do; `run` does it.
 * @throws `not-found` for a path that the snapshot doesn't hold; `damaged` if the tree itself can't be read.
 */
export async function prepareRestore(options: RestoreOptions): Promise<PreparedRestore> {
  const reader = await ChunkReader.open(options.store, options.snapshot.manifest)
  const entries = await planRestore(reader, options.paths)
  // Where each chunk lies was needed for the plan alone: the reader, which knows it, is gone when bytes come.
  const packs = { manifest: reader.manifest, footers: reader.footers }
  const plan = describePlan(packs, entries)
  return {
    plan,
    run: (onProgress) => runRestore(options, { packs, plan: entries, summary: plan }, onProgress),
  }
}

interface Prepared {
  packs: PackContents
  plan: EntryPlan
  summary: RestorePlan
}

/** @throws `target` if the target is not new, empty, or left by an interrupted restore of the same; `disk-full`. */
async function runRestore(
  options: RestoreOptions,
  { packs, plan, summary }: Prepared,
  onProgress: Parameters<PreparedRestore['run']>[0],
): Promise<RestoreResult> {
  const startedMs = options.clock.nowMs()
  const specialBits = options.specialBits ?? false
  const staging = RestoreStaging.open(options.target, {
    snapshot: options.snapshot.id,
    manifestSha256: options.snapshot.sha256,
    paths: options.paths.map(pathText),
    specialBits,
  })
  const wasWritten = staging.phase !== 'writing'
  const outcome: Outcome = { problems: [], problemCount: 0, damaged: [] }
  const writeBack = new WriteBack(() => flush(staging.tree))
  const transfer = new RestoreTransfer({
    store: options.store,
    packs,
    plan,
    root: staging.tree,
    specialBits,
    isResumed: staging.isResumed,
    workers: options.workers ?? Math.min(8, availableParallelism()),
    signal: options.signal,
    onProgress: (progress) => {
      writeBack.recordProgress(progress.bytesWritten)
      onProgress?.(progress)
    },
    onProblem: (path, detail) => addProblem(outcome, path, detail),
  })
  try {
    if (!wasWritten) {
      makeDirectories(staging.tree, plan)
      await transfer.run()
      await writeBack.finish()
      makeHardLinks(staging.tree, plan)
      makeSymlinks(staging.tree, plan, outcome)
      await flush(staging.tree)
      outcome.damaged = damagedEntries(plan)
    } else if (staging.findings !== null) {
      Object.assign(outcome, outcomeOf(staging.findings))
    }
    staging.publish(findingsOf(outcome))
    finishDirectories(staging.target, plan, { specialBits, mayBeFinished: wasWritten }, outcome)
    // Ahead of the last step: as long as this can fail, the restore can be repeated.
    await flush(staging.target)
    finishRoot(staging, plan, specialBits, outcome)
  } catch (error) {
    throw translateError(error, options.target)
  }
  const { filesResumed, bytesResumed } = wasWritten
    ? { filesResumed: summary.files, bytesResumed: summary.bytes }
    : transfer
  return {
    plan: summary,
    filesResumed,
    bytesResumed,
    bytesWritten: transfer.bytesWritten,
    bytesFetched: transfer.bytesFetched,
    ...outcome,
    durationMs: options.clock.nowMs() - startedMs,
  }
}

type Outcome = Pick<RestoreResult, 'problems' | 'problemCount' | 'damaged'>

/** What a restore has to say too that only publishes what this one has written. */
function findingsOf(outcome: Outcome): StagedFindings {
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

function outcomeOf(findings: StagedFindings): Outcome {
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

function addProblem(outcome: Outcome, path: Buffer, detail: string): void {
  outcome.problemCount++
  if (outcome.problems.length < maxProblems) outcome.problems.push({ path, detail })
}

function describePlan(contents: PackContents, plan: EntryPlan): RestorePlan {
  let bytesToFetch = 0
  let requests = 0
  for (const request of requestsOf(contents, plan)) {
    bytesToFetch += request.bytes
    requests++
  }
  const { directories, files, symlinks, specialFiles: special } = plan
  return {
    entries: directories.length + files.length + symlinks.length + special.length,
    files: files.length,
    directories: directories.length,
    symlinks: symlinks.length,
    hardLinks: files.linkTo.size,
    bytes: plan.bytes,
    packs: plan.packs.size,
    bytesToFetch,
    requests,
    notRestorable: special.map(({ path, type }): Problem => ({
      path,
      kind: 'not-restorable',
      detail: `a ${type} is recorded, but not restored`,
    })),
  }
}

/** Parents come before children in the order of the tree. */
function makeDirectories(root: string, { directories }: EntryPlan): void {
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

/** Links are made last: no file was ever written through one. */
function makeHardLinks(root: string, { files }: EntryPlan): void {
  const handles = new DirectoryHandles(root)
  // A path is good until the next one of the same handles: the directories of both names must be open at once.
  const firstNames = new DirectoryHandles(root)
  try {
    for (const [file, first] of files.linkTo) {
      if (files.damageOf(file) !== null) continue
      const from = firstNames.at(files.pathOf(first))
      ignoreExisting(() => linkSync(from, handles.at(files.pathOf(file))))
    }
  } finally {
    firstNames.close()
    handles.close()
  }
}

function makeSymlinks(root: string, { symlinks, linkTargets }: EntryPlan, outcome: Outcome): void {
  const handles = new DirectoryHandles(root)
  try {
    for (let link = 0; link < symlinks.length; link++) {
      const path = symlinks.pathOf(link)
      const at = handles.at(path)
      ignoreExisting(() => symlinkSync(linkTargets.at(link), at))
      const { uid, gid } = lstatSync(at)
      for (const detail of setLinkMetadata(at, symlinks.metadataOf(link), { uid, gid }))
        addProblem(outcome, path, detail)
    }
  } finally {
    handles.close()
  }
}

/** Deepest first: making or removing something in a directory changes its time. */
function finishDirectories(
  target: string,
  plan: EntryPlan,
  options: { specialBits: boolean; mayBeFinished: boolean },
  outcome: Outcome,
): void {
  const handles = new DirectoryHandles(target)
  try {
    for (let directory = plan.directories.length - 1; directory >= 0; directory--) {
      const path = plan.directories.pathOf(directory)
      if (path.length === 0 || plan.inferredDirectories.has(directory)) continue
      try {
        const metadata = plan.directories.metadataOf(directory)
        for (const detail of finishDirectory(handles.at(path), metadata, options.specialBits))
          addProblem(outcome, path, detail)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
        // Each was made to be entered: one that can't be, or lies in such a one, was finished by the restore that this one goes on
        // with. If there was none, somebody else has closed it.
        if (!options.mayBeFinished)
          addProblem(outcome, path, `its owner, mode and times could not be set: ${reasonOf(error)}`)
      }
    }
  } finally {
    handles.close()
  }
}

/** Last of all. What lies in the root is on the disk: if its own end isn't, there is a restore to go on with, or a time is missing. */
function finishRoot(staging: RestoreStaging, plan: EntryPlan, specialBits: boolean, outcome: Outcome): void {
  // The root is the first, whatever the tree has lost.
  const root = plan.inferredDirectories.has(0) ? undefined : plan.directories.metadataOf(0)
  const descriptor = openSync(
    staging.target,
    constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
  )
  try {
    staging.remove(() => {
      if (root !== undefined) openRoot(staging.target, root, specialBits)
    })
    const problems = root === undefined ? [] : setMetadata(descriptor, root, specialBits)
    for (const detail of [...problems, ...sync(descriptor)]) addProblem(outcome, Buffer.alloc(0), detail)
  } finally {
    closeSync(descriptor)
  }
}

function sync(descriptor: number): string[] {
  try {
    fsyncSync(descriptor)
    return []
  } catch (error) {
    return [`its times may not have reached the disk: ${reasonOf(error)}`]
  }
}

/** Owner and mode of the root ahead of its time, so that an interruption can't leave a closed one; unless it would close it to us. */
function openRoot(root: string, entry: Metadata, specialBits: boolean): void {
  const descriptor = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    const { uid, gid, mode } = fstatSync(descriptor)
    setMetadata(descriptor, entry, specialBits)
    try {
      accessSync(root, constants.R_OK | constants.W_OK | constants.X_OK)
    } catch {
      fchownSync(descriptor, uid, gid)
      fchmodSync(descriptor, mode)
    }
  } finally {
    closeSync(descriptor)
  }
}

/** Returns what of the metadata could not be set. */
function finishDirectory(at: Buffer, metadata: Metadata, specialBits: boolean): string[] {
  const descriptor = openSync(at, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    return setMetadata(descriptor, metadata, specialBits)
  } finally {
    closeSync(descriptor)
  }
}

function ignoreExisting(make: () => void): void {
  try {
    make()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function translateError(error: unknown, target: string): unknown {
  if (error instanceof HoldfastError) return error
  const { code } = error as NodeJS.ErrnoException
  if (typeof code !== 'string') return error
  if (isOutOfRoom(error)) return diskFull(target, error)
  return new HoldfastError('target', `writing to ${target} failed: ${reasonOf(error)}`, {
    hint: 'repeat the command to go on where it stopped',
    cause: error,
  })
}
