// A receipt: the notary's signed statement about one snapshot. Only the notary's role can write below `receipts/`, and
// only the roles of the vault's account can sign. All the same, a reader treats each receipt as hostile.
//
//   receipts/<source>/<ULID of the manifest>/<ULID of the receipt> := a signed envelope (core/signature.ts) of JSON
import { z } from 'zod'
import { HoldfastError } from '../errors.ts'
import {
  maxPacks,
  maxReceiptBytes,
  maxReceiptFindings,
  maxReceiptFlags,
  maxReceiptGenerations,
  maxRetentionDays,
  maxReceiptText,
} from '../limits.ts'
import { openEnvelope, signEnvelope } from '../signature.ts'
import type { Signer, TrustedKeys } from '../signature.ts'
import { parseStatement } from '../signed-statement.ts'
import { isSourceName, isUlid } from '../store/vault-keys.ts'

export const receiptType = 'application/vnd.holdfast.receipt+json'
const formatVersion = 1

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const ulid = z.string().refine(isUlid, 'not a ULID')
const text = z.string().max(maxReceiptText)

/**
 * Reasons to doubt a snapshot that can be restored: it has less than half of the files or bytes of the last good one,
 * or it doesn't continue the snapshot before it.
 */
const receiptFlagKinds = ['collapsed', 'other-parent', 'other-host', 'other-root'] as const
const flags = z.array(z.strictObject({ kind: z.enum(receiptFlagKinds), detail: text })).max(maxReceiptFlags)

const receiptSchema = z.strictObject({
  kind: z.literal('receipt'),
  formatVersion: z.literal(formatVersion),
  source: z.string().refine(isSourceName, "not a source's name"),
  /** The ULID of the receipt's key. */
  id: ulid,
  /** The version of the manifest that was examined; its hash is null if its bytes can't be read. */
  manifest: z.strictObject({
    id: ulid,
    versionId: z.string().min(1).max(1024),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable(),
    timeMs: count,
  }),
  /**
   * `attested`: every object that the snapshot needs is in the vault, whole and locked as guaranteed, and every chunk
   * of its tree is in one of its packs. `refused`: something is missing, and `findings` has the reasons.
   */
  outcome: z.enum(['attested', 'refused']),
  /** The figures of the manifest; null if it can't be read. */
  snapshot: z
    .strictObject({
      complete: z.boolean(),
      files: count,
      entries: count,
      bytes: count,
      packs: count.max(maxPacks),
      parentId: ulid.nullable(),
    })
    .nullable(),
  flags,
  /** Flags that an operator has accepted, so that they no longer count. */
  acceptedFlags: flags,
  findings: z.array(z.strictObject({ kind: text, key: text, detail: text })).max(maxReceiptFindings),
  findingCount: count,
  /** How long each object was guaranteed to be locked. */
  guarantee: z.strictObject({
    mode: z.enum(['COMPLIANCE', 'GOVERNANCE']).nullable(),
    days: z.number().int().min(1).max(maxRetentionDays),
  }),
  /**
   * The earliest end of a lock: of all objects, and of the packs of each generation. A lock in COMPLIANCE never becomes
   * shorter, so that the notary needn't ask for these packs again. Null if an object has no lock.
   */
  lockedUntilMs: count.nullable(),
  generations: z
    .array(z.strictObject({ name: z.string().max(64), lockedUntilMs: count }))
    .max(maxReceiptGenerations),
  /** Packs whose bytes the notary hashed for this receipt; it hashed all others for an earlier one. */
  packsRead: count.max(maxPacks),
  bytesRead: count,
  /** The store's clock when the notary had finished. */
  checkedMs: count,
  notaryVersion: text,
})

export type Receipt = z.infer<typeof receiptSchema>
export type ReceiptFlag = Receipt['flags'][number]
export type ReceiptFinding = Receipt['findings'][number]

/** True if the snapshot is attested, complete and not collapsed. Retention keeps the last good one of each source. */
export function isGood({ outcome, snapshot, flags: raised }: Receipt): boolean {
  const isCollapsed = raised.some(({ kind }) => kind === 'collapsed')
  return outcome === 'attested' && snapshot?.complete === true && !isCollapsed
}

/** False if another parent, host or directory shows that the snapshot may be another party's. */
export function continuesSource({ flags: raised }: Receipt): boolean {
  return raised.every(({ kind }) => kind === 'collapsed')
}

export async function encodeReceipt(receipt: Receipt, signer: Signer): Promise<Buffer> {
  const payload = Buffer.from(JSON.stringify(receiptSchema.parse(receipt)))
  const bytes = await signEnvelope(signer, receiptType, payload)
  if (bytes.length <= maxReceiptBytes) return bytes
  throw new HoldfastError('internal', `the receipt ${receipt.id} takes ${bytes.length} bytes`)
}

/** The parts of a receipt's key. */
export interface ReceiptName {
  source: string
  manifestId: string
  id: string
}

/**
 * @param keys null: the signature is not checked. Such a receipt may be shown, but must decide nothing.
 * @throws `damaged`, or `unsupported-format` for a version that this code doesn't read.
 */
export function decodeReceipt(
  bytes: Uint8Array,
  { source, manifestId, id }: ReceiptName,
  keys: TrustedKeys | null,
): { receipt: Receipt; keyId: string | null } {
  const subject = `the receipt ${id} of ${source}`
  if (bytes.length > maxReceiptBytes) throw unreadable(subject, `it has ${bytes.length} bytes`)
  const { payload, keyId } = openEnvelope(bytes, { payloadType: receiptType, keys, subject })
  const receipt = parseStatement(payload, { schema: receiptSchema, formatVersion, subject, unreadable })
  // Else a copy of a signed receipt under a new key would replace a newer one.
  if (receipt.source !== source || receipt.manifest.id !== manifestId || receipt.id !== id)
    throw unreadable(
      subject,
      `it claims to be ${receipt.id} of ${receipt.source}, for ${receipt.manifest.id}`,
    )
  return { receipt, keyId }
}

function unreadable(subject: string, detail: string, cause?: unknown): HoldfastError {
  return new HoldfastError('damaged', `${subject} is damaged: ${detail}`, {
    hint: 'the snapshot is not affected: the notary writes another receipt if it is asked to examine it again',
    cause,
  })
}
