// Holds an incomplete restore: a folder inside the target. No reader can take half-written files for restored
// ones, and the target may be a mount point. The next restore goes on with the files that an interrupted one
// left. A lock in the folder keeps a second process out.
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'
import { tryLock } from '../file-lock.ts'
import { reasonOf } from '../walk.ts'

const folderPrefix = '.holdfast-restore-'

export const findingsSchema = z.strictObject({
  damaged: z.array(z.strictObject({ path: z.string(), detail: z.string() })),
  problems: z.array(z.strictObject({ path: z.string(), detail: z.string() })),
  problemCount: z.number(),
})

const stateSchema = z.strictObject({
  snapshot: z.string(),
  manifestSha256: z.string(),
  paths: z.array(z.string()),
  specialBits: z.boolean(),
  /** For a restore in shards: their number, and the only one that the target is for; null if all share the target. */
  shards: z.strictObject({ count: z.int().positive(), only: z.int().positive().nullable() }).optional(),
  /** A restore trusts finished files only of the same boot, because a crash may have lost their bytes. */
  bootId: z.string(),
  phase: z.enum(['writing', 'publishing']),
  /**
   * The findings at the start of publishing. A restore that only finishes the publishing reports them again.
   */
  findings: findingsSchema.nullable(),
})

type StagingState = z.infer<typeof stateSchema>
/** Only a restore with the same request may go on in a target. */
export type StagedRequest = Omit<StagingState, 'bootId' | 'phase' | 'findings'>
/** Paths as text (core/tree/path-text.ts). */
export type StagedFindings = NonNullable<StagingState['findings']>

export function folderOf(target: string, { snapshot }: StagedRequest): string {
  return join(target, folderPrefix + snapshot)
}

export function freshState(request: StagedRequest): StagingState {
  return { ...request, bootId: bootId(), phase: 'writing', findings: null }
}

export class RestoreStaging {
  readonly target: string
  readonly folder: string
  private state: StagingState
  /** An earlier restore of the same snapshot left files here. */
  readonly isResumed: boolean
  /**
   * False if the machine was started again since: a crash may have lost bytes of files that the earlier restore
   * finished, so that each of their extents must be proved.
   */
  readonly isSameBoot: boolean
  /** Null where the file system keeps no locks. */
  private readonly lock: DatabaseSync | null

  private constructor(
    target: string,
    folder: string,
    { state, isResumed, lock }: { state: StagingState; isResumed: boolean; lock: DatabaseSync | null },
  ) {
    this.target = target
    this.folder = folder
    this.state = state
    this.isResumed = isResumed
    this.isSameBoot = state.bootId === bootId()
    this.lock = lock
  }

  /** The directory that becomes the root of the tree. */
  get tree(): string {
    return join(this.folder, 'tree')
  }

  get shardCount(): number {
    return this.state.shards?.count ?? 0
  }

  get phase(): StagingState['phase'] {
    return this.state.phase
  }

  /** Null before the restore begins to publish. */
  get findings(): StagedFindings | null {
    return this.state.findings
  }

  /**
   * @throws `target` if the target holds anything but an interrupted restore of the same snapshot and paths;
   *   `conflict` if another process restores into it.
   */
  static open(named: string, request: StagedRequest): RestoreStaging {
    const target = makeTarget(named)
    const folder = folderOf(target, request)
    const fresh = freshState(request)
    let isNew = false
    let lock: DatabaseSync | null = null
    try {
      findSaved(target, folder, fresh)
      isNew = makeFolder(folder)
      lock = holdLock(folder, target)
      // Read again, because another restore may have begun, or ended, before this one had the lock.
      const savedState = findSaved(target, folder, fresh)
      const staging = new RestoreStaging(target, folder, {
        state: savedState ?? fresh,
        isResumed: savedState !== null,
        lock,
      })
      if (savedState === null) staging.begin()
      else if (savedState.phase === 'writing') mkdirSync(staging.tree, { recursive: true, mode: 0o700 })
      return staging
    } catch (error) {
      lock?.close()
      if (isNew && lock !== null) rmSync(folder, { recursive: true, force: true })
      throw error instanceof HoldfastError ? error : unusable(target, error)
    }
  }

