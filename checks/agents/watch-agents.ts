// One run over the audit trail: what agents did in the last two days, against the days before.
import type { ObjectStore } from '../../core/store/object-store.ts'
import { dayOf } from '../behaviour/daily-figures.ts'
import { FindingList, maxFindings } from '../outcome.ts'
import type { CheckOutcome } from '../outcome.ts'
import { AgentHistory, learningDays } from './agent-history.ts'
import { readTrail } from './read-trail.ts'

export interface AgentRun {
  store: ObjectStore
  accounts: readonly string[]
  regions: readonly string[]
  /** How many days before the judged ones are the history. */
  historyDays: number
  accepted: ReadonlySet<string>
  nowMs: number
  signal: AbortSignal
}

export interface AgentResult {
  outcome: CheckOutcome
  files: number
  events: number
}

export const minHistoryDays = learningDays

/** @throws as the store. */
export async function watchAgents(run: AgentRun): Promise<AgentResult> {
  const { store, accounts, regions, historyDays, accepted, nowMs, signal } = run
  const history = new AgentHistory(nowMs)
  const lastDay = dayOf(nowMs)
  const read = await readTrail(
    store,
    { accounts, regions, firstDay: lastDay - 1 - historyDays, lastDay },
    { signal, onEvent: (event) => history.add(event) },
  )
  const judged = history.judge({ accepted })
  const findings = new FindingList()
  for (const { status, subject, detail } of judged.findings) findings[status](subject, detail)
  for (const account of read.silent)
    findings.unknown(account, 'the audit bucket has no event of this account of the last two days')
  for (const { subject, detail } of read.problems) findings.unknown(subject, detail)
  const outcome = findings.outcome(judged.summary)
  const hidden = Math.max(0, judged.findingCount - maxFindings) + read.problemCount - read.problems.length
  return {
    outcome: { ...outcome, findingCount: outcome.findingCount + hidden },
    files: read.files,
    events: history.events,
  }
}
