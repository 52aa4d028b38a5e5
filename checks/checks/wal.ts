// Whether the write-ahead log of a cluster reaches from its bases to now. A base without the WAL after it brings back
// its own moment alone.
import { durationText } from '../../core/duration-text.ts'
import { isHoldfastError, objectFailures } from '../../core/errors.ts'
import { followWal, isOnPath } from '../../core/recovery/wal-chain.ts'
import type { WalChain } from '../../core/recovery/wal-chain.ts'
import { loadSnapshot } from '../../core/snapshot/snapshot.ts'
import { timeText } from '../../core/time-text.ts'
import { lsnText, parseLsnHex } from '../../core/wal/lsn.ts'
import { FindingList } from '../outcome.ts'
import type { Check } from '../check.ts'
import type { JudgedSnapshot } from '../good-snapshots.ts'
import type { ClusterRecord } from '../source-state.ts'
import { clusterOf } from '../source-view.ts'
import type { SourceView } from '../source-view.ts'
import type { TimelineWal, WalRun, WalSurvey } from '../wal/wal-survey.ts'

export const wal: Check = {
  id: 'wal',
  question:
    'Does the write-ahead log of a running cluster reach from its bases to now, without a gap, and does the notary attest it?',
  severity: 'critical',
  evidence:
    'The position and the time up to which the log is in the vault, each gap, each part that can not be read or that the notary flags, the time up to which the notary attests the log, and each other cluster that writes under this source.',
  remedy:
    'Look whether `archive_command` or `holdfast postgres stream` runs on the server, and what it reports. After a gap or a flagged part, make a new base backup at once: later times can not be reached from the older ones any more. If only receipts are missing, look whether the notary runs. `--ignore` with the key of a flagged part ends its finding.',
  async run({ source, objectives, view }) {
    const findings = new FindingList()
    const nowMs = await view.nowMs()
    const bases = await goodBases(view)
    const newest = bases.at(-1)
    if (newest === undefined)
      return findings.outcome(`${source} has no good base of a running cluster, so that it needs no WAL`)
    const survey = await view.wal()
    for (const { subject, detail } of survey.problems) findings.failed(subject, detail)
    const lines = survey.timelines.filter(({ systemId }) => systemId === newest.cluster.systemId)
    const current = currentLine(lines, newest)
    for (const systemId of otherClusters(survey, newest))
      findings.failed(
        source,
        `another cluster, ${systemId}, writes its WAL under this source since the newest base: give each cluster a source of its own`,
      )
    if (current === null) {
      findings.failed(source, `the vault has no WAL of the cluster of its newest base ${newest.id}`)
      return findings.outcome(`${source} has no WAL for its newest base`)
    }
    for (const [index, base] of bases.entries())
      addGaps(findings, base, { next: bases[index + 1] ?? null, current, lines })
    const chain = chainFrom(newest, current, lines)
    const confirmedMs = confirmedAt(chain, lines)
    const ageMs = confirmedMs === null ? Infinity : nowMs - confirmedMs
    const limitMs = objectives.maxWalAgeMs ?? objectives.maxAgeMs
    const summary =
      confirmedMs === null
        ? `${source} has no WAL after its newest base`
        : `the WAL of ${source} reaches ${lsnText(chain.end)} of timeline ${chain.timeline}, confirmed at ${timeText(confirmedMs)}, ${durationText(Math.max(0, ageMs))} ago; the objective is ${durationText(limitMs)}`
    if (ageMs > limitMs) findings.failed(source, summary)
    const { maxAgeMs, ignored } = objectives
    const [{ timeMs: oldestMs }] = bases as [GoodBase, ...GoodBase[]]
    addReceipts(findings, await view.walReceipt(), {
      source,
      nowMs,
      maxAgeMs,
      ignored,
      confirmedMs,
      oldestMs,
    })
    return findings.outcome(summary)
  },
}

interface Attested {
  source: string
  nowMs: number
  /** The WAL is attested as late as a snapshot may be. */
  maxAgeMs: number
  ignored: ReadonlySet<string>
  confirmedMs: number | null
  /** The time of the oldest base. */
  oldestMs: number
}

function addReceipts(
  findings: FindingList,
  { isInUse, receipt, rejected }: Awaited<ReturnType<SourceView['walReceipt']>>,
  { source, nowMs, maxAgeMs, ignored, confirmedMs, oldestMs }: Attested,
): void {
  for (const { key, reason } of rejected) findings.failed(key, reason)
  if (!isInUse) return
  const attestedMs = receipt?.completeMs ?? 0
  const isNewer = confirmedMs !== null && confirmedMs > attestedMs
  if (isNewer && nowMs - Math.max(attestedMs, oldestMs) > maxAgeMs)
    findings.failed(
      source,
      attestedMs === 0
        ? 'the notary has attested no WAL of this source'
        : `the notary has attested no WAL since ${timeText(attestedMs)}; the objective is ${durationText(maxAgeMs)}`,
    )
  if (receipt === null) return
  const flags = receipt.flags.filter(({ key }) => !ignored.has(key) && !ignored.has(key.slice(-26)))
  for (const { kind, key, detail } of flags) findings.failed(key, `the notary flags it (${kind}): ${detail}`)
  if (receipt.flagCount > receipt.flags.length)
    findings.failed(
      source,
      `the notary flags ${receipt.flagCount - receipt.flags.length} more parts of the WAL`,
    )
}

