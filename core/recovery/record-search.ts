// Looks for the record at which a recovery ends: the end of a transaction, or a restore point. The headers of the parts
// don't have them, so that the WAL itself is read, before anything is written. PostgreSQL would replay all of it, and
// then fail.
import { readInOrder } from '../ordered-reads.ts'
import { RecordWalk } from '../wal/record-walk.ts'
import type { RecordListener } from '../wal/record-walk.ts'
import type { WalPartRef } from '../wal/wal-list.ts'
import type { ClusterWal } from './cluster-wal.ts'
import type { RecordTarget } from './recovery-target.ts'
import type { ChainLink } from './wal-chain.ts'

/** Parts of 16 MiB at most. */
const maxReadsAtOnce = 2

export interface FoundRecord {
  lsn: bigint
  /** The position behind it. */
  endLsn: bigint
}

/**
 * The first such record in the links, where PostgreSQL stops too; null if there is none. A part that can't be read
 * counts as unusable in `cluster` from then on.
 */
export async function findRecord(
  links: readonly ChainLink<WalPartRef>[],
  target: RecordTarget,
  { cluster, segmentBytes }: { cluster: ClusterWal; segmentBytes: number },
): Promise<FoundRecord | null> {
  const [first] = links
  if (first === undefined) return null
  const matches: FoundRecord[] = []
  const walk = new RecordWalk({ start: first.start, segmentBytes }, listenerFor(target, matches))
  const read = async (link: ChainLink<WalPartRef>) => ({ link, bytes: await cluster.bytes(link.part) })
  for await (const { link, bytes } of readInOrder(links, () => maxReadsAtOnce, read)) {
    if (bytes === null) return null
    walk.feed(bytes.subarray(Number(link.start - link.part.start), Number(link.end - link.part.start)))
    const [match] = matches
    if (match !== undefined) return match
  }
  return null
}

function listenerFor(target: RecordTarget, matches: FoundRecord[]): RecordListener {
  const keep = ({ lsn, endLsn }: FoundRecord): void => void matches.push({ lsn, endLsn })
  return target.kind === 'xid'
    ? { transactionEnded: (end) => (end.xid === target.xid ? keep(end) : undefined) }
    : { restorePointMade: (point) => (point.name === target.name ? keep(point) : undefined) }
}
