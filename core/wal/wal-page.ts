// The pages and segments of a write-ahead log, as PostgreSQL's access/xlog_internal.h describes them.
import { isSegmentBytes } from './lsn.ts'

export const pageBytes = 8192
/** The header of the first page of a segment, which names the cluster. */
export const longHeaderBytes = 40
/** The header of each other page. */
export const shortHeaderBytes = 24

const majorOfMagic: Readonly<Record<number, number>> = {
  0xd106: 13,
  0xd10d: 14,
  0xd110: 15,
  0xd113: 16,
  0xd116: 17,
  0xd118: 18,
}

const pageFlag = { continuation: 1, longHeader: 2, overwrite: 8 } as const

export interface PageHeader {
  /** The position of the page's first byte. */
  lsn: bigint
  /** The bytes that are missing of a record which began on an earlier page; 0 if none continues here. */
  continuedBytes: number
  /** True if the record that should continue here was given up after a crash. */
  isOverwritten: boolean
}

/**
 * @param bytes the whole header: the long one for the first page of a segment.
 * @returns null for what no known version of PostgreSQL writes.
 */
export function readPageHeader(bytes: Buffer, segmentBytes: number): PageHeader | null {
  const flags = bytes.readUInt16LE(2)
  const isFirst = bytes.length === longHeaderBytes
  const isPage =
    majorOfMagic[bytes.readUInt16LE(0)] !== undefined &&
    ((flags & pageFlag.longHeader) !== 0) === isFirst &&
    (!isFirst || bytes.readUInt32LE(32) === segmentBytes)
  if (!isPage) return null
  return {
    lsn: bytes.readBigUInt64LE(8),
    continuedBytes: (flags & pageFlag.continuation) === 0 ? 0 : bytes.readUInt32LE(16),
    isOverwritten: (flags & pageFlag.overwrite) !== 0,
  }
}

/** The statements of a segment's first page about the segment. */
export interface SegmentHeader {
  systemId: string
  timeline: number
  start: bigint
  segmentBytes: number
  /** Null for a version that this code doesn't know. */
  postgresMajor: number | null
}

/** @returns null for bytes that begin no segment. */
export function readSegmentHeader(bytes: Buffer): SegmentHeader | null {
  if (bytes.length < longHeaderBytes) return null
  const magic = bytes.readUInt16LE(0)
  const isLong = (bytes.readUInt16LE(2) & pageFlag.longHeader) !== 0
  const segmentBytes = bytes.readUInt32LE(32)
  const isSegment = (magic & 0xff00) === 0xd100 && isLong && isSegmentBytes(segmentBytes)
  const start = bytes.readBigUInt64LE(8)
  if (!isSegment || bytes.readUInt32LE(36) !== pageBytes || start % BigInt(segmentBytes) !== 0n) return null
  return {
    systemId: String(bytes.readBigUInt64LE(24)),
    timeline: bytes.readUInt32LE(4),
    start,
    segmentBytes,
    postgresMajor: majorOfMagic[magic] ?? null,
  }
}
