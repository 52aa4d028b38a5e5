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
  maxFrameRawBytes,
  maxIndexChunks,
  maxLeftOutRules,
  maxManifestBytes,
  maxManifestJsonBytes,
  maxManifestRatio,
  plainManifestBytes,
  maxManifestProblems,
  maxPackBytes,
  maxPacks,
  maxRetentionDays,
  maxSuperseded,
} from '../limits.ts'
import { unsupported, zstdLimits } from '../pack/pack-footer.ts'
import { pathText } from '../tree/path-text.ts'
import { isSourceName, isUlid, parsePackKey } from '../store/vault-keys.ts'
import { baseBackupSchema } from './base-backup.ts'

const magic = Buffer.from('HOLDFAST MANIFEST\n', 'latin1')
/** Version 2 adds `vault`, version 3 `leftOut`, version 4 `postgres`. A reader reads all of them. */
const manifestVersion = 4
const digestAt = magic.length + 2 + 4
const headBytes = digestAt + digestBytes

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const ulid = z.string().refine(isUlid, 'not a ULID')
const text = z.string().max(1024)
const lock = z
  .strictObject({
    mode: z.enum(['COMPLIANCE', 'GOVERNANCE']),
    days: z.number().int().min(1).max(maxRetentionDays),
  })
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
  /** The identity of the vault, as this writer's cache has it; version 1 has none. */
  vault: ulid.optional(),
  generation: text,
  retention: z.strictObject({ promiseDays: z.number().int().min(1).max(maxRetentionDays), lock }),
  /** False if an entry was unreadable, vanished or changed while it was read. */
  complete: z.boolean(),
  tree: z.strictObject({ root: sha256, entries: count, files: count, bytes: count }),
  packs: z.array(packReference).max(maxPacks),
  /**
   * Chunks that hold the footers of the packs (core/pack/pack-index.ts), so that a reader needn't fetch each
   * footer.
   */
  index: z.array(chunkLocation).max(maxIndexChunks),
  /** The first problems, as text with escaped names; `problemCount` counts all. */
  problems: z
    .array(z.strictObject({ kind: text, path: z.string().max(8192), detail: text }))
    .max(maxManifestProblems),
  problemCount: count,
  /**
   * Rules with which the operator left out entries, and how many each left out; the first ones alone. Since version
   * 3, in which it is never empty.
   */
  leftOut: z
    .array(z.strictObject({ rule: text, count: count.min(1) }))
    .min(1)
    .max(maxLeftOutRules)
    .optional(),
  /** A cluster that ran while it was backed up: a restore needs WAL too. Since version 4, which always has it. */
  postgres: baseBackupSchema.optional(),
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
  assertPackCount(manifest.source, manifest.packs.length)
  if (manifest.index.length > maxIndexChunks)
    throw tooLarge(manifest.source, `its index needs ${manifest.index.length} chunks`)
  const json = Buffer.from(JSON.stringify(manifestSchema.parse(manifest)))
  if (json.length > maxManifestJsonBytes)
    throw tooLarge(manifest.source, `its manifest has ${json.length} bytes`)
  const head = Buffer.alloc(headBytes)
  magic.copy(head)
  head.writeUInt16LE(versionFor(manifest), magic.length)
  head.writeUInt32LE(json.length, magic.length + 2)
  const frame = zstdCompressSync(json, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })
  digestOf(frame).copy(head, digestAt)
  if (head.length + frame.length > maxManifestBytes)
    throw tooLarge(manifest.source, `its manifest takes ${head.length + frame.length} bytes`)
  if (json.length > maxJsonBytesOf(head.length + frame.length))
    throw tooLarge(manifest.source, `its manifest shrinks from ${json.length} bytes to ${frame.length}`)
  // A manifest that a reader refuses must fail here, before the commit.
  checkReferences(manifest, manifest, `the manifest ${manifest.id}`)
  return Buffer.concat([head, frame])
}

/** A snapshot without the newer fields can also be read by programs that know earlier versions alone. */
function versionFor({ leftOut, postgres }: Pick<Manifest, 'leftOut' | 'postgres'>): number {
  if (postgres !== undefined) return 4
  return leftOut === undefined ? 2 : 3
}

/** @throws `invalid-input` for more packs than a reader takes. A writer that uploads asks early. */
export function assertPackCount(source: string, packs: number): void {
  if (packs > maxPacks) throw tooLarge(source, `it needs more than ${maxPacks} packs`)
}

/** Few bytes must not fill a reader's memory. */
function maxJsonBytesOf(manifestBytes: number): number {
  return Math.min(maxManifestJsonBytes, plainManifestBytes + maxManifestRatio * manifestBytes)
}

/** No reader takes such a snapshot, so that it must not be committed. */
function tooLarge(source: string, detail: string): HoldfastError {
  return new HoldfastError('invalid-input', `the source ${source} is too large for one snapshot: ${detail}`, {
    hint: 'nothing was committed; back up parts of the directory, each as a source of its own',
  })
}

/**
 * A manifest names each pack and each part of its index once: else few bytes would cost a reader any number of
 * requests.
 * @param expected source and id from the object's key: a manifest under another key is refused.
 * @throws `damaged`, or `unsupported-format` for a version that this code doesn't read.
 */
export function decodeManifest(bytes: Buffer, expected: { source: string; id: string }): Manifest {
  const subject = `the manifest ${expected.id} of ${expected.source}`
  if (bytes.length < headBytes || !bytes.subarray(0, magic.length).equals(magic))
    throw damaged(subject, "it doesn't begin as a manifest")
  const version = bytes.readUInt16LE(magic.length)
  if (version < 1 || version > manifestVersion) throw unsupported(subject, version, `1 to ${manifestVersion}`)
  const jsonBytes = bytes.readUInt32LE(magic.length + 2)
  if (jsonBytes > maxJsonBytesOf(bytes.length)) throw damaged(subject, `it claims ${jsonBytes} bytes`)
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
  // Else a flipped bit of the version would go unnoticed.
  if (Math.max(version, 2) !== versionFor(parsed.data))
    throw damaged(subject, `it has version ${version}, and the fields of another one`)
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
  if (manifest.postgres !== undefined && manifest.sourceKind !== 'postgres')
    throw damaged(subject, `it is the base of a cluster, and of a source of kind ${manifest.sourceKind}`)
  const packHashes = new Set(manifest.packs.map((pack) => pack.sha256))
  if (packHashes.size < manifest.packs.length) throw damaged(subject, 'it names a pack twice')
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
  const parts = [...manifest.index].sort((a, b) => a.pack - b.pack || a.offset - b.offset)
  for (const [number, part] of parts.slice(1).entries()) {
    const before = parts[number]!
    if (before.pack === part.pack && before.offset + before.storedBytes > part.offset)
      throw damaged(subject, 'it names bytes of its index twice')
  }
}
