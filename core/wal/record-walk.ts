// Walks over the records of a write-ahead log, to find the commits and aborts. A recovery to a time stops at these
// alone.
//
// The log is a sequence of pages of 8 KiB, each with a header. Records begin at multiples of 8 bytes, and continue on
// the next page. The walk takes the log in chunks of any size, reads each byte once, and remembers one record at
// most. All bytes are hostile: where they are no valid log, the walk ends, as a recovery would.
//
// The layout is that of PostgreSQL's access/xlogrecord.h, access/xlog_internal.h and access/xact.h, versions 13 to
// 18.
import { crc32cEnd, crc32cStart, crc32cUpdate } from './crc32c.ts'
import { lsnHex, parseLsnHex, segmentStart } from './lsn.ts'
import {
  isLogRecord,
  isRecordLength,
  isRestorePointRecord,
  isSwitchRecord,
  isTransactionRecord,
  readRecordEnd,
  readRestorePoint,
  recordHeadBytes,
  recordHeaderBytes,
  restorePointBytes,
} from './transaction-record.ts'
import { longHeaderBytes, pageBytes, readPageHeader, shortHeaderBytes } from './wal-page.ts'
import type { TransactionEnd } from './wal-part.ts'

/** The transactions that ended in the bytes since the last call. */
export interface WalkedFacts {
  lastCommit: TransactionEnd | null
  lastAbort: TransactionEnd | null
  /** False if a record ended whose beginning the walk had not, or if the bytes are no valid log. */
  isExamined: boolean
}

/** Where a walk stopped, as JSON: another process goes on with the next byte. */
export interface WalkState {
  /** The position of the next byte. */
  lsn: string
  /** The begin of the last whole record; null if there was none. */
  previous: string | null
  /** A record of which the first bytes came; null between two records. */
  open: { start: string; totalBytes: number; takenBytes: number; head: string; crc: number } | null
  /** True after a switch, until the end of the segment. */
  isSwitched: boolean
}

interface WalkedRecord extends TransactionEnd {
  /** The position behind the record. */
  endLsn: bigint
}

/** Each is called in the order of the log. */
export interface RecordListener {
  transactionEnded?(end: WalkedRecord & { isCommit: boolean; xid: number }): void
  /** Without it, the walk doesn't examine these records. */
  restorePointMade?(point: WalkedRecord & { name: string }): void
}

/** Positions in a walk count from `base`, as numbers: half of the time of a walk would go into big integers. */
interface OpenRecord {
  start: number
  /** 0 until the record's header is complete. */
  totalBytes: number
  takenBytes: number
  crc: number
  /** True for an end of a transaction, and for a restore point if a listener asks for them. */
  isRead: boolean
}

/**
 * `unsynced`: the next record begins after the next page's header. `skipping`: a record goes on whose beginning is
 * unknown. `switched`: PostgreSQL left the rest of the segment empty. `ended`: no valid log follows.
 */
type Phase = 'unsynced' | 'skipping' | 'between' | 'record' | 'switched' | 'ended'

export class RecordWalk {
  private readonly listener: RecordListener | null
  /** The size of a segment, and the begin of the one in which the walk began, also in two halves. */
  private readonly base: Readonly<{ segmentBytes: number; lsn: bigint; high: number; low: number }>
  private position: number
  private phase: Phase = 'unsynced'
  private skipBytes = 0
  private record: OpenRecord | null = null
  /** The first bytes of the open record. */
  private readonly head = Buffer.alloc(restorePointBytes)
  private readonly chain: { previous: number | null; end: number }
  private readonly pageHeader = { bytes: Buffer.alloc(longHeaderBytes), length: 0 }
  private facts: WalkedFacts = { lastCommit: null, lastAbort: null, isExamined: true }

