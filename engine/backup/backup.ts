// Backs up a directory tree. Overview:
//
//   lock       = the bucket's default retention; refuse a bucket that doesn't guarantee the retention
// dedupIndex = chunks of earlier packs whose lock still covers the guaranteed retention (from the local
// cache)   for each entry of the walk:                                                         BackupPass
// unchanged file (same stat identity, all chunks in dedupIndex): use the cached chunk list     other file:
// read, cut into chunks, pack and upload the new ones     add the entry to the tree, whose nodes are chunks
// too   upload the index: the footers of all packs, in a few chunks                         index-upload.ts
// check the lock and the age of all packs again; a pack that is too old: next pass   upload the manifest
// the commit
//
// Until the store acknowledges the manifest, the vault has no new snapshot. Afterwards the snapshot can be
// restored from the manifest and the packs that it names. The cache can be lost at any time; that costs one
// full upload.
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { sha256Hex } from '../../core/digest.ts'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { maxBackupPasses } from '../../core/retry.ts'
import { encodeManifest, maxSuperseded } from '../../core/snapshot/manifest.ts'
import type { Manifest } from '../../core/snapshot/manifest.ts'
import { acceptLock, currentGeneration, mayReuse, sameLock } from '../../core/snapshot/retention.ts'
import type { Generation, Lock } from '../../core/snapshot/retention.ts'
import { putUnderNewKey } from '../../core/store/upload.ts'
import { assertSourceName, manifestKey } from '../../core/store/vault-keys.ts'
import { pathText } from '../../core/tree/path-text.ts'
import type { BackupOptions, BackupResult } from '../operations.ts'
import { BackupCache } from './backup-cache.ts'
import type { CachedPack, LastSnapshot } from './backup-cache.ts'
import { BackupPass } from './backup-pass.ts'
import type { PassResult } from './backup-pass.ts'
import { CacheDamaged, cacheUnusable } from './cache-database.ts'
import { DedupIndex } from './dedup-index.ts'
import type { ReusablePack } from './dedup-index.ts'
import { FileCache } from './file-cache.ts'
import { uploadIndex } from './index-upload.ts'
import type { WrittenIndex } from './index-upload.ts'
import { PackUploader } from './pack-uploader.ts'
import { PostgresCluster } from './postgres-cluster.ts'
import { assertSameRoot, readSourceRoot } from './source-root.ts'
import type { SourceRoot } from './source-root.ts'

/** The manifest lists this many problems; the result lists more. */
const maxManifestProblems = 100

/**
 * @throws `vault-unsafe` for a bucket that doesn't guarantee the retention, `conflict` if this host already backs up the
 * same source or a server runs in the cluster's directory, `invalid-input` for another root than at the last snapshot,
 * and the errors of the store. An unreadable file is a problem in the result, not an error.
 */
export async function backup(options: BackupOptions): Promise<BackupResult> {
  const startedMs = options.clock.nowMs()
  assertSourceName(options.source)
  const { promiseDays } = options
  if (!Number.isInteger(promiseDays) || promiseDays < 1 || promiseDays > 36_500) {
    throw new HoldfastError(
      'invalid-input',
      `a guaranteed retention of ${promiseDays} days is not possible`,
      {
        hint: 'pass whole days from 1 to 36500 to --promise-days',
      },
    )
  }
  const lockDefault = await options.store.lockDefault()
  const lock = acceptLock(options.store.name, lockDefault, promiseDays, options.allowUnlocked ?? false)
  let cache = BackupCache.open(options.cacheDirectory, options.store.name, options.source)
  try {
    let nowMs = lockDefault.serverTimeMs
    for (let pass = 1; ; pass++) {
      try {
        const outcome = await runPass({ options, lock, startedMs, cache, nowMs })
        if ('result' in outcome) return outcome.result
        nowMs = outcome.tooOldAtMs
      } catch (error) {
        if (!(error instanceof CacheDamaged)) throw error
        cache.discard()
        cache = BackupCache.reset(options.cacheDirectory, options.store.name, options.source, error)
      }
      if (pass === maxBackupPasses)
        throw new HoldfastError('internal', `the backup did not settle after ${maxBackupPasses} passes`)
    }
  } finally {
    cache.close()
  }
}

/** The inputs of one pass. */
interface PassInput {
  options: BackupOptions
  lock: Lock | null
  startedMs: number
  cache: BackupCache
  /** The server's time at the start of the pass. */
  nowMs: number
}

/** A pass with its content uploaded: all that a commit needs besides the index. */
interface UploadedContent {
  last: LastSnapshot | null
  /** Null if the root can't be read; the walk then reports why. */
  root: Omit<SourceRoot, 'entries'> | null
  generation: Generation
  dedupIndex: DedupIndex
  uploader: PackUploader
  passResult: PassResult
  /** Packs of earlier runs with data or tree nodes of the snapshot. */
  reused: ReusablePack[]
}

