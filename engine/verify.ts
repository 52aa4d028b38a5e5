// Tells whether a snapshot would restore: that every object it needs is there, whole and locked, and, if asked, that
// every byte reads back with the hash it had. What is wrong is named by object and by file.
import { damaged } from '../core/bytes.ts'
import { ChunkReader } from '../core/restore-plan/chunk-reader.ts'
import { forEachConcurrently } from '../core/restore-plan/chunk-reader.ts'
import { sha256, sha256Hex } from '../core/digest.ts'
import { isHoldfastError } from '../core/errors.ts'
import type { PackReference } from '../core/snapshot/manifest.ts'
import type { ObjectRef } from '../core/store/object-store.ts'
import { decodeFrame, digestOf, openPack, releaseFrame } from '../core/pack/pack.ts'
import type { PackFooter } from '../core/pack/pack-footer.ts'
import { rereadDamaged } from '../core/retry.ts'
import { damagedEntries, planRestore } from '../core/restore-plan/restore-plan.ts'
import type { EntryPlan } from '../core/restore-plan/restore-plan.ts'
import type { ReadShare, VerifyOptions, VerifyResult } from './operations.ts'

const maxConcurrentHeads = 16
/** Packs are read whole, a few at once: as many as fit in here, and one at least. */
const maxConcurrentReadBytes = 160 * 1024 * 1024
const maxConcurrentReads = 3

type Finding = VerifyResult['objects'][number]

interface Findings {
  objects: Finding[]
  /** By number of the pack: which chunks are lost; `all` if the whole pack is. */
  corruptChunks: Map<number, Set<number> | 'all'>
  lockedUntilMs: number | null
  bytesRead: number
}

/** @throws `damaged` if the root of the tree can't be read: nobody could say then which files are affected. */
export async function verify(options: VerifyOptions): Promise<VerifyResult> {
  const startedMs = options.clock.nowMs()
  const { snapshot } = options
  const { packs } = snapshot.manifest
  const findings: Findings = { objects: [], corruptChunks: new Map(), lockedUntilMs: Infinity, bytesRead: 0 }
  const toRead: [number, PackReference][] = []
  await checkObject(options, findings, snapshot)
  await forEachConcurrently([...packs.entries()], maxConcurrentHeads, async ([number, pack]) => {
    options.signal?.throwIfAborted()
    const state = await checkObject(options, findings, pack)
    if (state === 'lost' || (state === 'damaged' && !options.readData))
      findings.corruptChunks.set(number, 'all')
    if (options.readData && (state === 'damaged' || isInShare(pack, options.share)))
      toRead.push([number, pack])
  })
  const reader = await ChunkReader.open(options.store, snapshot.manifest)
  for (const { detail, ...ref } of reader.problems) addFinding(findings, ref, 'damaged', detail)
  const plan = await planRestore(reader, [])
  if (plan.lostParts.length === 0 && !matchesTreeCounts(plan, snapshot.manifest.tree)) {
    addFinding(findings, snapshot, 'damaged', 'it counts other entries, files or bytes than its tree has')
  }
  let packsDone = 0
  const largestBytes = toRead.reduce((max, [, { bytes }]) => Math.max(max, bytes), 1)
  await forEachConcurrently(
    toRead,
    Math.max(1, Math.min(maxConcurrentReads, Math.floor(maxConcurrentReadBytes / largestBytes))),
    async ([number, pack]) => {
      options.signal?.throwIfAborted()
      if (!findings.corruptChunks.has(number))
        await readPack(options, findings, { number, pack, indexed: reader.footers[number]! })
      options.onProgress?.({ packs: ++packsDone, packsTotal: toRead.length, bytesRead: findings.bytesRead })
    },
  )
  return {
    packs: packs.length,
    packsRead: toRead.filter(([number]) => findings.corruptChunks.get(number) !== 'all').length,
    chunks: reader.footers.reduce((sum, footer) => sum + (footer?.lengths.length ?? 0), 0),
    bytesRead: findings.bytesRead,
    lockedUntilMs: findings.lockedUntilMs === Infinity ? null : findings.lockedUntilMs,
    objects: findings.objects,
    files: affectedFiles(plan, findings.corruptChunks),
    durationMs: options.clock.nowMs() - startedMs,
  }
}

/** By its hash, so that a pack stays in its part however many there are. */
function isInShare({ sha256: hash }: PackReference, share: ReadShare | undefined): boolean {
  return share === undefined || Number.parseInt(hash.slice(0, 8), 16) % share.of === share.part
}

/** Once for each object and kind. */
function addFinding(
  findings: Findings,
  { key, versionId }: ObjectRef,
  kind: Finding['kind'],
  detail: string,
): void {
  const isKnown = findings.objects.some(
    (object) => object.key === key && (object.kind === kind || object.kind === 'lost'),
  )
  if (!isKnown) findings.objects.push({ key, versionId, kind, detail })
}

