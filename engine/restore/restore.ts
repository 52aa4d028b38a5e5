// Restores a snapshot into a new directory. Overview:
//
//   plan    = read the index and the tree; locate the bytes of each file in the packs
//   staging = a folder inside the target; an interrupted restore of the same snapshot goes on in it
//   create the directories with mode 0700
//   for each range of a pack, several at once:                      RestoreTransfer
//     fetch it; a thread decodes it, compares each hash, and writes the extents of the files
//     corrupt chunks: fetch again, then note the file as damaged and remove it
//   create hard links and symbolic links, last, so that no file is written through a link
//   flush; rename the entries from the staging folder into the target
//   set owner, mode and times of the directories, the deepest first, and of the root last
//
// A lost or corrupt object damages the files with bytes in it. The result names them; the other files are restored.
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
  openSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { ChunkReader } from '../../core/restore-plan/chunk-reader.ts'
import type { PackContents } from '../../core/restore-plan/chunk-reader.ts'
import { countOf } from '../../core/count-text.ts'
import { incompleteMark } from '../../core/snapshot/incomplete-mark.ts'
import { problemsOf } from '../../core/snapshot/snapshot-problems.ts'
import { PathSelection } from '../../core/tree/path-selection.ts'
import { damagedEntries, planRestore, requestsOf } from '../../core/restore-plan/restore-plan.ts'
import type { EntryPlan } from '../../core/restore-plan/restore-plan.ts'
import { DirectoryHandles } from '../directory-handles.ts'
import { setLinkMetadata, setMetadata } from './entry-metadata.ts'
import type { Metadata } from './entry-metadata.ts'
import type { PreparedRestore, Problem, RestoreOptions, RestorePlan, RestoreResult } from '../operations.ts'
import { ignoreExisting, makeDirectories, makeTransfer, translateError } from './restore-content.ts'
import type { OnProgress, Prepared } from './restore-content.ts'
import { addProblem, findingsOf, outcomeOf } from './restore-outcome.ts'
import type { Outcome } from './restore-outcome.ts'
import { collectShards, requestOf, runShard } from './restore-shard.ts'
import { RestoreStaging } from './restore-staging.ts'
import { openFinish } from './shard-staging.ts'
import { reasonOf } from '../walk.ts'
import { flush } from './write-back.ts'

/**
 * Reads the index and the tree, and plans the restore; `run` carries it out.
 * @throws `not-found` for a path that the snapshot doesn't hold, or a pattern that nothing fits; `damaged` if the tree
 *   itself can't be read.
 */
export async function prepareRestore(options: RestoreOptions): Promise<PreparedRestore> {
  const reader = await ChunkReader.open(options.store, options.snapshot.manifest)
  const selection = new PathSelection(options.paths, options.patterns)
  const { part } = options
  const shard = part === undefined || part.kind === 'finish' ? undefined : part.shard
  const entries = await planRestore(reader, selection, { shard, namesOnly: part?.kind === 'finish' })
  // Keep only manifest and footers: the reader's index of chunks is large, and only the plan needs it.
  const packs = { manifest: reader.manifest, footers: reader.footers }
  const plan = describePlan(packs, entries, selection)
  return {
    plan,
    run: (onProgress) => {
      const prepared = { packs, plan: entries, summary: plan }
      return part?.kind === 'shard'
        ? runShard(options, part.shard, prepared, onProgress)
        : runRestore(options, prepared, onProgress)
    },
  }
}

/**
 * @throws `target` if the target is not new, empty, or left by an interrupted restore of the same; `disk-full`;
 * `incomplete` or `conflict` if it is the end of a restore in shards, and one of them has not ended.
 */
async function runRestore(
  options: RestoreOptions,
  prepared: Prepared,
  onProgress: OnProgress,
): Promise<RestoreResult> {
  const { plan, summary } = prepared
  const startedMs = options.clock.nowMs()
  const specialBits = options.specialBits ?? false
  const isFinish = options.part?.kind === 'finish'
  const staging = isFinish
    ? openFinish(options.target, requestOf(options))
    : RestoreStaging.open(options.target, requestOf(options))
  const wasWritten = staging.phase !== 'writing'
  const outcome: Outcome = { problems: [], problemCount: 0, damaged: [] }
  const { transfer, writeBack } = makeTransfer(options, prepared, staging, { outcome, onProgress })
  try {
    if (!wasWritten) {
      if (isFinish) collectShards(staging, plan, outcome)
      makeDirectories(staging.tree, plan)
      if (!isFinish) await transfer.run()
      await writeBack.finish()
      makeHardLinks(staging.tree, plan)
      makeSymlinks(staging.tree, plan, outcome)
      if (!summary.isComplete) markIncomplete(staging.tree, options.snapshot)
      await flush(staging.tree)
      outcome.damaged = damagedEntries(plan)
    } else if (staging.findings !== null) {
      Object.assign(outcome, outcomeOf(staging.findings))
    }
    staging.publish(findingsOf(outcome))
    finishDirectories(staging.target, plan, { specialBits, mayBeFinished: wasWritten }, outcome)
    // Flush before the last step, because the command can be repeated only before that.
    await flush(staging.target)
    finishRoot(staging, plan, specialBits, outcome)
  } catch (error) {
    throw translateError(error, options.target)
  } finally {
    staging.release()
  }
  const resumed = wasWritten || isFinish ? { count: summary.files, bytes: summary.bytes } : transfer.resumed
  return {
    plan: summary,
    filesResumed: resumed.count,
    bytesResumed: resumed.bytes,
    bytesWritten: transfer.bytesWritten,
    bytesFetched: transfer.bytesFetched,
    ...outcome,
    durationMs: options.clock.nowMs() - startedMs,
  }
}

