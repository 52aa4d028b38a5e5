// The keys of a cluster's write-ahead log in the vault:
//
//   sources/<source>/wal/<system id>/<timeline>/<start>-<end>-<ULID>   the bytes from start up to end, without end
//   sources/<source>/wal/<system id>/<timeline>/history-<ULID>         the history file of a timeline
//   receipts/<source>/wal/<ULID>                                       the notary's receipts (wal-receipt.ts)
//
// The timeline has 8 upper-case hexadecimal digits and a position 16, so that a listing sorts as the log does. Keys
// that a listing returns are hostile until the functions here have parsed them.
import { isSourceName, isUlid, receiptPrefix, sourcePrefix } from '../store/vault-keys.ts'
import { isTimeline, lsnHex, parseLsnHex, timelineHex } from './lsn.ts'

const systemIdPattern = /^[1-9][0-9]{0,19}$/
const timelinePattern = /^[0-9A-F]{8}$/

/** One line of the log: a cluster, by the system identifier that `initdb` gave it, and a timeline. */
export interface WalLine {
  source: string
  /** Decimal, as `pg_controldata` prints it. */
  systemId: string
  timeline: number
}

/** The fields of a WAL part's key. */
export interface WalPartName extends WalLine {
  start: bigint
  /** Not included. Equal to `start` if the part only confirms that no WAL followed. */
  end: bigint
  /** The ULID of the key. */
  id: string
}

export interface WalReceiptName {
  source: string
  id: string
}

export interface WalHistoryName extends WalLine {
  id: string
}

export function isSystemId(text: string): boolean {
  return systemIdPattern.test(text) && BigInt.asUintN(64, BigInt(text)) === BigInt(text)
}

export function walPrefix(source: string): string {
  return `${sourcePrefix(source)}wal/`
}

export function walLinePrefix({ source, systemId, timeline }: WalLine): string {
  return `${walPrefix(source)}${systemId}/${timelineHex(timeline)}/`
}

export function walPartKey(name: WalPartName): string {
  return `${walLinePrefix(name)}${lsnHex(name.start)}-${lsnHex(name.end)}-${name.id}`
}

export function walHistoryKey(name: WalHistoryName): string {
  return `${walLinePrefix(name)}history-${name.id}`
}

export function walReceiptPrefix(source: string): string {
  return `${receiptPrefix(source)}wal/`
}

export function walReceiptKey({ source, id }: WalReceiptName): string {
  return `${walReceiptPrefix(source)}${id}`
}

/** The parts of the key of a receipt for WAL; null if `key` is not one. */
export function parseWalReceiptKey(key: string): WalReceiptName | null {
  const parts = key.split('/')
  const [receipts, source, wal, id] = parts
  if (parts.length !== 4 || receipts !== 'receipts' || wal !== 'wal') return null
  return isSourceName(source!) && isUlid(id!) ? { source: source!, id: id! } : null
}

/** The parts of a WAL part's key; null if `key` is not one. */
export function parseWalPartKey(key: string): WalPartName | null {
  const split = splitKey(key)
  const fields = split?.objectName.split('-') ?? []
  if (split === null || fields.length !== 3 || !isUlid(fields[2]!)) return null
  const start = parseLsnHex(fields[0]!)
  const end = parseLsnHex(fields[1]!)
  return start !== null && end !== null && start <= end ? { ...split.line, start, end, id: fields[2]! } : null
}

/** The parts of a history file's key; null if `key` is not one. */
export function parseWalHistoryKey(key: string): WalHistoryName | null {
  const split = splitKey(key)
  if (split === null || !split.objectName.startsWith('history-')) return null
  const id = split.objectName.slice('history-'.length)
  return isUlid(id) ? { ...split.line, id } : null
}

/** True for the key of a WAL part or of a history file. */
export function isWalKey(key: string): boolean {
  return parseWalPartKey(key) !== null || parseWalHistoryKey(key) !== null
}

function splitKey(key: string): { line: WalLine; objectName: string } | null {
  const parts = key.split('/')
  const [sources, source, wal, systemId, timelineText, objectName] = parts
  if (parts.length !== 6 || sources !== 'sources' || wal !== 'wal') return null
  if (!isSourceName(source!) || !isSystemId(systemId!) || !timelinePattern.test(timelineText!)) return null
  const timeline = Number.parseInt(timelineText!, 16)
  return isTimeline(timeline)
    ? { line: { source: source!, systemId: systemId!, timeline }, objectName: objectName! }
    : null
}
