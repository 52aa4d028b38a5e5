// Tells whether a snapshot would restore: that every object it needs is there, whole and locked, and, if asked, that
// every byte reads back with the hash it had. What is wrong is named by object and by file.
import { damaged } from '../core/bytes.ts'
import { ChunkReader } from '../core/restore-plan/chunk-reader.ts'
import { forEachAtOnce } from '../core/restore-plan/chunk-reader.ts'
import { sha256, sha256Hex } from '../core/digest.ts'
import { isHoldfastError } from '../core/errors.ts'
import type { PackReference } from '../core/snapshot/manifest.ts'
import type { ObjectRef } from '../core/store/object-store.ts'
import { decodeFrame, digestOf, openPack, releaseFrame } from '../core/pack/pack.ts'
import type { PackFooter } from '../core/pack/pack-footer.ts'
import { rereadDamaged } from '../core/store/reread.ts'
import { damagedEntries, planRestore } from '../core/restore-plan/restore-plan.ts'
import type { EntryPlan } from '../core/restore-plan/restore-plan.ts'
import type { ReadShare, VerifyOptions, VerifyResult } from './operations.ts'

const headsAtOnce = 16
/** Packs are read whole, a few at once: as many as fit in here, and one at least. */
const readBytesAtOnce = 160 * 1024 * 1024
const readsAtOnce = 3

type Finding = VerifyResult['objects'][number]

interface Findings {
  objects: Finding[]
  /** By number of the pack: which chunks are lost; `all` if the whole pack is. */
  bad: Map<number, Set<number> | 'all'>
  lockedUntilMs: number | null
  bytesRead: number
}

/** @throws `damaged` if the root of the tree can't be read: nobody could say then which files are affected. */
export async function verify(options: VerifyOptions): Promise<VerifyResult> {
  const startedMs = options.clock.nowMs()
  const { snapshot } = options
  const { packs } = snapshot.manifest
  const findings: Findings = { objects: [], bad: new Map(), lockedUntilMs: Infinity, bytesRead: 0 }
  const toRead: [number, PackReference][] = []
  await checkObject(options, findings, snapshot)
  await forEachAtOnce([...packs.entries()], headsAtOnce, async ([number, pack]) => {
    options.signal?.throwIfAborted()
    const state = await checkObject(options, findings, pack)
    if (state === 'lost' || (state === 'damaged' && !options.readData)) findings.bad.set(number, 'all')
    if (options.readData && (state === 'damaged' || isInShare(pack, options.share)))
      toRead.push([number, pack])
  })
  const reader = await ChunkReader.open(options.store, snapshot.manifest)
  for (const { detail, ...ref } of reader.problems) note(findings, ref, 'damaged', detail)
  const plan = await planRestore(reader, [])
  if (plan.lost.length === 0 && !hasCounted(plan, snapshot.manifest.tree)) {
    note(findings, snapshot, 'damaged', 'it counts other entries, files or bytes than its tree has')
  }
  let done = 0
  const largestBytes = toRead.reduce((most, [, { bytes }]) => Math.max(most, bytes), 1)
  await forEachAtOnce(
    toRead,
    Math.max(1, Math.min(readsAtOnce, Math.floor(readBytesAtOnce / largestBytes))),
    async ([number, pack]) => {
      options.signal?.throwIfAborted()
      if (!findings.bad.has(number)) await readPack(options, findings, number, pack, reader.footers[number]!)
      options.onProgress?.({ packs: ++done, packsTotal: toRead.length, bytesRead: findings.bytesRead })
    },
  )
  return {
    packs: packs.length,
    packsRead: toRead.filter(([number]) => findings.bad.get(number) !== 'all').length,
    chunks: reader.footers.reduce((sum, footer) => sum + (footer?.lengths.length ?? 0), 0),
    bytesRead: findings.bytesRead,
    lockedUntilMs: findings.lockedUntilMs === Infinity ? null : findings.lockedUntilMs,
    objects: findings.objects,
    files: affectedFiles(plan, findings.bad),
    durationMs: options.clock.nowMs() - startedMs,
  }
}

