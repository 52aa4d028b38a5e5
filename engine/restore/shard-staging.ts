// The staging folder of a restore in shards, inside a target that all of them share. Beside the state of the restore,
// it has two files for each shard: a lock, and a record of how far the shard is.
//
//   state.json     what is restored, in how many shards; written by the first shard
//   lock           held while a shard begins, and while the restore is finished: no shard begins then
//   shard-I.lock   held while shard I runs
//   shard-I.json   when shard I began, and its findings once it has ended
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import type { Clock } from '../../core/clock.ts'
import { HoldfastError } from '../../core/errors.ts'
import { listText } from '../../core/list-text.ts'
import { shardText } from '../../core/restore-plan/shards.ts'
import type { Shard } from '../../core/restore-plan/shards.ts'
import { tryLock } from '../file-lock.ts'
import {
  RestoreStaging,
  bootId,
  findSaved,
  findingsSchema,
  folderOf,
  freshState,
  isOurs,
  isOutOfRoom,
  lockFile,
  makeFolder,
  makeTarget,
  readState,
  shardStatePrefix,
  stateFile,
  unusable,
} from './restore-staging.ts'
import type { StagedFindings, StagedRequest } from './restore-staging.ts'

const recordSchema = z.strictObject({
  /** The boot on which the shard began first: files are trusted only there, until the shard has ended. */
  bootId: z.string(),
  /** Null until the shard has ended. */
  findings: findingsSchema.nullable(),
})

type ShardRecord = z.infer<typeof recordSchema>

/** Another shard begins within milliseconds; a slow network's file system may take longer. */
const maxBeginAttempts = 100
const beginAttemptMs = 100

export class ShardStaging {
  readonly target: string
  private readonly folder: string
  private readonly shard: Shard
  private record: ShardRecord
  /** An earlier run of the same shard left files here. */
  readonly isResumed: boolean
  /** True if what an earlier run finished is on the disk. */
  readonly isSameBoot: boolean
  private readonly lock: DatabaseSync | null

  private constructor(target: string, folder: string, shard: Shard, lock: DatabaseSync | null) {
    this.target = target
    this.folder = folder
    this.shard = shard
    this.lock = lock
    const saved = readRecord(folder, shard.index)
    this.isResumed = saved !== null
    this.record = saved ?? { bootId: bootId(), findings: null }
    // A shard flushes before it ends.
    this.isSameBoot = this.record.bootId === bootId() || this.record.findings !== null
    if (saved === null) this.save()
  }

  /**
   * @throws `target` if the target holds anything but shards of the same restore, in the same number; `conflict` if
   *   another process restores this shard, or finishes the restore.
   */
  static async open(
    named: string,
    request: StagedRequest,
    { shard, clock }: { shard: Shard; clock: Clock },
  ): Promise<ShardStaging> {
    const target = makeTarget(named)
    const folder = folderOf(target, request)
    const fresh = freshState(request)
    let entry: DatabaseSync | null = null
    let lock: DatabaseSync | null = null
    try {
      findSaved(target, folder, fresh)
      makeFolder(folder)
      entry = await holdEntry(folder, target, clock)
      // Read again, because another shard may have begun before this one had the lock.
      if (findSaved(target, folder, fresh) === null) {
        writeState(folder, JSON.stringify(fresh))
        // Where the file system keeps no locks, another shard may have been first.
        findSaved(target, folder, fresh)
      }
      if (readState(folder)?.phase === 'publishing') throw beingFinished(target)
      lock = lockOrNull(shardFile(folder, shard.index, 'lock'), () => isRunning(target, shard))
      mkdirSync(join(folder, 'tree'), { recursive: true, mode: 0o700 })
      return new ShardStaging(target, folder, shard, lock)
    } catch (error) {
      lock?.close()
      throw error instanceof HoldfastError ? error : unusable(target, error)
    } finally {
      entry?.close()
    }
  }

  get tree(): string {
    return join(this.folder, 'tree')
  }

  /** Call it when everything of the shard is on the disk. */
  end(findings: StagedFindings): void {
    this.record = { ...this.record, findings }
    this.save()
  }

  /** Lets another process restore the shard. */
  release(): void {
    this.lock?.close()
  }

  private save(): void {
    const file = shardFile(this.folder, this.shard.index, 'json')
    const written = `${file}.new-${uniqueName()}`
    writeFileSync(written, JSON.stringify(this.record), { flush: true, mode: 0o600 })
    renameSync(written, file)
  }
}

