// Writes the WAL of a recovery into `pg_wal`, checked byte by byte. The server then needs no vault, no network and no
// credentials, and a damaged part is found here: PostgreSQL would take it for the end of the WAL, and promote.
import { HoldfastError } from '../../core/errors.ts'
import { maxWalPartObjectBytes } from '../../core/limits.ts'
import { readInOrder } from '../../core/ordered-reads.ts'
import type { ClusterWal } from '../../core/recovery/cluster-wal.ts'
import type { RecoveryChoice } from '../../core/recovery/recovery-choice.ts'
import type { ChainLink } from '../../core/recovery/wal-chain.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { lsnText, segmentName, segmentStart, timelineHex } from '../../core/wal/lsn.ts'
import type { WalPartRef } from '../../core/wal/wal-list.ts'
import { walDamaged } from '../../core/wal/wal-object.ts'
import { decodeWalPart } from '../../core/wal/wal-part.ts'
import type { ClusterDirectory } from './cluster-directory.ts'

export interface WalFilesOptions {
  store: ObjectStore
  cluster: ClusterWal
  choice: RecoveryChoice
  directory: ClusterDirectory
  signal?: AbortSignal
  onProgress?: (bytes: number) => void
}

export interface WalFiles {
  segments: number
  bytes: number
}

const maxReadsAtOnce = 8
/** Offsets in the first page of a segment: the position of the page, and the cluster's system identifier. */
const segmentHeader = { address: 8, systemId: 24, bytes: 36 }

/**
 * @throws `damaged` with the position of a part that can't be used; `conflict` if the vault has other bytes under the
 * same range.
 */
export async function writeWalFiles(options: WalFilesOptions): Promise<WalFiles> {
  const { cluster, choice, directory, signal } = options
  const { segmentBytes } = choice.base.postgres
  await assertNoConflict(options)
  const files = new Set<string>()
  let bytes = 0
  const read = async (link: ChainLink<WalPartRef>) => ({ link, content: await readLink(options, link) })
  for await (const { link, content } of readInOrder(choice.links, () => maxReadsAtOnce, read)) {
    signal?.throwIfAborted()
    const start = segmentStart(link.start, segmentBytes)
    const file = `pg_wal/${segmentName(timelineAt(choice, start), start, segmentBytes)}`
    if (!files.has(file)) {
      // A segment that is cut anywhere and padded with zeros recovers the whole records before the cut.
      directory.createSized(file, segmentBytes)
      files.add(file)
    }
    directory.writeAt(file, content, Number(link.start - start))
    bytes += content.length
    options.onProgress?.(bytes)
  }
  // Also those of other timelines: the server gives its new timeline a number that none of them has.
  for (const { timeline, bytes: history } of cluster.histories)
    directory.writeNew(`pg_wal/${timelineHex(timeline)}.history`, history)
  return { segments: files.size, bytes }
}

/** PostgreSQL looks for a segment under the newest timeline of its history that has bytes in it. */
function timelineAt({ path, base }: RecoveryChoice, start: bigint): number {
  const { segmentBytes, timeline } = base.postgres
  const step = path.findLast(({ begin }) => segmentStart(begin, segmentBytes) <= start)
  return step?.timeline ?? timeline
}

async function readLink(
  { store, choice, cluster, signal }: WalFilesOptions,
  { part: ref, start, end }: ChainLink<WalPartRef>,
): Promise<Buffer> {
  signal?.throwIfAborted()
  const subject = `the WAL of ${ref.source} at ${lsnText(ref.start)} of timeline ${ref.timeline}`
  if (ref.storedBytes > maxWalPartObjectBytes) throw walDamaged(subject, `it has ${ref.storedBytes} bytes`)
  const { part, bytes } = await decodeWalPart(await store.getRange(ref, 0, ref.storedBytes), ref)
  if (part.segmentBytes !== choice.base.postgres.segmentBytes)
    throw walDamaged(subject, `its segments have ${part.segmentBytes} bytes`)
  const isWholeHeader = bytes.length >= segmentHeader.bytes
  if (isWholeHeader && segmentStart(part.start, part.segmentBytes) === part.start)
    assertHeader(bytes, { part: ref, systemId: cluster.systemId, subject })
  return bytes.subarray(Number(start - ref.start), Number(end - ref.start))
}

function assertHeader(
  bytes: Buffer,
  { part, systemId, subject }: { part: WalPartRef; systemId: string; subject: string },
): void {
  if (bytes.readBigUInt64LE(segmentHeader.systemId).toString() !== systemId)
    throw walDamaged(subject, 'its first page is of another cluster')
  if (bytes.readBigUInt64LE(segmentHeader.address) !== part.start)
    throw walDamaged(subject, 'its first page is of another position')
}

/** Two objects of one range with other bytes: two clusters write into one source, or an attacker does. */
async function assertNoConflict({ choice, cluster }: WalFilesOptions): Promise<void> {
  const chosen = new Map(choice.links.map(({ part }) => [rangeOf(part), part]))
  const timelines = new Set(choice.links.map(({ part }) => part.timeline))
  for (const timeline of timelines) {
    for (const part of cluster.partsOf(timeline)) {
      const first = chosen.get(rangeOf(part))
      if (first === undefined || first === part || part.start === part.end) continue
      const [head, twin] = [await cluster.head(first), await cluster.head(part)]
      if (head === null || twin === null || head.sha256 === twin.sha256) continue
      throw new HoldfastError(
        'conflict',
        `the vault has two different parts of the WAL of ${part.source} at ${lsnText(part.start)} of timeline ${timeline}`,
        {
          hint: 'find out which cluster wrote each of them: two clusters must never write into one source; an earlier target may be before it',
          context: { keys: [first.key, part.key] },
        },
      )
    }
  }
}

function rangeOf({ timeline, start, end }: WalPartRef): string {
  return `${timeline} ${start} ${end}`
}