  /**
   * @param start the position of the first byte. Before the first page's header from there, and in the record that
   *   continues on that page, the walk finds nothing.
   */
  constructor(
    { start, segmentBytes }: { start: bigint; segmentBytes: number },
    listener: RecordListener | null = null,
  ) {
    const lsn = segmentStart(start, segmentBytes)
    this.base = { segmentBytes, lsn, high: Number(lsn >> 32n), low: Number(lsn & 0xffffffffn) }
    this.position = Number(start - lsn)
    this.chain = { previous: null, end: this.position }
    this.listener = listener
  }

  /** Goes on where another walk stopped; null if `state` is none of this position. */
  static resume(
    state: WalkState,
    { start, segmentBytes }: { start: bigint; segmentBytes: number },
    listener: RecordListener | null = null,
  ): RecordWalk | null {
    if (parseLsnHex(state.lsn) !== start) return null
    const walk = new RecordWalk({ start, segmentBytes }, listener)
    const previous = state.previous === null ? null : parseLsnHex(state.previous)
    walk.chain.previous = previous === null ? null : Number(previous - walk.base.lsn)
    walk.phase = state.isSwitched ? 'switched' : 'between'
    if (state.open === null) return walk
    const { totalBytes, takenBytes, crc } = state.open
    const head = Buffer.from(state.open.head, 'base64')
    const recordStart = parseLsnHex(state.open.start)
    if (recordStart === null || head.length !== Math.min(takenBytes, recordHeadBytes)) return null
    head.copy(walk.head)
    const isRead = totalBytes > 0 && isTransactionRecord(head)
    walk.record = { start: Number(recordStart - walk.base.lsn), totalBytes, takenBytes, crc, isRead }
    walk.phase = 'record'
    return walk
  }

  /** Null where another walk could not go on: the records are unknown, or no valid log followed. */
  get state(): WalkState | null {
    if (this.phase === 'unsynced' || this.phase === 'skipping' || this.phase === 'ended') return null
    if (this.pageHeader.length > 0) return null
    const { record, chain } = this
    return {
      lsn: lsnHex(this.lsnOf(this.position)),
      previous: chain.previous === null ? null : lsnHex(this.lsnOf(chain.previous)),
      open: record === null ? null : this.openState(record),
      isSwitched: this.phase === 'switched',
    }
  }

  private openState({ start, totalBytes, takenBytes, crc }: OpenRecord): WalkState['open'] {
    const head = this.head.toString('base64', 0, Math.min(takenBytes, recordHeadBytes))
    return { start: lsnHex(this.lsnOf(start)), totalBytes, takenBytes, head, crc }
  }

  private lsnOf(position: number): bigint {
    return this.base.lsn + BigInt(position)
  }

  /** The end of the last whole record; where the walk began if there is none. */
  get end(): bigint {
    return this.lsnOf(this.chain.end)
  }

  /** True if the bytes hold no valid log from `end` on: the end of the log, or damage. */
  get isEnded(): boolean {
    return this.phase === 'ended'
  }

  takeFacts(): WalkedFacts {
    const { facts } = this
    this.facts = { lastCommit: null, lastAbort: null, isExamined: true }
    return facts
  }

  /** @param chunk the bytes that follow those of the last call. */
  feed(chunk: Buffer): void {
    let offset = 0
    while (offset < chunk.length && this.phase !== 'ended') {
      const inPage = this.position % pageBytes
      if (inPage === this.pageHeader.length && inPage < this.headerBytes()) {
        offset += this.takeHeader(chunk, offset)
        continue
      }
      const limit = Math.min(chunk.length, offset + pageBytes - inPage)
      if (this.phase === 'between') offset += this.takeShortRecords(chunk, offset, limit)
      if (offset < limit) offset += this.takePage(chunk.subarray(offset, limit))
    }
    // Without this, a part of which nothing was understood would count as examined.
    if (offset < chunk.length) this.facts.isExamined = false
  }

  /** The first page of a segment has a longer header. */
  private headerBytes(): number {
    return this.position % this.base.segmentBytes < pageBytes ? longHeaderBytes : shortHeaderBytes
  }