/**
 * The staging of a restore whose shards are to be published. Holds its lock: no shard can begin.
 * @throws `target` if no shard of this restore was begun there; `conflict` if another process is finishing it.
 */
export function openFinish(named: string, request: StagedRequest): RestoreStaging {
  let target: string
  try {
    target = realpathSync(named)
  } catch (error) {
    throw unusable(named, error)
  }
  const saved = readState(folderOf(target, request))
  if (saved?.shards === undefined || saved.shards.only !== null)
    throw new HoldfastError('target', `${target} holds no shard of a restore of ${request.snapshot}`, {
      hint: 'name the target, the snapshot and the paths of `restore --shard`; if each shard had a target of its own, each was to be restored with --shard and --finish',
    })
  return RestoreStaging.open(target, { ...request, shards: saved.shards })
}

/**
 * The findings of all shards.
 * @throws `conflict` if one is running; `incomplete` with the shards that have not ended.
 */
export function findingsOfShards({ target, folder, shardCount }: RestoreStaging): StagedFindings[] {
  const findings: StagedFindings[] = []
  const begun: string[] = []
  const absent: string[] = []
  for (let index = 1; index <= shardCount; index++) {
    const record = readRecord(folder, index)
    const shard = { index, count: shardCount }
    // Lock it for a moment: what is running may yet write.
    if (record !== null) lockOrNull(shardFile(folder, index, 'lock'), () => isRunning(target, shard))?.close()
    if (record === null) absent.push(String(index))
    else if (record.findings === null) begun.push(String(index))
    else findings.push(record.findings)
  }
  if (begun.length + absent.length === 0) return findings
  const parts = [
    ...(begun.length === 0 ? [] : [`${listText(begun, 20)} began and did not end`]),
    ...(absent.length === 0 ? [] : [`${listText(absent, 20)} never began in ${target}`]),
  ]
  throw new HoldfastError('incomplete', `of ${shardCount} shards, ${parts.join(', and ')}`, {
    hint: 'run these shards again, with the same target, then --finish; if they have ended elsewhere, the target is not shared: then each shard has a target of its own, and takes --shard and --finish',
    context: { shards: shardCount, begun, absent },
    retryable: true,
  })
}

/** The first state wins, and is never half there. */
function writeState(folder: string, text: string): void {
  const written = join(folder, `${shardStatePrefix}${uniqueName()}`)
  writeFileSync(written, text, { flush: true, mode: 0o600 })
  try {
    linkSync(written, stateFile(folder))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(written, { force: true })
  }
}

/** Two machines can have the same process id. */
function uniqueName(): string {
  return `${process.pid}-${bootId().slice(0, 8)}-${process.hrtime.bigint()}`
}

/** Waits for other shards that begin. @throws `conflict` if it takes too long. */
async function holdEntry(folder: string, target: string, clock: Clock): Promise<DatabaseSync | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      return lockOrNull(lockFile(folder), () => beingFinished(target))
    } catch (error) {
      if (!(error instanceof HoldfastError) || attempt === maxBeginAttempts) throw error
      await clock.sleep(beginAttemptMs)
    }
  }
}

/** Null where the file system keeps no locks: two runs of a shard write the same bytes. */
function lockOrNull(file: string, refusal: () => HoldfastError): DatabaseSync | null {
  let lock: DatabaseSync | null
  try {
    lock = tryLock(file)
  } catch (error) {
    if (isOutOfRoom(error)) throw error
    return null
  }
  if (lock === null) throw refusal()
  return lock
}

function isRunning(target: string, shard: Shard): HoldfastError {
  return new HoldfastError('conflict', `shard ${shardText(shard)} of the restore into ${target} is running`, {
    hint: 'wait for it to end, then repeat the command',
    retryable: true,
  })
}

function beingFinished(target: string): HoldfastError {
  return new HoldfastError('conflict', `another process begins or finishes a restore into ${target}`, {
    hint: 'if it finishes it, nothing is left to do for a shard; otherwise repeat the command',
    retryable: true,
  })
}

function shardFile(folder: string, index: number, ending: 'json' | 'lock'): string {
  return join(folder, `shard-${index}.${ending}`)
}

/** Null without a record of ours. */
function readRecord(folder: string, index: number): ShardRecord | null {
  const file = shardFile(folder, index, 'json')
  if (!existsSync(file) || !isOurs(file, 'file')) return null
  try {
    return recordSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return null
  }
}
