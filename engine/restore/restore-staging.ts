// Where a restore grows until it is whole: a folder inside the target, so that nothing half-written can be taken for the
// real thing, and so that it works on a mount point. What was finished before an interruption is kept.
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
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'
import { reasonOf } from '../walk.ts'

const folderPrefix = '.holdfast-restore-'

const stateSchema = z.strictObject({
  snapshot: z.string(),
  manifestSha256: z.string(),
  paths: z.array(z.string()),
  specialBits: z.boolean(),
  /** Files that look finished are trusted while the system has not crashed: their bytes may not be on the disk before. */
  bootId: z.string(),
  phase: z.enum(['writing', 'publishing']),
  /** What the restore had to say when it began to publish: one that only publishes what is left says the same. */
  findings: z
    .strictObject({
      damaged: z.array(z.strictObject({ path: z.string(), detail: z.string() })),
      problems: z.array(z.strictObject({ path: z.string(), detail: z.string() })),
      problemCount: z.number(),
    })
    .nullable(),
})

type StagingState = z.infer<typeof stateSchema>
/** Paths as text (core/tree/path-text.ts). */
export type StagedFindings = NonNullable<StagingState['findings']>

export class RestoreStaging {
  readonly target: string
  private readonly folder: string
  private state: StagingState
  /** False once it was removed: what has its name then is not ours. */
  private hasFolder: boolean
  /** An earlier restore of the same snapshot left finished files here. */
  readonly isResumed: boolean

  private constructor(target: string, folder: string, state: StagingState, isResumed: boolean) {
    this.target = target
    this.folder = folder
    this.hasFolder = existsSync(folder)
    this.state = state
    this.isResumed = isResumed
  }

  /** The directory that stands for the root of the tree. */
  get tree(): string {
    return join(this.folder, 'tree')
  }

  get phase(): StagingState['phase'] {
    return this.state.phase
  }

  /** Null before anything was published. */
  get findings(): StagedFindings | null {
    return this.state.findings
  }

  /** @throws `target` if the target holds anything but an interrupted restore of the same snapshot and paths. */
  static open(named: string, request: Omit<StagingState, 'bootId' | 'phase' | 'findings'>): RestoreStaging {
    const target = makeTarget(named)
    const folder = join(target, folderPrefix + request.snapshot)
    const fresh: StagingState = { ...request, bootId: bootId(), phase: 'writing', findings: null }
    try {
      const names = readdirSync(target)
      const savedState = readState(folder)
      const isSame = savedState !== null && restoreOf(savedState) === restoreOf(fresh)
      const mayBegin = names.length === 0 || (names.length === 1 && (isSame || wasNeverBegun(folder)))
      if (!mayBegin && !(isSame && savedState.phase === 'publishing')) throw notEmpty(target, names)
      const isResumed = isSame && (savedState.bootId === fresh.bootId || savedState.phase === 'publishing')
      const staging = new RestoreStaging(target, folder, isResumed ? savedState : fresh, isResumed)
      if (!isResumed) staging.begin()
      else if (savedState.phase === 'writing') mkdirSync(staging.tree, { recursive: true, mode: 0o700 })
      return staging
    } catch (error) {
      throw error instanceof HoldfastError ? error : unusable(target, error)
    }
  }

  private begin(): void {
    // The state goes last: without it nobody could tell what is left of the tree from somebody else's.
    rmSync(this.tree, { recursive: true, force: true })
    rmSync(this.folder, { recursive: true, force: true })
    mkdirSync(this.folder, { mode: 0o700 })
    this.hasFolder = true
    mkdirSync(this.tree, { mode: 0o700 })
    this.save()
  }

  private save(): void {
    const file = stateFile(this.folder)
    writeFileSync(`${file}.new`, JSON.stringify(this.state), { flush: true })
    renameSync(`${file}.new`, file)
  }