interface GoodBase {
  id: string
  timeMs: number
  cluster: ClusterRecord
}

/** Oldest first. */
async function goodBases(view: SourceView): Promise<GoodBase[]> {
  const bases: GoodBase[] = []
  for (const snapshot of await view.judged()) {
    if (snapshot.defects.length > 0 || snapshot.record.manifest === null) continue
    const { manifest } = snapshot.record
    if (manifest.cluster === undefined) manifest.cluster = await readCluster(view, snapshot)
    const { id, timeMs } = snapshot.ref
    if (manifest.cluster !== null) bases.push({ id, timeMs, cluster: manifest.cluster })
  }
  return bases
}

/** A state of an earlier program doesn't have it. */
async function readCluster(view: SourceView, { ref }: JudgedSnapshot): Promise<ClusterRecord | null> {
  try {
    const { postgres } = (await loadSnapshot(view.store, ref)).manifest
    return postgres === undefined ? null : clusterOf(postgres)
  } catch (error) {
    if (!isHoldfastError(error, ...objectFailures)) throw error
    return null
  }
}

/** The newest timeline that continues the base: after a failover, the new primary has the highest number. */
function currentLine(lines: readonly TimelineWal[], { cluster }: GoodBase): TimelineWal | null {
  const stop = parseLsnHex(cluster.stopLsn)!
  const isFollowing = ({ path }: TimelineWal): boolean => isOnPath(path, cluster.timeline, stop)
  return lines.filter(isFollowing).reduce<TimelineWal | null>((newest, line) => {
    return newest === null || line.timeline > newest.timeline ? line : newest
  }, null)
}

/** Clusters whose WAL is newer than the newest base. An older one is what `pg_upgrade` left. */
function otherClusters({ timelines }: WalSurvey, { cluster, timeMs }: GoodBase): Set<string> {
  const isNewer = ({ runs }: TimelineWal): boolean => runs.some(({ confirmedMs }) => confirmedMs > timeMs)
  return new Set(
    timelines
      .filter((line) => line.systemId !== cluster.systemId && isNewer(line))
      .map(({ systemId }) => systemId),
  )
}

function chainFrom(
  { cluster }: GoodBase,
  { path }: TimelineWal,
  lines: readonly TimelineWal[],
): WalChain<WalRun> {
  const { timeline, startLsn, segmentBytes } = cluster
  return followWal(
    path,
    { timeline, lsn: parseLsnHex(startLsn)!, segmentBytes },
    (step) => lines.find((line) => line.timeline === step)?.runs ?? [],
  )
}

interface Following {
  /** Null for the newest base. */
  next: GoodBase | null
  current: TimelineWal
  lines: readonly TimelineWal[]
}

/** A base must have its own WAL, and that up to the next base. */
function addGaps(findings: FindingList, base: GoodBase, { next, current, lines }: Following): void {
  const { cluster } = base
  const isOfCluster = cluster.systemId === current.systemId
  // An earlier cluster, or a timeline that was given up: no WAL leads from it to now.
  if (!isOfCluster || !isOnPath(current.path, cluster.timeline, parseLsnHex(cluster.stopLsn)!)) return
  const chain = chainFrom(base, current, lines)
  const neededLsn = parseLsnHex(next?.cluster.stopLsn ?? cluster.stopLsn)!
  const behind = lines
    .filter(({ timeline }) => timeline >= chain.timeline && isOnPath(current.path, timeline, chain.end))
    .flatMap(({ runs }) => runs)
    .filter(({ start }) => start > chain.end)
    .sort((a, b) => (a.start < b.start ? -1 : 1))[0]
  if (chain.end >= neededLsn && (behind === undefined || next !== null)) return
  const gap =
    behind === undefined
      ? `the vault has no WAL past ${lsnText(chain.end)} of timeline ${chain.timeline}`
      : `WAL of timeline ${chain.timeline} is missing from ${lsnText(chain.end)} to ${lsnText(behind.start)}`
  findings.failed(base.id, `${gap}: no later time can be reached from this base`)
}

/** The server's time of the newest part that confirms the end of the chain; null for a chain without a part. */
function confirmedAt(chain: WalChain<WalRun>, lines: readonly TimelineWal[]): number | null {
  const line = lines.find(({ timeline }) => timeline === chain.timeline)
  return line?.runs.find(({ start, end }) => start < chain.end && chain.end <= end)?.confirmedMs ?? null
}
