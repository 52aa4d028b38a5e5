// A receipt for WAL: the notary's signed statement about the write-ahead log of a source. It replaces the one before
// it, because a part every two seconds would otherwise make a receipt every two seconds.
//
//   receipts/<source>/wal/<ULID> := a signed envelope (core/signature.ts) of JSON
import { z } from 'zod'
import { HoldfastError, isHoldfastError, objectFailures } from '../errors.ts'
import {
  maxReceiptBytes,
  maxReceiptText,
  maxRetentionDays,
  maxWalReceiptFlags,
  maxWalReceiptLines,
  maxWalReceiptRuns,
} from '../limits.ts'
import { rereadDamaged } from '../retry.ts'
import { openEnvelope, signEnvelope } from '../signature.ts'
import type { Signer, TrustedKeys } from '../signature.ts'
import { parseStatement } from '../signed-statement.ts'
import type { ObjectStore, ObjectVersion } from '../store/object-store.ts'
import { isSourceName, isUlid } from '../store/vault-keys.ts'
import { isTimeline, parseLsnHex } from './lsn.ts'
import { isSystemId, parseWalReceiptKey, walReceiptPrefix } from './wal-keys.ts'
import type { WalReceiptName } from './wal-keys.ts'

const walReceiptType = 'application/vnd.holdfast.wal-receipt+json'
const formatVersion = 1
/** A reader tries so many of the newest receipts: an attacker with the notary's role could add any number. */
export const maxWalReceiptsRead = 8

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const text = z.string().max(maxReceiptText)
const position = z.string().refine((value) => parseLsnHex(value) !== null, 'not a position')

const flag = z.strictObject({
  kind: text,
  /** The key of a part, or a prefix where no single part is meant. */
  key: text,
  versionId: z.string().min(1).max(1024).nullable(),
  /** The range of the log; null where it concerns no range. */
  range: z.tuple([position, position]).nullable(),
  detail: text,
})

const receiptSchema = z.strictObject({
  kind: z.literal('wal-receipt'),
  formatVersion: z.literal(formatVersion),
  source: z.string().refine(isSourceName, "not a source's name"),
  /** The ULID of the receipt's key. */
  id: z.string().refine(isUlid, 'not a ULID'),
  guarantee: z.strictObject({
    mode: z.enum(['COMPLIANCE', 'GOVERNANCE']).nullable(),
    days: z.number().int().min(1).max(maxRetentionDays),
  }),
  /**
   * Bytes of the log without a gap. Each lies in a part that the notary hashed, decoded and compared with the parts
   * that overlap it, in the first version of its key, locked as guaranteed.
   */
  lines: z
    .array(
      z.strictObject({
        systemId: z.string().refine(isSystemId, 'not a system identifier'),
        timeline: z.number().refine(isTimeline, 'not a timeline'),
        /** The last end of a lock. */
        lockedUntilMs: count,
        runs: z.array(z.tuple([position, position])).max(maxWalReceiptRuns),
      }),
    )
    .max(maxWalReceiptLines),
  /** Parts and ranges that are in no run, with the reason. */
  flags: z.array(flag).max(maxWalReceiptFlags),
  flagCount: count,
  /** The store's clock at the begin of the run. */
  readMs: count,
  /** The begin of the last run that left no part unread: a part from before is in a run, or flagged. */
  completeMs: count,
  /** The begin of the last run that listed every part. */
  listedMs: count,
  partsRead: count,
  bytesRead: count,
  checkedMs: count,
  notaryVersion: text,
})

export type WalReceipt = z.infer<typeof receiptSchema>
export type WalFlag = z.infer<typeof flag>

export async function encodeWalReceipt(receipt: WalReceipt, signer: Signer): Promise<Buffer> {
  const payload = Buffer.from(JSON.stringify(receiptSchema.parse(receipt)))
  const bytes = await signEnvelope(signer, walReceiptType, payload)
  if (bytes.length <= maxReceiptBytes) return bytes
  throw new HoldfastError('internal', `the receipt for WAL ${receipt.id} takes ${bytes.length} bytes`)
}

/** @throws `damaged`, or `unsupported-format` for a version that this code doesn't read. */
function decodeWalReceipt(bytes: Uint8Array, name: WalReceiptName, keys: TrustedKeys): WalReceipt {
  const subject = `the receipt ${name.id} for the WAL of ${name.source}`
  if (bytes.length > maxReceiptBytes) throw unreadable(subject, `it has ${bytes.length} bytes`)
  const { payload } = openEnvelope(bytes, { payloadType: walReceiptType, keys, subject })
  const receipt = parseStatement(payload, { schema: receiptSchema, formatVersion, subject, unreadable })
  // Else a copy of an older receipt under a new key would replace the newest one.
  if (receipt.source !== name.source || receipt.id !== name.id)
    throw unreadable(subject, `it claims to be ${receipt.id} of ${receipt.source}`)
  return receipt
}

export interface NewestWalReceipt {
  /** Null if no trusted key has signed one. */
  receipt: WalReceipt | null
  /** Newer ones that can't be trusted. */
  rejected: { key: string; reason: string }[]
}

/** Costs one listing, and one read if the newest receipt is a good one. @throws as the store. */
export async function readNewestWalReceipt(
  store: Pick<ObjectStore, 'listVersions' | 'getRange'>,
  source: string,
  keys: TrustedKeys,
): Promise<NewestWalReceipt> {
  let newest: (ObjectVersion & { name: WalReceiptName })[] = []
  for await (const version of store.listVersions(walReceiptPrefix(source))) {
    const name = parseWalReceiptKey(version.key)
    if (name === null || version.isDeleteMarker || version.isMultipart) continue
    newest = [...newest, { ...version, name }].slice(-maxWalReceiptsRead)
  }
  const rejected: NewestWalReceipt['rejected'] = []
  for (const { name, ...version } of newest.toReversed())
    try {
      const receipt = await rereadDamaged(async () =>
        decodeWalReceipt(
          await store.getRange(version, 0, Math.min(version.bytes, maxReceiptBytes + 1)),
          name,
          keys,
        ),
      )
      return { receipt, rejected }
    } catch (error) {
      if (!isHoldfastError(error, ...objectFailures)) throw error
      rejected.push({ key: version.key, reason: error.message })
    }
  return { receipt: null, rejected }
}

function unreadable(subject: string, detail: string, cause?: unknown): HoldfastError {
  return new HoldfastError('damaged', `${subject} is damaged: ${detail}`, {
    hint: 'the WAL is not affected: the notary writes another receipt in its next run',
    cause,
  })
}