  /**
   * Passes over the records that lie in this page and end no transaction: nearly all of a busy server's. It stops
   * before any other one.
   * @returns the bytes that it took.
   */
  private takeShortRecords(page: Buffer, offset: number, limit: number): number {
    const { chain } = this
    let at = offset
    for (;;) {
      const begin = at + ((8 - ((this.position + at - offset) % 8)) % 8)
      if (begin + recordHeaderBytes > limit || chain.previous === null) break
      const totalBytes = page.readUInt32LE(begin)
      const isShort = isRecordLength(totalBytes) && begin + totalBytes <= limit
      if (!isShort || isLogRecord(page, begin) || isTransactionRecord(page, begin)) break
      if (!this.isChained(page.readUInt32LE(begin + 8), page.readUInt32LE(begin + 12))) break
      chain.previous = this.position + begin - offset
      at = begin + totalBytes
      chain.end = this.position + at - offset
    }
    this.position += at - offset
    return at - offset
  }

  /** True if a record with this pointer, in two halves, follows the last one. */
  private isChained(low: number, high: number): boolean {
    const { base, chain } = this
    if (chain.previous === null) return ((BigInt(high) << 32n) | BigInt(low)) < this.lsnOf(this.position)
    const sum = base.low + chain.previous
    const carry = Math.floor(sum / 2 ** 32)
    return low === sum - carry * 2 ** 32 && high === base.high + carry
  }

  private takeHeader(chunk: Buffer, offset: number): number {
    const header = this.pageHeader
    const headerBytes = this.headerBytes()
    const length = Math.min(headerBytes - header.length, chunk.length - offset)
    chunk.copy(header.bytes, header.length, offset, offset + length)
    header.length += length
    this.position += length
    if (header.length === headerBytes) {
      header.length = 0
      this.openPage(headerBytes)
    }
    return length
  }

  private openPage(headerBytes: number): void {
    // PostgreSQL leaves the pages after a switch empty, also without headers.
    if (this.phase === 'switched' && headerBytes === shortHeaderBytes) return
    const page = readPageHeader(this.pageHeader.bytes.subarray(0, headerBytes), this.base.segmentBytes)
    if (page?.lsn !== this.lsnOf(this.position - headerBytes)) return this.endHere()
    this.enterPage(page.continuedBytes, page.isOverwritten)
  }

  private enterPage(continued: number, isOverwritten: boolean): void {
    const { record } = this
    if (record !== null) {
      // After a crash, PostgreSQL gives a record up that it had begun, and says so on the page that should continue
      // it.
      if (isOverwritten && continued === 0) this.dropRecord()
      else if (continued !== this.missingBytes(record)) this.endHere()
      return
    }
    if (this.phase === 'unsynced' || this.phase === 'skipping') {
      if (this.phase === 'skipping' && continued !== this.skipBytes) this.skipBytes = 0
      if (continued === 0) return this.sync()
      this.phase = 'skipping'
      this.skipBytes = continued
      return
    }
    if (continued > 0) return this.endHere()
    this.phase = 'between'
  }

  /** A page says how many bytes of the record that it continues are missing. */
  private missingBytes({ totalBytes, takenBytes }: OpenRecord): number {
    return (totalBytes > 0 ? totalBytes : this.head.readUInt32LE(0)) - takenBytes
  }

  private sync(): void {
    this.phase = 'between'
    this.skipBytes = 0
  }

  private dropRecord(): void {
    this.record = null
    this.phase = 'between'
  }

  private endHere(): void {
    this.phase = 'ended'
    this.record = null
    this.facts.isExamined = false
  }

  /** @param page the bytes up to the end of the page, or fewer. @returns how many it used. */
  private takePage(page: Buffer): number {
    let length: number
    if (this.phase === 'between') length = this.beginRecord(page)
    else if (this.phase === 'record') length = this.continueRecord(page)
    else length = this.skip(page)
    this.position += length
    if (this.phase === 'record') this.finishIfWhole()
    return length
  }

