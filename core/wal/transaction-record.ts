// Records of the write-ahead log that end a transaction, as PostgreSQL's access/xlogrecord.h and access/xact.h describe
// them.

export const recordHeaderBytes = 24
/** The longest record that PostgreSQL writes (XLogRecordMaxSize). */
const recordLimit = 1020 * 2 ** 20
/** The first bytes of a record, in which the time of a commit lies: at byte 45 at the latest. */
export const recordHeadBytes = 64
/** The longest restore point: header, time, and a name of 64 bytes with the final NUL. */
export const restorePointBytes = recordHeaderBytes + 2 + 8 + 64

const resourceManager = { log: 0, transaction: 1 } as const
const switchInfo = 0x40
const restorePointInfo = 0x70
const operationMask = 0x70
/** The operations COMMIT and COMMIT PREPARED. */
const commits: readonly number[] = [0x00, 0x30]
/** The operations ABORT and ABORT PREPARED. */
const aborts: readonly number[] = [0x20, 0x40]

export function isRecordLength(bytes: number): boolean {
  return bytes >= recordHeaderBytes && bytes <= recordLimit
}

export function isTransactionRecord(head: Buffer, offset = 0): boolean {
  return head[offset + 17] === resourceManager.transaction
}

/** True for a record of the log itself, e.g. a checkpoint or a switch. */
export function isLogRecord(head: Buffer, offset = 0): boolean {
  return head[offset + 17] === resourceManager.log
}

/** True for the record after which the rest of its segment is empty. */
export function isSwitchRecord(head: Buffer): boolean {
  return isLogRecord(head) && (head[16]! & 0xf0) === switchInfo
}

/** True for the record of `pg_create_restore_point`. */
export function isRestorePointRecord(head: Buffer): boolean {
  return isLogRecord(head) && (head[16]! & 0xf0) === restorePointInfo
}

/** @param record all of it. @returns null for one of another form. */
export function readRestorePoint(record: Buffer): { timeUs: bigint; name: string } | null {
  const hasShortHeader = record.length === restorePointBytes && record[recordHeaderBytes] === 255
  if (!hasShortHeader) return null
  const data = record.subarray(recordHeaderBytes + 2)
  const name = data.subarray(8)
  const nul = name.indexOf(0)
  return nul === -1 ? null : { timeUs: data.readBigInt64LE(0), name: name.toString('utf8', 0, nul) }
}

export interface RecordEnd {
  isCommit: boolean
  xid: number
  /** Null if it can't be read. */
  timeUs: bigint | null
}

/**
 * @param head the first `recordHeadBytes` bytes of a record of a transaction, or all of it.
 * @returns null for a record that ends no transaction.
 */
export function readRecordEnd(head: Buffer): RecordEnd | null {
  const operation = head[16]! & operationMask
  const isCommit = commits.includes(operation)
  if (!isCommit && !aborts.includes(operation)) return null
  return { isCommit, xid: head.readUInt32LE(4), timeUs: readTime(head) }
}

const fieldBytes: Readonly<Record<number, number>> = { 253: 3, 252: 5 }
const dataHeaderBytes: Readonly<Record<number, number>> = { 255: 2, 254: 5 }

/**
 * The time is the first field of the record's data. Origin and top-level transaction may stand before the data, and no
 * such record has blocks.
 */
function readTime(head: Buffer): bigint | null {
  let offset = recordHeaderBytes
  while (fieldBytes[head[offset] ?? 0] !== undefined) offset += fieldBytes[head[offset]!]!
  const headerBytes = dataHeaderBytes[head[offset] ?? 0]
  if (headerBytes === undefined || offset + headerBytes + 8 > head.length) return null
  return head.readBigInt64LE(offset + headerBytes)
}
