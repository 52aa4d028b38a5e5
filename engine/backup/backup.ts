// Backs up a directory tree: packs first, the manifest last. Until the manifest is acknowledged nothing has happened;
// from then on the snapshot restores from the manifest and the packs that it names.
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { encodeManifest, maxSuperseded } from '../../core/snapshot/manifest.ts'
import type { Manifest, PackReference } from '../../core/snapshot/manifest.ts'
import { sha256Hex } from '../../core/digest.ts'
import { acceptLock, currentGeneration, mayReuse, sameLock } from '../../core/snapshot/retention.ts'
import type { Generation, Lock } from '../../core/snapshot/retention.ts'
import { maxBackupPasses } from '../../core/retry.ts'
import { putUnderNewKey } from '../../core/store/upload.ts'
import { assertSourceName, manifestKey } from '../../core/store/vault-keys.ts'
import { pathText } from '../../core/tree/path-text.ts'
import { BackupCache } from './backup-cache.ts'
import type { CachedPack, LastSnapshot } from './backup-cache.ts'
import { BackupPass } from './backup-pass.ts'
import type { PassResult } from './backup-pass.ts'
import { CacheDamaged, cacheUnusable } from './cache-database.ts'
import { uploadIndex } from './index-upload.ts'
import type { WrittenIndex } from './index-upload.ts'
import { DedupIndex } from './dedup-index.ts'
import type { BackupOptions, BackupResult } from '../operations.ts'
import { PackUploader } from './pack-uploader.ts'
import { PostgresCluster } from './postgres-cluster.ts'
import { FileCache } from './file-cache.ts'
import { assertSameRoot, readSourceRoot } from './source-root.ts'

/**
 * @throws `vault-unsafe` for a bucket that doesn't keep what is promised, `conflict` if the same source is being backed
 * up by this host or a server runs in the cluster's directory, and whatever the store answers. An unreadable file is a problem in the result, not an error.
 */