  /** Lets another process restore into the target. */
  release(): void {
    this.lock?.close()
  }

  private begin(): void {
    rmSync(this.tree, { recursive: true, force: true })
    mkdirSync(this.tree, { mode: 0o700 })
    this.save()
  }

  private save(): void {
    const file = stateFile(this.folder)
    writeFileSync(`${file}.new`, JSON.stringify(this.state), { flush: true })
    renameSync(`${file}.new`, file)
  }

  /**
   * Moves the finished entries into the target. After an interruption, another call moves the remaining ones.
   */
  publish(findings: StagedFindings): void {
    if (this.state.phase === 'writing') {
      this.state = { ...this.state, phase: 'publishing', findings }
      this.save()
    }
    const names = existsSync(this.tree) ? readdirSync(this.tree, { encoding: 'buffer' }) : []
    for (const name of names) {
      const to = Buffer.concat([Buffer.from(`${this.target}/`), name])
      // A snapshot of a whole file system has this directory too, and takes the place of the empty one.
      const mayExist = isOfFileSystem(this.target, name.toString('latin1'))
      if (!mayExist && lstatSync(to, { throwIfNoEntry: false }) !== undefined)
        throw notEmpty(this.target, [name.toString('latin1')])
      renameSync(Buffer.concat([Buffer.from(`${this.tree}/`), name]), to)
    }
    syncDirectory(this.target)
  }

  /**
   * @param finish runs when only one file of ours remains. At that point the target lacks only the root's
   * metadata.
   */
  remove(finish: () => void): void {
    if (existsSync(this.tree)) rmdirSync(this.tree)
    // Move the state out of the folder first, so that the next restore can continue after an interruption
    // at any step.
    if (existsSync(stateFile(this.folder))) renameSync(stateFile(this.folder), lastStateFile(this.folder))
    rmSync(this.folder, { recursive: true })
    finish()
    unlinkSync(lastStateFile(this.folder))
  }
}

/** The real path of the target. Following a link is safe here, because the user named it. */
export function makeTarget(named: string): string {
  try {
    mkdirSync(named, { recursive: true, mode: 0o700 })
    return realpathSync(named)
  } catch (error) {
    throw unusable(named, error)
  }
}

export function unusable(target: string, error: unknown): HoldfastError {
  if (isOutOfRoom(error)) return diskFull(target, error)
  return new HoldfastError('target', `${target} can't be used: ${reasonOf(error)}`, {
    hint: 'name a directory that you may create or write to',
    cause: error,
  })
}

export function stateFile(folder: string): string {
  return join(folder, 'state.json')
}

function lastStateFile(folder: string): string {
  return `${folder}.json`
}

/** The state of an interrupted restore of the same; null if a new one may begin. @throws `target` otherwise. */
export function findSaved(target: string, folder: string, fresh: StagingState): StagingState | null {
  const names = readdirSync(target).filter((name) => !isOfFileSystem(target, name))
  const savedState = readState(folder)
  const isSame = savedState !== null && restoreOf(savedState) === restoreOf(fresh)
  const mayBegin = names.length === 0 || (names.length === 1 && (isSame || wasNeverBegun(folder)))
  if (!mayBegin && !(isSame && savedState.phase === 'publishing'))
    throw notEmpty(target, names, { saved: savedState, fresh })
  return isSame ? savedState : null
}

/** Returns whether it is new. */
export function makeFolder(folder: string): boolean {
  if (existsSync(folder)) return false
  mkdirSync(folder, { mode: 0o700 })
  return true
}

/**
 * In the folder, which no other user can enter. Null where the file system keeps no locks: the restore goes on without.
 */
function holdLock(folder: string, target: string): DatabaseSync | null {
  let lock: DatabaseSync | null
  try {
    lock = tryLock(lockFile(folder))
  } catch (error) {
    if (isOutOfRoom(error)) throw error
    return null
  }
  if (lock !== null) return lock
  throw new HoldfastError('conflict', `another restore into ${target} is running`, {
    hint: 'wait for it to end, or restore into another directory',
    retryable: true,
  })
}

