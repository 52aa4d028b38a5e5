// The object that commits a snapshot. It is written last; with it and the packs that it names, the snapshot
// can be restored.
//
//   manifest := magic, u16 version, u32 bytes of JSON, SHA-256 of the frame, one zstd frame of JSON
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { z } from 'zod'
import { damaged } from '../bytes.ts'
import { digestBytes, sha256 as digestOf } from '../digest.ts'
import { HoldfastError } from '../errors.ts'
import {
  formatVersion,
  maxFrameRawBytes,
  maxPackBytes,
  unsupported,
  zstdLimits,
} from '../pack/pack-footer.ts'
import { pathText } from '../tree/path-text.ts'
import { isSourceName, isUlid, parsePackKey } from '../store/vault-keys.ts'

const magic = Buffer.from('HOLDFAST MANIFEST\n', 'latin1')
const digestAt = magic.length + 2 + 4
const headBytes = digestAt + digestBytes
/** Room for 200,000 packs. A reader holds at most this for one manifest. */
const maxJsonBytes = 64 * 1024 * 1024
/** How many earlier attempts a manifest names. */
export const maxSuperseded = 64
export const maxManifestBytes = 32 * 1024 * 1024

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const ulid = z.string().refine(isUlid, 'not a ULID')
const text = z.string().max(1024)
const lock = z
  .strictObject({ mode: z.enum(['COMPLIANCE', 'GOVERNANCE']), days: z.number().int().min(1).max(36_500) })
  .nullable()

const packReference = z.strictObject({
  key: z
    .string()
    .max(1024)
    .refine((key) => parsePackKey(key) !== null, 'not the key of a pack'),
  versionId: z.string().min(1).max(1024),
  sha256,
  bytes: count.max(maxPackBytes),
})

/**
 * The location of a chunk that is found without an index: the chunk is the whole frame at `offset` in the
 * pack.
 */
const chunkLocation = z.strictObject({
  sha256,
  pack: count,
  offset: count,
  storedBytes: count.min(1).max(maxFrameRawBytes),
  rawBytes: count.min(1).max(maxFrameRawBytes),
  codec: z.number().int().min(0).max(1),
})

const manifestSchema = z.strictObject({
  kind: z.literal('manifest'),
  source: z.string().refine(isSourceName, "not a source's name"),
  sourceKind: z.enum(['volume', 'postgres']),
  /** The ULID of the manifest's key. */
  id: ulid,
  /**
   * The previous snapshot, by the hash of its manifest's bytes; null for the first one of a source, or after
   * the cache was lost.
   */
  parent: z.strictObject({ id: ulid, sha256 }).nullable(),
  /**
   * Manifests that this writer sent after the parent, without a reply. This snapshot succeeds them, so that
   * they are no forks.
   */
  supersedes: z.array(ulid).max(maxSuperseded),
  generation: text,
  retention: z.strictObject({ promiseDays: z.number().int().min(1).max(36_500), lock }),
  /** False if an entry was unreadable, vanished or changed while it was read. */
  complete: z.boolean(),
  tree: z.strictObject({ root: sha256, entries: count, files: count, bytes: count }),
  packs: z.array(packReference).max(200_000),
  /**
   * Chunks that hold the footers of the packs (core/pack/pack-index.ts), so that a reader needn't fetch each
   * footer.
   */
  index: z.array(chunkLocation).max(65_536),
  /** The first problems, as text with escaped names; `problemCount` counts all. */
  problems: z.array(z.strictObject({ kind: text, path: z.string().max(8192), detail: text })).max(100),
  problemCount: count,
  /** Statements of the client about itself: shown, never used for a decision. */
  client: z.strictObject({
    version: text,
    host: text,
    root: z.string().max(8192),
    startedMs: count,
    finishedMs: count,
  }),
})

export type Manifest = z.infer<typeof manifestSchema>
export type PackReference = Manifest['packs'][number]
export type ChunkLocation = Manifest['index'][number]

export function encodeManifest(manifest: Manifest): Buffer {
  const json = Buffer.from(JSON.stringify(manifestSchema.parse(manifest)))
  if (json.length > maxJsonBytes)
    throw new HoldfastError('invalid-input', 'the snapshot needs more packs than a manifest can name')
  const head = Buffer.alloc(headBytes)
  magic.copy(head)
  head.writeUInt16LE(formatVersion, magic.length)
  head.writeUInt32LE(json.length, magic.length + 2)
  const frame = zstdCompressSync(json, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })
  digestOf(frame).copy(head, digestAt)
  return Buffer.concat([head, frame])
}

/**
 * @param expected source and id from the object's key: a manifest under another key is refused.
 * @throws `damaged`, or `unsupported-format` for a version that this code doesn't read.
 */
export function decodeManifest(bytes: Buffer, expected: { source: string; id: string }): Manifest {
  const subject = `the manifest ${expected.id} of ${expected.source}`
  if (bytes.length < headBytes || !bytes.subarray(0, magic.length).equals(magic))
    throw damaged(subject, "it doesn't begin as a manifest")
  const version = bytes.readUInt16LE(magic.length)
  if (version !== formatVersion) throw unsupported(subject, version)
  const jsonBytes = bytes.readUInt32LE(magic.length + 2)
  if (jsonBytes > maxJsonBytes) throw damaged(subject, `it claims ${jsonBytes} bytes`)
  // A flipped bit in the unused bits of zstd would go unnoticed without this hash.
  if (!digestOf(bytes.subarray(headBytes)).equals(bytes.subarray(digestAt, headBytes)))
    throw damaged(subject, 'it has other bytes than its hash says')
  let value: unknown
  try {
    const json = zstdDecompressSync(bytes.subarray(headBytes), {
      maxOutputLength: Math.max(1, jsonBytes),
      params: zstdLimits,
    })
    if (json.length !== jsonBytes) throw new Error(`it decodes to ${json.length} bytes, not ${jsonBytes}`)
    value = JSON.parse(json.toString())
  } catch (error) {
    throw damaged(subject, "it doesn't decode", error)
  }
  const parsed = manifestSchema.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    // The message may contain a key that an attacker chose.
    const detail = pathText(
      Buffer.from(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it has another shape'}`),
    )
    throw damaged(subject, detail.length > 200 ? `${detail.slice(0, 200)}…` : detail)
  }
  checkReferences(parsed.data, expected, subject)
  return parsed.data
}

function checkReferences(
  manifest: Manifest,
  expected: { source: string; id: string },
  subject: string,
): void {
  if (manifest.source !== expected.source || manifest.id !== expected.id) {
    throw damaged(subject, `it claims to be ${manifest.id} of ${manifest.source}`)
  }
  for (const pack of manifest.packs) {
    const key = parsePackKey(pack.key)!
    if (key.source !== manifest.source) throw damaged(subject, `it names a pack of the source ${key.source}`)
    if (key.sha256 !== pack.sha256)
      throw damaged(subject, "it names a pack by another hash than the pack's key does")
  }
  for (const chunk of manifest.index) {
    const pack = manifest.packs[chunk.pack]
    if (pack === undefined || chunk.offset + chunk.storedBytes > pack.bytes)
      throw damaged(subject, 'its index lies outside its packs')
  }
}