  /** Moves the finished tree to where it belongs. Called again after an interruption, it moves what is left. */
  publish(findings: StagedFindings): void {
    if (this.state.phase === 'writing') {
      this.state = { ...this.state, phase: 'publishing', findings }
      this.save()
    }
    const names =
      this.hasFolder && existsSync(this.tree) ? readdirSync(this.tree, { encoding: 'buffer' }) : []
    for (const name of names) {
      const to = Buffer.concat([Buffer.from(`${this.target}/`), name])
      if (lstatSync(to, { throwIfNoEntry: false }) !== undefined)
        throw notEmpty(this.target, [name.toString('latin1')])
      renameSync(Buffer.concat([Buffer.from(`${this.tree}/`), name]), to)
    }
    syncDirectory(this.target)
  }

  /** @param finish is called when a single file of ours is left. Without that the target is whole, but for the root's time. */
  remove(finish: () => void): void {
    if (this.hasFolder) {
      if (existsSync(this.tree)) rmdirSync(this.tree)
      // The state outlives its folder: whenever this is interrupted, the next restore knows that it may go on.
      if (existsSync(stateFile(this.folder))) renameSync(stateFile(this.folder), lastStateFile(this.folder))
      rmSync(this.folder, { recursive: true })
    }
    finish()
    unlinkSync(lastStateFile(this.folder))
  }
}

/** The target's real path: a link that the user names is theirs to follow. */
function makeTarget(named: string): string {
  try {
    mkdirSync(named, { recursive: true, mode: 0o700 })
    return realpathSync(named)
  } catch (error) {
    throw unusable(named, error)
  }
}

function unusable(target: string, error: unknown): HoldfastError {
  if (isOutOfRoom(error)) return diskFull(target, error)
  return new HoldfastError('target', `${target} can't be used: ${reasonOf(error)}`, {
    hint: 'name a directory that you may create or write to',
    cause: error,
  })
}

function stateFile(folder: string): string {
  return join(folder, 'state.json')
}

function lastStateFile(folder: string): string {
  return `${folder}.json`
}

/** What tells one restore from another. */
function restoreOf({ snapshot, manifestSha256, paths, specialBits }: StagingState): string {
  return JSON.stringify({ snapshot, manifestSha256, paths, specialBits })
}

/** Null if nothing of ours is there: what others planted is never taken for files that are finished. */
function readState(folder: string): StagingState | null {
  const hasFolder = lstatSync(folder, { throwIfNoEntry: false }) !== undefined
  if (hasFolder && !isOurs(folder, 'directory')) return null
  const file = hasFolder && existsSync(stateFile(folder)) ? stateFile(folder) : lastStateFile(folder)
  try {
    return isOurs(file, 'file') ? stateSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : null
  } catch {
    return null
  }
}

function isOurs(path: string, type: 'directory' | 'file'): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined || stats.uid !== process.geteuid?.()) return false
  return type === 'directory'
    ? stats.isDirectory() && (stats.mode & 0o077) === 0
    : stats.isFile() && (stats.mode & 0o022) === 0
}

/** Interrupted, or out of room, before the first state was written. */
function wasNeverBegun(folder: string): boolean {
  if (!isOurs(folder, 'directory') || existsSync(stateFile(folder))) return false
  const tree = join(folder, 'tree')
  return (
    readdirSync(folder).every((name) => name === 'state.json.new' || name === 'tree') &&
    (!existsSync(tree) || readdirSync(tree).length === 0)
  )
}

function notEmpty(target: string, names: string[]): HoldfastError {
  const otherFolder = names.find((name) => name.startsWith(folderPrefix))
  return new HoldfastError(
    'target',
    `${target} is not empty${otherFolder === undefined ? '' : ': another restore was begun there'}`,
    {
      hint:
        otherFolder === undefined
          ? 'restore into a new or empty directory; nothing is ever overwritten'
          : `repeat the restore of snapshot ${JSON.stringify(otherFolder.slice(folderPrefix.length))} with the same paths to finish it, or remove ${JSON.stringify(join(target, otherFolder))}`,
    },
  )
}

/** For a failure of the file system. */
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

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // Unknown: no interrupted restore is trusted then.
    return `unknown-${process.pid}-${process.hrtime.bigint()}`
  }
}