export async function backup(options: BackupOptions): Promise<BackupResult> {
  const startedMs = options.clock.nowMs()
  assertSourceName(options.source)
  if (!Number.isInteger(options.promiseDays) || options.promiseDays < 1 || options.promiseDays > 36_500) {
    throw new HoldfastError('invalid-input', `a promise of ${options.promiseDays} days is not possible`, {
      hint: 'give whole days from 1 to 36500',
    })
  }
  const lockDefault = await options.store.lockDefault()
  const lock = acceptLock(
    options.store.name,
    lockDefault,
    options.promiseDays,
    options.allowUnlocked ?? false,
  )
  let cache = BackupCache.open(options.cacheDirectory, options.store.name, options.source)
  try {
    let nowMs = lockDefault.serverTimeMs
    for (let pass = 1; ; pass++) {
      try {
        const outcome = await runPass(options, cache, lock, nowMs, startedMs)
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

async function runPass(
  options: BackupOptions,
  cache: BackupCache,
  lock: Lock | null,
  nowMs: number,
  startedMs: number,
): Promise<{ result: BackupResult } | { tooOldAtMs: number }> {
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
    cachedFile: new FileCache(cache.files(), dryRun ? null : cache),
    startedNs: fileSystemTimeNs(options.cacheDirectory),
    bytesBefore,
    cluster,
    workers: options.workers ?? Math.min(8, availableParallelism()),
    signal: options.signal,
    onProgress: options.onProgress,
  })
  const passResult = await pass.run(options.directory)
  const reused = dedupIndex.usedPacks()
  const summary = summarize(options, lock, passResult, uploader, reused, last, startedMs)
  if (dryRun) return { result: { ...summary, snapshot: null, cacheNote: cache.resetNote } }
  const content = [...reused, ...uploader.uploaded]
  const index = await uploadIndex({
    source,
    content,
    old: last?.index ?? [],
    reusable: dedupIndex.packs,
    cache,
    uploader,
  })
  // Decided before the commit, by the server's time: no snapshot names a pack whose lock doesn't cover the promise.
  const before = await options.store.lockDefault()
  if (!sameLock(before.retention, lock)) {
    throw new HoldfastError(
      'conflict',
      `the default retention of ${options.store.name} changed while the backup ran`,
      {
        hint: 'run the backup again: it begins a new generation under the lock that holds now',
        retryable: true,
      },
    )
  }
  const neededPacks = [
    ...reused,
    ...index.reused,
    ...uploader.uploaded.map(({ uploadedMs }) => ({ uploadedMs, lock })),
  ]
  if (neededPacks.some((pack) => isTooOld(pack, lock, promiseDays, before.serverTimeMs)))
    return { tooOldAtMs: before.serverTimeMs }
  const snapshot = await commit(options, cache, { lock, generation, passResult, index, last, startedMs })
  const cacheNote = cacheSnapshot(cache, {
    id: snapshot.id,
    sha256: snapshot.sha256,
    generation,
    ...(root === null ? {} : { root: { ...root, entries: passResult.entries } }),
    index: index.cachedIndex,
  })
  return {
    result: {
      ...summary,
      snapshot,
      cacheNote,
      durationMs: options.clock.nowMs() - startedMs,
      bytesUploaded: uploader.bytesUploaded,
      packsUploaded: uploader.uploaded.length,
      packsReferenced: index.packs.length,
    },
  }
}

/** The snapshot is made, whatever becomes of the cache: the next one finds it among the attempts then, and follows it. */
function cacheSnapshot(cache: BackupCache, snapshot: LastSnapshot): string | null {
  try {
    cache.putLastSnapshot(snapshot)
    return cache.resetNote
  } catch (error) {
    if (!(error instanceof CacheDamaged) && !isHoldfastError(error)) throw error
    return `the snapshot was made, but could not be remembered here: ${error.message}`
  }
}

/** Packs of this run too: it may have taken longer than the lock leaves. Where less is locked than promised, all are. */
function isTooOld(
  pack: Pick<CachedPack, 'uploadedMs' | 'lock'>,
  lock: Lock | null,
  promiseDays: number,
  nowMs: number,
): boolean {
  if (lock !== null && lock.days <= promiseDays) return false
  return !mayReuse(pack, lock, promiseDays, nowMs)
}

async function commit(
  options: BackupOptions,
  cache: BackupCache,
  content: {
    lock: Lock | null
    generation: Generation
    passResult: PassResult
    index: WrittenIndex
    last: LastSnapshot | null
    startedMs: number
  },
): Promise<NonNullable<BackupResult['snapshot']>> {
  const { clock, random, source } = options
  const { passResult, index, last } = content
  let id = ''
  const put = await putUnderNewKey(options, () => {
    // An attempt whose reply was lost, or whose sender was killed, may have been committed: its successor says that it follows it.
    const supersedes = cache.attempts().slice(-maxSuperseded)
    id = ulid(clock.nowMs(), random)
    cache.putAttempt(id)
    const manifest: Manifest = {
      kind: 'manifest',
      source,
      sourceKind: options.kind,
      id,
      supersedes,
      parent: last === null ? null : { id: last.id, sha256: last.sha256 },
      generation: content.generation.name,
      retention: { promiseDays: options.promiseDays, lock: content.lock },
      complete: !passResult.incomplete,
      tree: {
        root: passResult.treeRoot.toString('hex'),
        entries: passResult.entries,
        files: passResult.files,
        bytes: passResult.bytes,
      },
      packs: index.packs,
      index: index.locations,
      problems: passResult.problems.slice(0, 100).map(({ kind, path, detail }) => ({
        kind,
        path: pathText(path).slice(0, 8192),
        detail: detail.slice(0, 1024),
      })),
      problemCount: passResult.problemCount,
      client: {
        version: options.toolVersion,
        host: hostname().slice(0, 1024),
        root: options.directory.slice(0, 8192),
        startedMs: Math.max(0, content.startedMs),
        finishedMs: Math.max(0, clock.nowMs()),
      },
    }
    const body = encodeManifest(manifest)
    return { key: manifestKey(source, id), body, sha256: sha256Hex(body) }
  })
  return { id, key: put.key, versionId: put.versionId, sha256: put.sha256, timeMs: put.serverTimeMs }
}

function summarize(
  options: BackupOptions,
  lock: Lock | null,
  passResult: PassResult,
  uploader: PackUploader,
  reused: readonly PackReference[],
  last: LastSnapshot | null,
  startedMs: number,
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

/** The time that the kernel would stamp a file with now: comparable with the times of files, whatever clock was injected. */
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
