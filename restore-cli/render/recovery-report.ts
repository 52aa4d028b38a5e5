// The plan and the result of the recovery of a cluster, as text and as records.
import type { RecoveryRunResult } from '../../checks/restore-test/recovery.ts'
import { exactTimeText } from '../../core/recovery/postgres-time.ts'
import type { RecoveryChoice } from '../../core/recovery/recovery-choice.ts'
import { targetText } from '../../core/recovery/recovery-target.ts'
import { lsnText } from '../../core/wal/lsn.ts'
import type { WalFlag } from '../../core/wal/wal-receipt.ts'
import type { PreparedRecovery } from '../../engine/recovery/prepare-recovery.ts'
import { bytesText, countOf, countText, rows } from './figures.ts'
import { terminalText } from './terminal-text.ts'

const proofTexts: Readonly<Record<RecoveryChoice['proof'], string>> = {
  'later-transaction': 'the WAL has a transaction after the target',
  'no-later-transaction': 'the server had no later transaction up to the target',
  position: 'the WAL reaches past the position',
  end: 'everything that the vault holds',
}

export function recoveryPlanRecord(choice: RecoveryChoice): Record<string, unknown> {
  const { base, target, timeline, links, endLsn, last, proof, gap, otherTimelines } = choice
  return {
    base: base.ref.id,
    systemId: base.postgres.systemId,
    target: target.kind,
    to: targetText(target),
    timeline,
    proof,
    walParts: links.length,
    walBytes: walBytesOf(choice),
    fromLsn: lsnText(links[0]?.start ?? endLsn),
    endLsn: lsnText(endLsn),
    lastTransaction: last === null ? null : exactTimeText(last.timeUs),
    gap,
    otherTimelines,
  }
}

export function renderWalDoubts(flags: readonly WalFlag[]): string {
  const lines = flags.map(({ kind, key, detail }) =>
    terminalText(`warning: the notary flags WAL that the recovery needs (${kind}): ${key}: ${detail}`),
  )
  return lines.map((line) => `${line}\n`).join('')
}

export function renderRecoveryPlan(choice: RecoveryChoice): string {
  const { target, timeline, links, endLsn, last, proof, gap, otherTimelines } = choice
  const gapWarning =
    gap === null ? '' : `warning: the vault has later WAL that the recovery can't reach: ${gap}\n`
  const warning =
    otherTimelines.length === 0
      ? ''
      : `warning: the vault has WAL of ${otherTimelines.length === 1 ? 'timeline' : 'timelines'} ${otherTimelines.slice(0, 10).join(', ')} too, which the recovery doesn't follow; choose with --timeline\n`
  return `${gapWarning}${warning}Plan: recover to ${targetText(target)}.\n${rows([
    ['timeline', String(timeline)],
    [
      'WAL',
      `${bytesText(walBytesOf(choice))} in ${countOf(links.length, 'part')}, from ${lsnText(links[0]?.start ?? endLsn)} to ${lsnText(endLsn)}`,
    ],
    ['reached', gap === null ? proofTexts[proof] : 'everything before the missing WAL'],
    [
      'newest',
      last === null
        ? 'no transaction in the WAL'
        : `a transaction of ${exactTimeText(last.timeUs)} is the last one in the vault`,
    ],
  ])}\n`
}

function walBytesOf({ links }: RecoveryChoice): number {
  return links.reduce((sum, { start, end }) => sum + Number(end - start), 0)
}

export function preparedRecord(prepared: PreparedRecovery, choice: RecoveryChoice): Record<string, unknown> {
  return { ...recoveryPlanRecord(choice), ...prepared }
}

export function renderPrepared(
  { segments, bytes, setAside, links, tablespaces }: PreparedRecovery,
  { choice, target, isStarted }: { choice: RecoveryChoice; target: string; isStarted: boolean },
): string {
  const major = Math.floor(choice.base.postgres.serverVersion / 10_000)
  return `Ready to recover: ${countOf(segments, 'segment')} with ${bytesText(bytes)} of WAL, every byte checked by its hash.\n${rows(
    [
      [
        'set aside',
        setAside.length === 0
          ? 'no configuration was in the backup'
          : `${setAside.join(', ')}: unread, PostgreSQL gets settings of ours alone`,
      ],
      ...(links === 0
        ? []
        : [
            [
              'links',
              `${countOf(links, 'link')} set aside too: a server would write to where they lead`,
            ] as const,
          ]),
      ...(tablespaces === 0
        ? []
        : [['tablespaces', `${countText(tablespaces)}, in the directory itself`] as const]),
      ...(isStarted
        ? []
        : [
            [
              'next',
              `start PostgreSQL ${major} on ${terminalText(target)}; it recovers, and is promoted by itself`,
            ] as const,
          ]),
    ],
  )}`
}

export function recoveredRecord(
  { redoDoneLsn, rows: figures, ...result }: RecoveryRunResult,
  choice: RecoveryChoice,
): Record<string, unknown> {
  const { databases, tables, rows: rowCount, sha256 } = figures
  return {
    ok: result.findings.length === 0,
    to: targetText(choice.target),
    redoDone: lsnText(redoDoneLsn),
    ...result,
    rows: { databases, tables, rows: rowCount, sha256 },
  }
}

export function renderRecovered(result: RecoveryRunResult, choice: RecoveryChoice): string {
  const head = result.findings.length === 0 ? 'Recovered and promoted' : 'NOT RECOVERED'
  const { lastTransaction, redoDoneLsn, timeline, preparedLater, rows: figures } = result
  return `${head}: ${targetText(choice.target)}.\n${rows([
    ['replayed', `up to ${lsnText(redoDoneLsn)}`],
    [
      'newest',
      lastTransaction === null
        ? 'no transaction was replayed'
        : `a transaction of ${terminalText(lastTransaction)} is the last one replayed`,
    ],
    ...(preparedLater === 0
      ? []
      : [
          [
            'prepared',
            `${countOf(preparedLater, 'transaction')} prepared after the target: end with COMMIT PREPARED or ROLLBACK PREPARED`,
          ] as const,
        ]),
    ['rows', `${countText(figures.rows)} in ${countOf(figures.tables, 'table')}, all read`],
    ['timeline', `the cluster goes on as timeline ${timeline}; the server is stopped`],
    ...result.findings.map((finding) => ['finding', terminalText(finding)] as const),
  ])}`
}