function describePlan(contents: PackContents, plan: EntryPlan, selection: PathSelection): RestorePlan {
  const recorded = problemsOf(contents.manifest, selection)
  let bytesToFetch = 0
  let requests = 0
  for (const request of requestsOf(contents, plan)) {
    bytesToFetch += request.bytes
    requests++
  }
  const { directories, files, symlinks, specialFiles: special } = plan
  const specialPaths = new Set(special.map(({ path }) => path.toString('latin1')))
  return {
    entries: directories.length + files.length + symlinks.length + special.length,
    files: files.length,
    directories: directories.length,
    symlinks: symlinks.length,
    hardLinks: files.linkCount,
    bytes: plan.bytes,
    packs: plan.packs.size,
    bytesToFetch,
    requests,
    notRestorable: special.map(({ path, type }): Problem => ({
      path,
      kind: 'not-restorable',
      detail: `a ${type} is recorded, but not restored`,
    })),
    notRecorded: recorded.others.filter(({ path }) => !specialPaths.has(path.toString('latin1'))),
    missing: recorded.missing,
    isComplete: recorded.isComplete,
    unlistedProblems: recorded.unlistedCount,
    leftOut: contents.manifest.leftOut ?? [],
  }
}

/** Runs after all files are written, so that no file is written through a link. */
function makeHardLinks(root: string, { files }: EntryPlan): void {
  const handles = new DirectoryHandles(root)
  // Two sets of handles, because a path is valid only until the next call on the same set.
  const firstNames = new DirectoryHandles(root)
  try {
    for (const [file, first] of files.links()) {
      if (files.damageOf(file) !== null) continue
      const from = firstNames.at(files.pathOf(first))
      const at = handles.at(files.pathOf(file))
      replaceUnless(
        at,
        () => isSameFile(from, at),
        () => linkSync(from, at),
      )
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
      const linkTarget = linkTargets.at(link)
      replaceUnless(
        at,
        () => isLinkTo(at, linkTarget),
        () => symlinkSync(linkTarget, at),
      )
      const { uid, gid } = lstatSync(at)
      for (const detail of setLinkMetadata(at, symlinks.metadataOf(link), { uid, gid }))
        addProblem(outcome, path, detail)
    }
  } finally {
    handles.close()
  }
}

/**
 * The mark stays with the data, because their next reader has not seen the restore's report. It names no
 * entry: another user may read it.
 */
function markIncomplete(root: string, { id, source, manifest }: RestoreOptions['snapshot']): void {
  const text = `The snapshot ${id} of ${source} is incomplete: ${countOf(manifest.problemCount, 'problem')}. See holdfast snapshots --problems ${id}.\n`
  ignoreExisting(() => writeFileSync(join(root, incompleteMark), text, { flag: 'wx', mode: 0o600 }))
}

/** Begins with the deepest, because creating an entry in a directory changes the directory's time. */
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
        // We create directories with mode 0700, so EACCES means that an interrupted restore already set the
        // final mode. Without one, another process changed the mode.
        if (!options.mayBeFinished)
          addProblem(outcome, path, `its owner, mode and times could not be set: ${reasonOf(error)}`)
      }
    }
  } finally {
    handles.close()
  }
}

/**
 * The last step. The content is already on the disk: a crash here leaves a restore to repeat, or a root with
 * another time.
 */
function finishRoot(staging: RestoreStaging, plan: EntryPlan, specialBits: boolean, outcome: Outcome): void {
  // A plan always has the root, as its first directory.
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

/**
 * Sets owner and mode of the root before the state is removed, so that no interruption leaves an unfinished
 * root. Undoes it if we could not enter the root then.
 */
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

/** Returns a detail for each part of the metadata that could not be set. */
function finishDirectory(at: Buffer, metadata: Metadata, specialBits: boolean): string[] {
  const descriptor = openSync(at, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    return setMetadata(descriptor, metadata, specialBits)
  } finally {
    closeSync(descriptor)
  }
}

/** An interrupted restore may have made the entry, and a crash of the machine may have damaged it. */
function replaceUnless(at: Buffer, isRight: () => boolean, make: () => void): void {
  try {
    make()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (isRight()) return
    unlinkSync(at)
    make()
  }
}

function isSameFile(first: Buffer, second: Buffer): boolean {
  const [a, b] = [lstatSync(first, { bigint: true }), lstatSync(second, { bigint: true })]
  return a.dev === b.dev && a.ino === b.ino
}

function isLinkTo(at: Buffer, linkTarget: Buffer): boolean {
  return lstatSync(at).isSymbolicLink() && readlinkSync(at, { encoding: 'buffer' }).equals(linkTarget)
}