/** Whether the manifest's figures are those of its tree: whoever looks at snapshots without reading them goes by these. */
function matchesTreeCounts(plan: EntryPlan, tree: VerifyOptions['snapshot']['manifest']['tree']): boolean {
  const entries =
    plan.directories.length + plan.files.length + plan.symlinks.length + plan.specialFiles.length
  let bytes = 0
  for (let file = 0; file < plan.files.length; file++) bytes += plan.files.sizeOf(file)
  return entries === tree.entries && plan.files.length === tree.files && bytes === tree.bytes
}

/** What the store says of an object. A missing lock is a finding, but the bytes are there. */
async function checkObject(
  options: VerifyOptions,
  findings: Findings,
  object: ObjectRef & { bytes: number; sha256: string },
): Promise<'whole' | 'damaged' | 'lost'> {
  const addObjectFinding = (kind: Finding['kind'], detail: string): void =>
    addFinding(findings, object, kind, detail)
  try {
    const state = await options.store.headVersion(object)
    if (state.lock === null) {
      addObjectFinding('unlocked', 'it is not locked: anyone who may delete can delete it')
      findings.lockedUntilMs = null
    } else if (state.lock !== undefined && findings.lockedUntilMs !== null) {
      findings.lockedUntilMs = Math.min(findings.lockedUntilMs, state.lock.untilMs)
    }
    if (state.bytes !== object.bytes)
      addObjectFinding('damaged', `it has ${state.bytes} bytes, not ${object.bytes}`)
    else if (state.sha256 !== null && state.sha256 !== object.sha256)
      addObjectFinding('damaged', 'the store says that it has another SHA-256')
    else return 'whole'
    return 'damaged'
  } catch (error) {
    if (!isHoldfastError(error, 'not-found')) throw error
    addObjectFinding('lost', 'it is missing')
    return 'lost'
  }
}

interface PackToRead {
  number: number
  pack: PackReference
  /** Its footer as the snapshot's index has it; null if the index has none. */
  indexed: PackFooter | null
}

async function readPack(
  options: VerifyOptions,
  findings: Findings,
  { number, pack, indexed }: PackToRead,
): Promise<void> {
  let body: Buffer = Buffer.alloc(0)
  let detail: string | null = null
  try {
    await rereadDamaged(async () => {
      body = Buffer.alloc(0)
      body = asBuffer(await options.store.getRange(pack, 0, pack.bytes))
      if (sha256Hex(body) !== pack.sha256) throw damaged(pack.key, 'it has other bytes than its hash says')
    })
  } catch (error) {
    if (!isHoldfastError(error, 'not-found', 'damaged')) throw error
    if (body.length === 0) {
      addFinding(findings, pack, error.code === 'not-found' ? 'lost' : 'damaged', error.message)
      findings.corruptChunks.set(number, 'all')
      return
    }
    detail = 'it has other bytes than its hash says'
  }
  findings.bytesRead += body.length
  let footer = indexed
  try {
    const parsedFooter = openPack(body, options.snapshot.manifest.source, pack.key)
    footer ??= parsedFooter
  } catch (error) {
    if (!isHoldfastError(error, 'damaged', 'unsupported-format')) throw error
    detail = error.message
  }
  const corruptChunks = footer === null ? 'all' : findCorruptChunks(body, footer, pack.key)
  // A writer that lies gives the right hash of a pack that doesn't hold what it says.
  if (corruptChunks !== 'all' && corruptChunks.size > 0) detail ??= "it doesn't hold the chunks that it names"
  if (detail === null) return
  addFinding(findings, pack, 'damaged', detail)
  findings.corruptChunks.set(number, corruptChunks)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Which chunks of a damaged pack are lost; the others are fine. */
function findCorruptChunks(body: Buffer, footer: PackFooter, subject: string): Set<number> {
  const corruptChunks = new Set<number>()
  for (const frame of footer.frames) {
    let raw: Buffer | null = null
    try {
      raw = decodeFrame(frame, body.subarray(frame.offset, frame.offset + frame.storedBytes), subject)
    } catch (error) {
      if (!isHoldfastError(error, 'damaged')) throw error
    }
    let offset = 0
    for (let chunk = frame.firstChunk; chunk < frame.firstChunk + frame.chunkCount; chunk++) {
      const bytes = footer.lengths[chunk]!
      if (raw === null || !sha256(raw.subarray(offset, offset + bytes)).equals(digestOf(footer, chunk)))
        corruptChunks.add(chunk)
      offset += bytes
    }
    if (raw !== null) releaseFrame(frame, raw)
  }
  return corruptChunks
}

function affectedFiles(plan: EntryPlan, corruptChunks: Findings['corruptChunks']): VerifyResult['files'] {
  const { files } = plan
  for (const [pack, chunks] of corruptChunks) {
    const extents = plan.packs.get(pack)
    for (let index = 0; index < (extents?.length ?? 0); index++) {
      const isLost = chunks === 'all' || chunks.has(extents!.chunks[index]!)
      if (isLost)
        files.noteDamage(extents!.files[index]!, `its bytes from ${extents!.offsets[index]!} are lost`)
    }
  }
  return damagedEntries(plan)
}