/** By its hash, so that a pack stays in its part however many there are. */
function isInShare({ sha256: hash }: PackReference, share: ReadShare | undefined): boolean {
  return share === undefined || Number.parseInt(hash.slice(0, 8), 16) % share.of === share.part
}

/** Once for each object and kind. */
function note(
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
function hasCounted(plan: EntryPlan, tree: VerifyOptions['snapshot']['manifest']['tree']): boolean {
  const entries = plan.directories.length + plan.files.length + plan.symlinks.length + plan.special.length
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
  const find = (kind: Finding['kind'], detail: string): void => note(findings, object, kind, detail)
  try {
    const state = await options.store.headVersion(object)
    if (state.lock === null) {
      find('unlocked', 'it is not locked: anyone who may delete can delete it')
      findings.lockedUntilMs = null
    } else if (state.lock !== undefined && findings.lockedUntilMs !== null) {
      findings.lockedUntilMs = Math.min(findings.lockedUntilMs, state.lock.untilMs)
    }
    if (state.bytes !== object.bytes) find('damaged', `it has ${state.bytes} bytes, not ${object.bytes}`)
    else if (state.sha256 !== null && state.sha256 !== object.sha256)
      find('damaged', 'the store says that it has another SHA-256')
    else return 'whole'
    return 'damaged'
  } catch (error) {
    if (!isHoldfastError(error, 'not-found')) throw error
    find('lost', 'it is missing')
    return 'lost'
  }
}

async function readPack(
  options: VerifyOptions,
  findings: Findings,
  number: number,
  pack: PackReference,
  indexed: PackFooter | null,
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
      note(findings, pack, error.code === 'not-found' ? 'lost' : 'damaged', error.message)
      findings.bad.set(number, 'all')
      return
    }
    detail = 'it has other bytes than its hash says'
  }
  findings.bytesRead += body.length
  let footer = indexed
  try {
    const own = openPack(body, options.snapshot.manifest.source, pack.key)
    footer ??= own
  } catch (error) {
    if (!isHoldfastError(error, 'damaged', 'unsupported-format')) throw error
    detail = error.message
  }
  const bad = footer === null ? 'all' : badChunks(body, footer, pack.key)
  // A writer that lies gives the right hash of a pack that doesn't hold what it says.
  if (bad !== 'all' && bad.size > 0) detail ??= "it doesn't hold the chunks that it names"
  if (detail === null) return
  note(findings, pack, 'damaged', detail)
  findings.bad.set(number, bad)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Which chunks of a damaged pack are lost; the others are fine. */
function badChunks(body: Buffer, footer: PackFooter, what: string): Set<number> {
  const bad = new Set<number>()
  for (const frame of footer.frames) {
    let raw: Buffer | null = null
    try {
      raw = decodeFrame(frame, body.subarray(frame.offset, frame.offset + frame.storedBytes), what)
    } catch (error) {
      if (!isHoldfastError(error, 'damaged')) throw error
    }
    let offset = 0
    for (let chunk = frame.firstChunk; chunk < frame.firstChunk + frame.chunkCount; chunk++) {
      const bytes = footer.lengths[chunk]!
      if (raw === null || !sha256(raw.subarray(offset, offset + bytes)).equals(digestOf(footer, chunk)))
        bad.add(chunk)
      offset += bytes
    }
    if (raw !== null) releaseFrame(frame, raw)
  }
  return bad
}

function affectedFiles(plan: EntryPlan, bad: Findings['bad']): VerifyResult['files'] {
  const { files } = plan
  for (const [pack, chunks] of bad) {
    const writes = plan.packs.get(pack)
    for (let index = 0; index < (writes?.length ?? 0); index++) {
      const isLost = chunks === 'all' || chunks.has(writes!.chunks[index]!)
      if (isLost)
        files.noteDamage(writes!.files[index]!, `its bytes from ${writes!.offsets[index]!} are lost`)
    }
  }
  return damagedEntries(plan)
}
