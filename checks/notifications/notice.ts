// Notices: the open findings of a run, each with a name that stays the same from run to run.
import { sha256Hex } from '../../core/digest.ts'
import type { Check } from '../check.ts'
import { findingText } from '../finding-text.ts'
import type { Finding, CheckStatus, Severity } from '../outcome.ts'
import type { Report } from '../reports/report.ts'

/** The part of a notice that a ledger keeps. Every text is printable, and may be an attacker's. */
export interface NoticeName {
  id: string
  source: string
  /** The id of a check, `drill-newest`, `drill-random`, or the name of a job of a watch. */
  check: string
  severity: Severity
  subject: string
}

export interface Notice extends NoticeName {
  status: Finding['status']
  detail: string
  /** The next step of on-call; null if this program knows none. */
  remedy: string | null
}

export interface RunNotices {
  open: readonly Notice[]
  /** True if the run asked for this notice, and does not have it any more. */
  isOver: (name: NoticeName) => boolean
}

interface NoticeOutcome {
  source: string
  check: string
  severity: Severity
  status: CheckStatus
  findings: readonly Finding[]
  findingCount: number
}

export function noticeId({
  source,
  check,
  subject,
}: Pick<NoticeName, 'source' | 'check' | 'subject'>): string {
  return sha256Hex(Buffer.from([source, check, subject].join('\n'))).slice(0, 32)
}

export function noticesOf({ sources, drills = [] }: Report, checks: readonly Check[]): RunNotices {
  const outcomes: NoticeOutcome[] = [
    ...sources.flatMap(({ source, outcomes: all }) => all.map((outcome) => ({ source, ...outcome }))),
    ...drills.map((drill) => ({ ...drill, check: `drill-${drill.choice}`, severity: 'critical' as const })),
  ]
  const open = outcomes.flatMap((outcome) =>
    noticesOfOutcome(outcome, checks.find(({ id }) => id === outcome.check)?.remedy ?? null),
  )
  const ids = new Set(open.map(({ id }) => id))
  // A run that could not tell, or that lists the first findings only, says nothing of those that it doesn't list.
  const answered = new Set(
    outcomes
      .filter(
        ({ status, findings, findingCount }) => status !== 'unknown' && findings.length === findingCount,
      )
      .map(({ source, check }) => `${source} ${check}`),
  )
  return { open, isOver: ({ id, source, check }) => answered.has(`${source} ${check}`) && !ids.has(id) }
}

/** One notice for each subject: its findings together. */
function noticesOfOutcome(
  { source, check, severity, findings }: NoticeOutcome,
  remedy: string | null,
): Notice[] {
  return [...Map.groupBy(findings, ({ subject }) => subject)].map(([subject, same]) => ({
    id: noticeId({ source, check, subject }),
    ...{ source, check, severity, subject, remedy },
    status: same.some(({ status }) => status === 'failed') ? 'failed' : 'unknown',
    detail: findingText(same.map(({ detail }) => detail).join('; ')),
  }))
}
