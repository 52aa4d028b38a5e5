// Backs up a directory tree. Overview:
//
//   lock       = the bucket's default retention; refuse a bucket that doesn't guarantee the retention
//   dedupIndex = chunks of earlier packs whose lock still covers the guaranteed retention (from the local cache)
//   for each entry of the walk, which a thread does ahead of a large source:             BackupPass, SourceWalk
//     unchanged file (same stat identity, all chunks in dedupIndex): use the cached chunk list
//     other file: read, cut into chunks, pack and upload the new ones
//     add the entry to the tree, whose nodes are chunks too
//   upload the index: the footers of all packs, in a few chunks                         index-upload.ts
//   check the lock and the age of all packs again; a pack that is too old: next pass
//   upload the manifest: the commit
//
// Until the store acknowledges the manifest, the vault has no new snapshot. Afterwards the snapshot can be
// restored from the manifest and the packs that it names. The cache can be lost at any time; that costs one
// full upload.
import { statSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { sha256Hex } from '../../core/digest.ts'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { maxLeftOutRules, maxManifestProblems, maxRetentionDays, maxSuperseded } from '../../core/limits.ts'
import { maxBackupPasses, maxWalks } from '../../core/retry.ts'
import { encodeManifest } from '../../core/snapshot/manifest.ts'
import type { Manifest } from '../../core/snapshot/manifest.ts'
import {
  acceptLock,
  currentGeneration,
  dayMs,
  lockedUntilMs,
  mayReuse,
  renewedMs,
  sameLock,
} from '../../core/snapshot/retention.ts'
import type { Generation, Lock } from '../../core/snapshot/retention.ts'
import { putUnderNewKey } from '../../core/store/upload.ts'
import { assertSourceName, manifestKey } from '../../core/store/vault-keys.ts'
import { pathText } from '../../core/tree/path-text.ts'
import type { BackupOptions, BackupResult, Problem } from '../operations.ts'
import { Selection } from '../selection.ts'
import { BackupCache } from './backup-cache.ts'
import type { CachedPack, LastSnapshot } from './backup-cache.ts'
import { BackupPass } from './backup-pass.ts'
import type { PassResult } from './backup-pass.ts'
import { CacheDamaged, cacheUnusable } from './cache-database.ts'
import { writeNewFile } from './cache-directory.ts'
import { awaitNewSecond, readCommitTime } from './commit-time.ts'
import { DeviceClocks } from './device-clocks.ts'
import type { CacheClock } from './device-clocks.ts'
import { DedupIndex } from './dedup-index.ts'
import type { ReusablePack } from './dedup-index.ts'
import { FileCache } from './file-cache.ts'
import { uploadIndex } from './index-upload.ts'
import type { WrittenIndex } from './index-upload.ts'
import { findWriterBreaks } from './other-writers.ts'
import { PackUploader } from './pack-uploader.ts'
import { PostgresCluster, assertCluster } from './postgres-cluster.ts'
import type { ClusterReading } from './postgres-cluster.ts'
import { RunningCluster } from './running-cluster.ts'
import { assertSameRoot, readSourceRoot } from './source-root.ts'
import type { RootIdentity } from './source-root.ts'
import { StreamedPass } from './streamed-pass.ts'
import { confirmVault, createIdentity } from './vault-identity.ts'

/** A thread to walk a smaller source costs more than it gains: about 50 ms, and the cores share its work anyway. */
const minEntriesToWalkAhead = 50_000

/**
 * @throws `vault-unsafe` for a bucket that doesn't guarantee the retention.
 * `conflict` if this host already backs up the same source, or a server runs in the cluster's directory.
 * `invalid-input` for another root than at the last snapshot. Also the errors of the store.
 * An unreadable file is a problem in the result, not an error.
 */
export async function backup(options: BackupOptions): Promise<BackupResult> {
  const startedMs = options.clock.nowMs()
  assertSourceName(options.source)
  const { promiseDays } = options
  if (!Number.isInteger(promiseDays) || promiseDays < 1 || promiseDays > maxRetentionDays) {
    throw new HoldfastError(
      'invalid-input',
      `a guaranteed retention of ${promiseDays} days is not possible`,
      {
        hint: 'pass whole days from 1 to 36500 to --promise-days',
      },
    )
  }
  assertServer(options)
  const selection = selectionOf(options)
  const lockDefault = await options.store.lockDefault()
  const lock = acceptLock(options.store.name, lockDefault, promiseDays, options.allowUnlocked ?? false)
  let cache = BackupCache.open(options.cacheDirectory, options.store.name, options.source)
  try {
    let nowMs = lockDefault.serverTimeMs
    const shortSnapshots: BackupResult['shortSnapshots'] = []
    const forgotten = new Set<string>()
    for (let pass = 1; ; pass++) {
      try {
        const isLastWalk = pass >= maxWalks
        const outcome = await runPass({
          options,
          lock,
          startedMs,
          cache,
          nowMs,
          isLastWalk,
          shortSnapshots,
          forgotten,
          selection,
        })
        if ('result' in outcome) return outcome.result
        nowMs = outcome.repeatAtMs
      } catch (error) {
        if (!(error instanceof CacheDamaged)) throw error
        cache.discard()
        cache = BackupCache.reset(options.cacheDirectory, options.store.name, options.source, error)
      }
      if (pass === maxBackupPasses) throw notSettled(shortSnapshots)
    }
  } finally {
    cache.close()
  }
}

function assertServer({ kind, server, atRest, directory, streamed }: BackupOptions): void {
  if (server !== undefined && streamed !== undefined)
    throw new HoldfastError('internal', 'a base backup comes from the files or from the stream')
  if (server === undefined) return
  if (kind !== 'postgres' || atRest !== undefined)
    throw new HoldfastError('internal', 'a base backup is of a running PostgreSQL cluster')
  assertCluster(directory)
}

function selectionOf({ kind, exclude, server }: BackupOptions): Selection {
  const selection = new Selection({ ...exclude, runningCluster: server !== undefined })
  if (kind === 'volume' || selection.ruleNames.length === 0) return selection
  throw new HoldfastError(
    'invalid-input',
    'a PostgreSQL cluster is backed up whole, and rules leave out parts of it',
    {
      hint: `leave out ${selection.ruleNames.slice(0, 3).join(', ')}`,
    },
  )
}

function notSettled(shortSnapshots: BackupResult['shortSnapshots']): HoldfastError {
  if (shortSnapshots.length === 0)
    return new HoldfastError('internal', `the backup did not settle after ${maxBackupPasses} passes`)
  const ids = shortSnapshots.filter(({ timeMs }) => timeMs !== null).map(({ id }) => id)
  return new HoldfastError(
    'vault-unsafe',
    `each commit of this backup took so long that its locks end before the guaranteed retention: ${ids.join(', ')}`,
    {
      hint: 'these snapshots can be restored until their locks end; back up again on a host that is not suspended meanwhile',
      context: { snapshots: ids },
    },
  )
}

/** The inputs of one pass. */
interface PassInput {
  options: BackupOptions
  lock: Lock | null
  startedMs: number
  cache: BackupCache
  /** The server's time at the start of the pass. */
  nowMs: number
  /** The result names the short snapshots of all passes. */
  shortSnapshots: BackupResult['shortSnapshots']
  /** Packs of `uploadAgain` and `feedback` that the cache had in any pass. */
  forgotten: Set<string>
  /** True: entries that moved during the walk are a problem. False: another pass finds them. */
  isLastWalk: boolean
  selection: Selection
}

/** A pass with its content uploaded: all that a commit needs besides the index. */
interface UploadedContent {
  last: LastSnapshot | null
  /** Null if the root can't be read; the walk then reports why. */
  root: RootIdentity | null
  clocks: DeviceClocks
  generation: Generation
  dedupIndex: DedupIndex
  uploader: PackUploader
  passResult: PassResult
  /** Packs of earlier runs with data or tree nodes of the snapshot. */
  reused: ReusablePack[]
}

async function runPass(input: PassInput): Promise<{ result: BackupResult } | { repeatAtMs: number }> {
  const { options, lock, cache } = input
  const content = await uploadContent(input)
  const { last, root, generation, dedupIndex, uploader, reused, passResult } = content
  // All content that this pass has read is in the cache: the next one is hardly more than a walk.
  if (passResult.hasMoved && !input.isLastWalk) return { repeatAtMs: input.nowMs }
  const summary = summarize(input, content)
  if (options.dryRun === true) return { result: dryRunResult(summary, cache.resetNote) }
  const index = await uploadIndex({
    source: options.source,
    content: [...reused, ...uploader.uploaded],
    old: last?.index ?? [],
    reusable: dedupIndex.packs,
    cache,
    uploader,
  })
  // The server's time decides before the commit: a snapshot must not name a pack whose lock ends too early.
  const before = await options.store.lockDefault()
  if (!sameLock(before.retention, lock)) throw lockChanged(options.store.name)
  const { breaks, isLastListed } = await findWriterBreaks(options, cache, clientOf(options))
  const vaultNote = await confirmVault(options, cache, isLastListed)
  const neededPacks = [
    ...reused,
    ...index.reused,
    ...uploader.uploaded.map(({ uploadedMs }) => ({ uploadedMs, lock })),
  ]
  if (neededPacks.some((pack) => isTooOld(pack, input, before.serverTimeMs)))
    return { repeatAtMs: before.serverTimeMs }
  await awaitNewSecond(options, last, before.serverTimeMs)
  const { snapshot, replyTimeMs, unanswered } = await commit(input, content, index)
  const { id, versionId, sha256, timeMs } = snapshot
  const committed = {
    id,
    versionId,
    sha256,
    timeMs,
    client: clientOf(options),
    generation,
    newestChanges: content.clocks.newestChanges,
    ...(root === null
      ? {}
      : {
          root: { ...root, entries: passResult.entries, mounts: passResult.leftOut.mounts.map(pathText) },
        }),
    index: index.cachedIndex,
  }
  const cacheNote = cacheSnapshot(input, committed, index)
  // The host can sleep between the check and the commit, so the time of the commit itself decides again.
  const lockedUntil = minLockedUntilMs(neededPacks, input, replyTimeMs)
  if (lockedUntil !== null) {
    // The host may have slept at an earlier attempt, and the vault may hold it, with the same locks.
    const short = [...unanswered.map((attempt) => ({ id: attempt, timeMs: null })), { id, timeMs }]
    input.shortSnapshots.push(...short.map((ref) => ({ ...ref, lockedUntilMs: lockedUntil })))
    return { repeatAtMs: replyTimeMs }
  }
  return {
    result: {
      ...summary,
      shortSnapshots: input.shortSnapshots,
      breaks,
      snapshot,
      cacheNote,
      vaultNote,
      durationMs: options.clock.nowMs() - input.startedMs,
      bytesUploaded: uploader.bytesUploaded,
      packsUploaded: uploader.uploaded.length,
      packsReferenced: index.packs.length,
    },
  }
}

function dryRunResult(summary: ReturnType<typeof summarize>, cacheNote: string | null): BackupResult {
  return { ...summary, snapshot: null, breaks: [], shortSnapshots: [], cacheNote, vaultNote: null }
}

/** Uploads the data and the tree; on a dry run, only computes them. */
async function uploadContent({
  options,
  lock,
  cache,
  nowMs,
  forgotten,
  selection,
}: PassInput): Promise<UploadedContent> {
  const { source, promiseDays } = options
  const dryRun = options.dryRun ?? false
  const { streamed } = options
  const cluster = options.kind === 'postgres' && streamed === undefined ? clusterOf(options) : null
  const last = cache.lastSnapshot()
  // Before the first pack: all that the cache names is then in the vault of this identity.
  if (cache.identity() === null && !dryRun) await createIdentity(options, cache)
  const root = streamed === undefined ? readSourceRoot(options.directory) : null
  assertSameRoot(options, root, last?.root)
  const generation = currentGeneration(last?.generation ?? null, lock, promiseDays, nowMs)
  const dedupIndex = new DedupIndex()
  const lost = new Set([...(options.uploadAgain ?? []), ...(options.feedback ?? [])])
  const unusable: string[] = []
  let bytesBefore = 0
  for (const pack of renewedPacks(options, cache, last)) {
    bytesBefore += pack.bytes
    if (lost.has(pack.sha256) || lost.has(pack.key)) forgotten.add(pack.sha256)
    else if (mayReuse(pack, lock, promiseDays, nowMs)) {
      addPack(dedupIndex, pack, source)
      continue
    }
    unusable.push(pack.sha256)
  }
  if (!dryRun) cache.dropPacks(unusable)
  const uploader = new PackUploader(options, { source, generation }, dryRun ? null : cache)
  const clocks = new DeviceClocks(readCacheClock(options.cacheDirectory), last?.newestChanges ?? {})
  const shared = {
    source,
    dedupIndex,
    uploader,
    bytesBefore,
    signal: options.signal,
    onProgress: options.onProgress,
  }
  const uploaded = { last, root, clocks, generation, dedupIndex, uploader }
  if (streamed !== undefined) {
    const passResult = await new StreamedPass({ ...shared, streamed }).run()
    return { ...uploaded, passResult, reused: dedupIndex.usedPacks() }
  }
  const pass = new BackupPass({
    ...shared,
    directory: options.directory,
    fileCache: new FileCache(cache.files(), dryRun ? null : cache),
    rereadShare: options.rereadShare,
    selection,
    clocks,
    nowNs: () => readCacheClock(options.cacheDirectory).startedNs,
    cluster,
    workers: options.workers ?? Math.min(8, availableParallelism()),
    walksAhead: (last?.root?.entries ?? 0) >= minEntriesToWalkAhead,
  })
  const passResult = await pass.run()
  return { ...uploaded, passResult, reused: dedupIndex.usedPacks() }
}

function clusterOf({ directory, atRest, server }: BackupOptions): ClusterReading {
  return server === undefined ? new PostgresCluster(directory, atRest) : new RunningCluster(directory, server)
}

/** The cached packs, each with the begin of its lock as this writer may rely on it. */
function* renewedPacks(
  { renewal, promiseDays }: BackupOptions,
  cache: BackupCache,
  last: LastSnapshot | null,
): Generator<CachedPack> {
  const namedPacks = renewal === 'extend' && last !== null ? cache.namedPacks() : new Set()
  for (const pack of cache.packs())
    yield namedPacks.has(pack.sha256)
      ? { ...pack, uploadedMs: renewedMs(pack, last!.timeMs, promiseDays) }
      : pack
}

function clientOf({ directory, origin, streamed }: BackupOptions): LastSnapshot['client'] {
  return { host: hostname().slice(0, 1024), root: (streamed?.origin ?? origin ?? directory).slice(0, 8192) }
}

function addPack(dedupIndex: DedupIndex, pack: CachedPack, source: string): void {
  try {
    dedupIndex.add(pack, source)
  } catch (error) {
    throw new CacheDamaged(`a pack has no footer of ${source}`, { cause: error })
  }
}

function lockChanged(storeName: string): HoldfastError {
  return new HoldfastError('conflict', `the default retention of ${storeName} changed while the backup ran`, {
    hint: 'run the backup again: it begins a new generation under the current lock',
    retryable: true,
  })
}

/**
 * A failure of the cache doesn't undo the commit: the next backup finds the snapshot among the attempts,
 * and succeeds it.
 */
function cacheSnapshot(
  { cache, options }: PassInput,
  snapshot: LastSnapshot,
  { packs }: WrittenIndex,
): string | null {
  const namedPacks = options.renewal === 'extend' ? packs.map((pack) => pack.sha256) : []
  try {
    cache.putLastSnapshot(snapshot, namedPacks)
    return cache.resetNote
  } catch (error) {
    if (!(error instanceof CacheDamaged) && !isHoldfastError(error)) throw error
    return `the snapshot was made, but not recorded in the local cache: ${error.message}`
  }
}

/**
 * Also checks packs of this run, which may have taken long. A bucket that locks for less than guaranteed
 * has no such limit.
 */
function isTooOld(
  pack: Pick<CachedPack, 'uploadedMs' | 'lock'>,
  { lock, options: { promiseDays } }: PassInput,
  nowMs: number,
): boolean {
  if (lock !== null && lock.days <= promiseDays) return false
  return !mayReuse(pack, lock, promiseDays, nowMs)
}

/** When the first lock ends, if it ends before the guaranteed retention of a snapshot of `timeMs`; else null. */
function minLockedUntilMs(
  packs: readonly Pick<CachedPack, 'uploadedMs' | 'lock'>[],
  { lock, options: { promiseDays } }: PassInput,
  timeMs: number,
): number | null {
  if (lock === null || lock.days <= promiseDays) return null
  const untilMs = Math.min(...packs.map((pack) => lockedUntilMs(pack.uploadedMs, pack.lock) ?? 0))
  return untilMs < timeMs + promiseDays * dayMs ? untilMs : null
}

/** `unanswered` are the ids of the earlier attempts: each may be in the vault. */
async function commit(
  input: PassInput,
  content: UploadedContent,
  index: WrittenIndex,
): Promise<{ snapshot: NonNullable<BackupResult['snapshot']>; replyTimeMs: number; unanswered: string[] }> {
  const { options, cache } = input
  const { clock, random, source } = options
  const ids: string[] = []
  const put = await putUnderNewKey(options, () => {
    // An earlier attempt without a reply may be in the vault. Its successor names it, so that it is no fork.
    const supersedes = cache.attempts().slice(-maxSuperseded)
    const id = ulid(clock.nowMs(), random)
    cache.putAttempt(id)
    ids.push(id)
    const body = encodeManifest({ ...describeSnapshot(input, content, index), id, supersedes })
    return { key: manifestKey(source, id), body, sha256: sha256Hex(body) }
  })
  const { key, versionId, sha256, serverTimeMs: replyTimeMs } = put
  const timeMs = await readCommitTime(options.store, cache, put, replyTimeMs)
  const snapshot = { id: ids.at(-1)!, key, versionId, sha256, timeMs }
  return { snapshot, replyTimeMs, unanswered: ids.slice(0, -1) }
}

/** The manifest, except for what differs between attempts. */
function describeSnapshot(
  { options, lock, startedMs, cache }: PassInput,
  { last, generation, passResult }: UploadedContent,
  index: WrittenIndex,
): Omit<Manifest, 'id' | 'supersedes'> {
  return {
    kind: 'manifest',
    source: options.source,
    sourceKind: options.kind,
    parent: last === null ? null : { id: last.id, sha256: last.sha256 },
    vault: cache.identity()!.id,
    generation: generation.name,
    retention: { promiseDays: options.promiseDays, lock },
    complete: !passResult.incomplete,
    tree: {
      root: passResult.treeRoot.toString('hex'),
      entries: passResult.entries,
      files: passResult.files,
      bytes: passResult.bytes,
    },
    packs: index.packs,
    index: index.locations,
    ...describeProblems(passResult),
    ...describeLeftOut(passResult),
    ...(passResult.base === null ? {} : { postgres: passResult.base }),
    client: {
      version: options.toolVersion,
      ...clientOf(options),
      startedMs: Math.max(0, startedMs),
      finishedMs: Math.max(0, options.clock.nowMs()),
    },
  }
}

/** A restore must report too that no program has looked for extended attributes. */
function describeProblems({
  problems,
  problemCount,
  notExamined,
}: PassResult): Pick<Manifest, 'problems' | 'problemCount'> {
  const detail = `extended attributes and ACLs were not looked for: ${notExamined}`
  const recorded: Problem[] =
    notExamined === null
      ? problems
      : problems.toSpliced(maxManifestProblems - 1, 0, {
          kind: 'not-recorded',
          path: Buffer.alloc(0),
          detail,
        })
  return {
    problems: recorded.slice(0, maxManifestProblems).map((problem) => ({
      kind: problem.kind,
      path: pathText(problem.path).slice(0, 8192),
      detail: problem.detail.slice(0, 1024),
    })),
    problemCount: problemCount + (notExamined === null ? 0 : 1),
  }
}

function describeLeftOut({ leftOut }: PassResult): Pick<Manifest, 'leftOut'> {
  const rules = leftOut.rules
    .filter(({ count }) => count > 0)
    .slice(0, maxLeftOutRules)
    .map(({ rule, count }) => ({ rule: rule.slice(0, 1024), count }))
  return rules.length === 0 ? {} : { leftOut: rules }
}

function summarize(
  { options, lock, startedMs, forgotten }: PassInput,
  { last, passResult, uploader, reused }: UploadedContent,
): Omit<BackupResult, 'breaks' | 'cacheNote' | 'shortSnapshots' | 'snapshot' | 'vaultNote'> {
  return {
    source: options.source,
    parentId: last?.id ?? null,
    complete: !passResult.incomplete,
    base: passResult.base,
    lock,
    entries: passResult.entries,
    files: passResult.files,
    bytes: passResult.bytes,
    filesUnchanged: passResult.filesUnchanged,
    filesReread: passResult.filesReread,
    bytesRead: passResult.bytesRead,
    bytesNew: passResult.bytesNew,
    bytesUploaded: uploader.bytesUploaded,
    packsUploaded: uploader.uploaded.length,
    packsReferenced: uploader.uploaded.length + reused.length,
    packsForgotten: forgotten.size,
    problems: passResult.problems,
    problemCount: passResult.problemCount,
    leftOut: passResult.leftOut.rules,
    mounts: passResult.leftOut.mounts,
    mountCount: passResult.leftOut.mountCount,
    attributesNote: passResult.notExamined,
    durationMs: options.clock.nowMs() - startedMs,
  }
}

/**
 * The kernel's time for a new file. It can be compared with the times of other files, also when a test
 * injects a clock.
 */
function readCacheClock(directory: string): CacheClock {
  const file = join(directory, 'started')
  try {
    writeNewFile(file, '')
    const { dev, mtimeNs } = statSync(file, { bigint: true })
    return { directory: Buffer.from(directory), device: dev, startedNs: mtimeNs }
  } catch (error) {
    throw cacheUnusable(directory, error)
  }
}