export function lockFile(folder: string): string {
  return join(folder, 'lock')
}

/** Identifies a restore: only one with the same text may continue it. */
function restoreOf({ snapshot, manifestSha256, paths, specialBits, shards }: StagedRequest): string {
  return JSON.stringify({ snapshot, manifestSha256, paths, specialBits, ...shards })
}

/** Null without a state of ours, because a restore must not trust files that another user planted. */
export function readState(folder: string): StagingState | null {
  const hasFolder = lstatSync(folder, { throwIfNoEntry: false }) !== undefined
  if (hasFolder && !isOurs(folder, 'directory')) return null
  const file = hasFolder && existsSync(stateFile(folder)) ? stateFile(folder) : lastStateFile(folder)
  try {
    return isOurs(file, 'file') ? stateSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : null
  } catch {
    return null
  }
}

export function isOurs(path: string, type: 'directory' | 'file'): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined || stats.uid !== process.geteuid?.()) return false
  return type === 'directory'
    ? stats.isDirectory() && (stats.mode & 0o077) === 0
    : stats.isFile() && (stats.mode & 0o022) === 0
}

/** SQLite has a journal beside a lock that is held. */
const namesBeforeState: ReadonlySet<string> = new Set(['state.json.new', 'tree', 'lock', 'lock-journal'])

/** The name of a state that a shard writes, before it is the state of all. */
export const shardStatePrefix = 'state.json.new-'

/** An earlier restore stopped before it wrote its first state. */
function wasNeverBegun(folder: string): boolean {
  if (!isOurs(folder, 'directory') || existsSync(stateFile(folder))) return false
  const tree = join(folder, 'tree')
  return (
    readdirSync(folder).every((name) => namesBeforeState.has(name) || name.startsWith(shardStatePrefix)) &&
    (!existsSync(tree) || readdirSync(tree).length === 0)
  )
}

/** A new ext file system has an empty directory `lost+found`. */
function isOfFileSystem(target: string, name: string): boolean {
  if (name !== 'lost+found') return false
  const path = join(target, name)
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return false
  try {
    return readdirSync(path).length === 0
  } catch (error) {
    // Only root may look into it, and only root's tools put anything there.
    return (error as NodeJS.ErrnoException).code === 'EACCES'
  }
}

function notEmpty(
  target: string,
  names: string[],
  { saved, fresh }: { saved?: StagingState | null; fresh?: StagedRequest } = {},
): HoldfastError {
  const otherFolder = names.find((name) => name.startsWith(folderPrefix))
  if (otherFolder === undefined) {
    const late =
      fresh?.shards === undefined
        ? ''
        : '; if `restore --finish` has published the shards, nothing is left to do'
    return new HoldfastError('target', `${target} is not empty`, {
      hint: `restore into a new or empty directory; nothing is ever overwritten${late}`,
    })
  }
  const [before, now] = [saved?.shards, fresh?.shards].map(cutText)
  const cut = !saved || before === now ? '' : `, ${before}, and this one is ${now}`
  return new HoldfastError('target', `${target} is not empty: another restore was begun there${cut}`, {
    hint: `repeat the restore of snapshot ${JSON.stringify(otherFolder.slice(folderPrefix.length))} with the same paths to finish it, or remove ${JSON.stringify(join(target, otherFolder))}`,
  })
}

function cutText(shards: StagingState['shards']): string {
  if (shards === undefined) return 'not in shards'
  return shards.only === null ? `in ${shards.count} shards` : `shard ${shards.only}/${shards.count} alone`
}

/** True for the file system's codes of a full disk or quota. */
export function isOutOfRoom(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT'
}

export function diskFull(target: string, error: unknown): HoldfastError {
  return new HoldfastError('disk-full', `there is no room left in ${target}`, {
    hint: 'make room and repeat the command: it goes on where it stopped',
    retryable: true,
    cause: error,
  })
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // A unique id, so that no later restore trusts the files of this one.
    return `unknown-${process.pid}-${process.hrtime.bigint()}`
  }
}