async function runPass(input: PassInput): Promise<{ result: BackupResult } | { tooOldAtMs: number }> {
  const { options, lock, cache } = input
  const content = await uploadContent(input)
  const { last, root, generation, dedupIndex, uploader, reused, passResult } = content
  const summary = summarize(input, content)
  if (options.dryRun === true) return { result: { ...summary, snapshot: null, cacheNote: cache.resetNote } }
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
  const neededPacks = [
    ...reused,
    ...index.reused,
    ...uploader.uploaded.map(({ uploadedMs }) => ({ uploadedMs, lock })),
  ]
  if (neededPacks.some((pack) => isTooOld(pack, input, before.serverTimeMs)))
    return { tooOldAtMs: before.serverTimeMs }
  const snapshot = await commit(input, content, index)
  const { id, sha256 } = snapshot
  const cacheNote = cacheSnapshot(cache, {
    id,
    sha256,
    generation,
    ...(root === null ? {} : { root: { ...root, entries: passResult.entries } }),
    index: index.cachedIndex,
  })
  return {
    result: {
      ...summary,
      snapshot,
      cacheNote,
      durationMs: options.clock.nowMs() - input.startedMs,
      bytesUploaded: uploader.bytesUploaded,
      packsUploaded: uploader.uploaded.length,
      packsReferenced: index.packs.length,
    },
  }
}

/** Uploads the data and the tree; on a dry run, only computes them. */
async function uploadContent({ options, lock, cache, nowMs }: PassInput): Promise<UploadedContent> {
  const { source, promiseDays } = options
  const dryRun = options.dryRun ?? false
  const cluster = options.kind === 'postgres' ? new PostgresCluster(options.directory, options.atRest) : null
  const last = cache.lastSnapshot()
  const root = readSourceRoot(options.directory)
  assertSameRoot(options, root, last?.root)
  const generation = currentGeneration(last?.generation ?? null, lock, promiseDays, nowMs)
  const dedupIndex = new DedupIndex()
  const tooOld: string[] = []
  let bytesBefore = 0
  for (const pack of cache.packs()) {
    bytesBefore += pack.bytes
    if (mayReuse(pack, lock, promiseDays, nowMs)) dedupIndex.add(pack, source)
    else tooOld.push(pack.sha256)
  }
  if (!dryRun) cache.dropPacks(tooOld)
  const uploader = new PackUploader(options, { source, generation }, dryRun ? null : cache)
  const pass = new BackupPass({
    source,
    dedupIndex,
    uploader,
    fileCache: new FileCache(cache.files(), dryRun ? null : cache),
    startedNs: fileSystemTimeNs(options.cacheDirectory),
    bytesBefore,
    cluster,
    workers: options.workers ?? Math.min(8, availableParallelism()),
    signal: options.signal,
    onProgress: options.onProgress,
  })
  const passResult = await pass.run(options.directory)
  return { last, root, generation, dedupIndex, uploader, passResult, reused: dedupIndex.usedPacks() }
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
function cacheSnapshot(cache: BackupCache, snapshot: LastSnapshot): string | null {
  try {
    cache.putLastSnapshot(snapshot)
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

async function commit(
  input: PassInput,
  content: UploadedContent,
  index: WrittenIndex,
): Promise<NonNullable<BackupResult['snapshot']>> {
  const { options, cache } = input
  const { clock, random, source } = options
  let id = ''
  const put = await putUnderNewKey(options, () => {
    // An earlier attempt without a reply may be in the vault. Its successor names it, so that it is no fork.
    const supersedes = cache.attempts().slice(-maxSuperseded)
    id = ulid(clock.nowMs(), random)
    cache.putAttempt(id)
    const body = encodeManifest({ ...describeSnapshot(input, content, index), id, supersedes })
    return { key: manifestKey(source, id), body, sha256: sha256Hex(body) }
  })
  return { id, key: put.key, versionId: put.versionId, sha256: put.sha256, timeMs: put.serverTimeMs }
}

/** The manifest, except for what differs between attempts. */
function describeSnapshot(
  { options, lock, startedMs }: PassInput,
  { last, generation, passResult }: UploadedContent,
  index: WrittenIndex,
): Omit<Manifest, 'id' | 'supersedes'> {
  return {
    kind: 'manifest',
    source: options.source,
    sourceKind: options.kind,
    parent: last === null ? null : { id: last.id, sha256: last.sha256 },
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
    problems: passResult.problems.slice(0, maxManifestProblems).map(({ kind, path, detail }) => ({
      kind,
      path: pathText(path).slice(0, 8192),
      detail: detail.slice(0, 1024),
    })),
    problemCount: passResult.problemCount,
    client: {
      version: options.toolVersion,
      host: hostname().slice(0, 1024),
      root: options.directory.slice(0, 8192),
      startedMs: Math.max(0, startedMs),
      finishedMs: Math.max(0, options.clock.nowMs()),
    },
  }
}

function summarize(
  { options, lock, startedMs }: PassInput,
  { last, passResult, uploader, reused }: UploadedContent,
): Omit<BackupResult, 'cacheNote' | 'snapshot'> {
  return {
    source: options.source,
    parentId: last?.id ?? null,
    complete: !passResult.incomplete,
    lock,
    entries: passResult.entries,
    files: passResult.files,
    bytes: passResult.bytes,
    filesUnchanged: passResult.filesUnchanged,
    bytesRead: passResult.bytesRead,
    bytesNew: passResult.bytesNew,
    bytesUploaded: uploader.bytesUploaded,
    packsUploaded: uploader.uploaded.length,
    packsReferenced: uploader.uploaded.length + reused.length,
    problems: passResult.problems,
    problemCount: passResult.problemCount,
    attributesNote: passResult.notExamined,
    durationMs: options.clock.nowMs() - startedMs,
  }
}

/**
 * The kernel's time for a new file. It can be compared with the times of other files, also when a test
 * injects a clock.
 */
function fileSystemTimeNs(directory: string): bigint {
  const file = join(directory, 'started')
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    writeFileSync(file, '')
    return statSync(file, { bigint: true }).mtimeNs
  } catch (error) {
    throw cacheUnusable(directory, error)
  }
}
