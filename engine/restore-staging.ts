// Where a restore grows until it is whole: a folder inside the target, so that nothing half-written can be taken for the
// real thing, and so that it works on a mount point. What was finished before an interruption is kept.
import {
  closeSync, constants, existsSync, fsyncSync, lstatSync, mkdirSync, openSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, rmdirSync, writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import { reasonOf } from './walk.ts'

const folderPrefix = '.holdfast-restore-'

const stateSchema = z.strictObject({
  snapshot: z.string(),
  manifestSha256: z.string(),
  paths: z.array(z.string()),
  specialBits: z.boolean(),
  /** Files that look finished are trusted while the system has not crashed: their bytes may not be on the disk before. */
  bootId: z.string(),
  phase: z.enum(['writing', 'publishing']),
})

export type StagingState = z.infer<typeof stateSchema>

export class RestoreStaging {
  readonly target: string
  private folder: string
  private state: StagingState
  /** An earlier restore of the same snapshot left finished files here. */
  readonly isResumed: boolean

  private constructor(target: string, folder: string, state: StagingState, isResumed: boolean) {
    this.target = target
    this.folder = folder
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

  /** @throws `target` if the target holds anything but an interrupted restore of the same snapshot and paths. */
  static open(named: string, wanted: Omit<StagingState, 'bootId' | 'phase'>): RestoreStaging {
    const target = makeTarget(named)
    const folder = join(target, folderPrefix + wanted.snapshot)
    const fresh: StagingState = { ...wanted, bootId: bootId(), phase: 'writing' }
    try {
      const names = readdirSync(target)
      const found = names.includes(folderPrefix + wanted.snapshot) ? readState(folder) : null
      const isSame = found !== null && JSON.stringify({ ...found, bootId: '', phase: '' }) === JSON.stringify({ ...fresh, bootId: '', phase: '' })
      if (names.length > 0 && !(isSame && (names.length === 1 || found.phase === 'publishing'))) throw notEmpty(target, names)
      const isResumed = isSame && (found.bootId === fresh.bootId || found.phase === 'publishing')
      const staging = new RestoreStaging(target, folder, isResumed ? found : fresh, isResumed)
      if (!isResumed) staging.begin()
      return staging
    } catch (error) {
      throw error instanceof HoldfastError ? error : unusable(target, error)
    }
  }

  private begin(): void {
    rmSync(this.folder, { recursive: true, force: true })
    mkdirSync(this.folder, { mode: 0o700 })
    this.save()
    mkdirSync(this.tree, { mode: 0o700 })
  }

  private save(): void {
    const file = join(this.folder, 'state.json')
    writeFileSync(`${file}.new`, JSON.stringify(this.state), { flush: true })
    renameSync(`${file}.new`, file)
  }

  /** Moves the finished tree to where it belongs. Called again after an interruption, it moves what is left. */
  publish(): void {
    if (this.state.phase === 'writing') {
      this.state = { ...this.state, phase: 'publishing' }
      this.save()
    }
    const names = existsSync(this.tree) ? readdirSync(this.tree, { encoding: 'buffer' }) : []
    for (const name of names) {
      const to = Buffer.concat([Buffer.from(`${this.target}/`), name])
      if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) throw notEmpty(this.target, [name.toString('latin1')])
      renameSync(Buffer.concat([Buffer.from(`${this.tree}/`), name]), to)
    }
    syncDirectory(this.target)
  }

  /** From now on the target is whole, but for the root's own owner, mode and times. */
  remove(): void {
    if (existsSync(this.tree)) rmdirSync(this.tree)
    rmSync(this.folder, { recursive: true })
    syncDirectory(this.target)
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
  return new HoldfastError('target', `${target} can't be used: ${reasonOf(error)}`, { hint: 'name a directory that you may create or write to', cause: error })
}

function readState(folder: string): StagingState | null {
  try {
    return stateSchema.parse(JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')))
  } catch {
    return null
  }
}

function notEmpty(target: string, names: string[]): HoldfastError {
  const other = names.find((name) => name.startsWith(folderPrefix))
  return new HoldfastError('target', `${target} is not empty${other === undefined ? '' : ': another restore was begun there'}`, {
    hint: other === undefined
      ? 'restore into a new or empty directory; nothing is ever overwritten'
      : `repeat the restore of snapshot ${JSON.stringify(other.slice(folderPrefix.length))} with the same paths to finish it, or remove ${JSON.stringify(join(target, other))}`,
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