  private skip(page: Buffer): number {
    if (this.phase !== 'skipping') {
      if (this.phase === 'unsynced') this.facts.isExamined = false
      return page.length
    }
    const length = Math.min(page.length, this.skipBytes)
    this.skipBytes -= length
    this.facts.isExamined = false
    if (this.skipBytes === 0) this.phase = 'between'
    return length
  }

  private beginRecord(page: Buffer): number {
    const padding = (8 - (this.position % 8)) % 8
    if (padding > 0) return Math.min(padding, page.length)
    this.record = {
      start: this.position,
      totalBytes: 0,
      takenBytes: 0,
      crc: crc32cStart,
      isRead: false,
    }
    this.phase = 'record'
    return 0
  }

  private continueRecord(page: Buffer): number {
    const record = this.record!
    if (record.totalBytes === 0) return this.continueHeader(record, page)
    const length = Math.min(page.length, record.totalBytes - record.takenBytes)
    if (record.isRead) {
      const bytes = page.subarray(0, length)
      record.crc = crc32cUpdate(record.crc, bytes)
      if (record.takenBytes < this.head.length) bytes.copy(this.head, record.takenBytes)
    }
    record.takenBytes += length
    return length
  }

  private continueHeader(record: OpenRecord, page: Buffer): number {
    const { head } = this
    const length = Math.min(page.length, recordHeaderBytes - record.takenBytes)
    page.copy(head, record.takenBytes, 0, length)
    record.takenBytes += length
    // The length lies in the first bytes, which no page splits. Zeros are the end of the log.
    const hasLength = record.takenBytes >= 4
    if (hasLength && !isRecordLength(head.readUInt32LE(0))) this.endHere()
    else if (record.takenBytes === recordHeaderBytes) {
      if (!this.isChained(head.readUInt32LE(8), head.readUInt32LE(12))) this.endHere()
      record.totalBytes = head.readUInt32LE(0)
      const isPoint = this.listener?.restorePointMade !== undefined && isRestorePointRecord(head)
      record.isRead = isPoint || isTransactionRecord(head)
    }
    return length
  }

  private finishIfWhole(): void {
    const { record, head, chain } = this
    if (record === null || record.totalBytes === 0 || record.takenBytes < record.totalBytes) return
    if (record.isRead && !this.readRecord(record)) return this.endHere()
    chain.previous = record.start
    chain.end = this.position
    this.record = null
    const isSwitch = isSwitchRecord(head)
    this.phase = isSwitch && this.position % this.base.segmentBytes !== 0 ? 'switched' : 'between'
  }

  /** @returns false for a record whose checksum is wrong. */
  private readRecord(record: OpenRecord): boolean {
    const { head } = this
    const crc = crc32cEnd(crc32cUpdate(record.crc, head.subarray(0, 20)))
    if (crc !== head.readUInt32LE(20)) return false
    const [lsn, endLsn] = [this.lsnOf(record.start), this.lsnOf(this.position)]
    if (isLogRecord(head)) {
      const point = readRestorePoint(head.subarray(0, Math.min(head.length, record.totalBytes)))
      if (point !== null) this.listener?.restorePointMade?.({ ...point, lsn, endLsn })
      return true
    }
    const recordEnd = readRecordEnd(head.subarray(0, Math.min(recordHeadBytes, record.totalBytes)))
    if (recordEnd === null) return true
    const { isCommit, xid, timeUs } = recordEnd
    if (timeUs === null) {
      this.facts.isExamined = false
      return true
    }
    const end = { lsn, timeUs }
    if (isCommit) this.facts.lastCommit = later(this.facts.lastCommit, end)
    else this.facts.lastAbort = later(this.facts.lastAbort, end)
    this.listener?.transactionEnded?.({ ...end, endLsn, isCommit, xid })
    return true
  }
}

/** Prefers the second one of the same time, because a recovery reaches it last. */
function later(a: TransactionEnd | null, b: TransactionEnd): TransactionEnd {
  return a === null || b.timeUs >= a.timeUs ? b : a
}
