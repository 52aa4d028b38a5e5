// Whether a source behaves as it did before: docs/baselines.md has the rules, and how well they detect.
import { bytesText } from '../../core/bytes-text.ts'
import { countOf, countText } from '../../core/count-text.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import { learningDays } from '../behaviour/baseline.ts'
import { judgeHistory } from '../behaviour/rules.ts'
import type { BehaviourCheck, History, RuleVerdict } from '../behaviour/rules.ts'
import { readHistory } from '../behaviour/source-history.ts'
import type { Check, CheckContext } from '../check.ts'
import { FindingList } from '../outcome.ts'
import type { CheckOutcome } from '../outcome.ts'

/** An odd day stays red for so long, unless an operator accepts its snapshot: a weekend must not hide it. */
export const reportedDays = 7

const remedy =
  'Compare the snapshot with the one before, and ask the owners of the source. Pass its id to `--accept` if it is as it should be: its figures are then usual. Else restore from a snapshot before it.'

export const shrinkage = behaviourCheck({
  id: 'shrinkage',
  question: 'Does the source keep its files, bytes and content as its history lets expect?',
  severity: 'critical',
  evidence:
    'The share of files, bytes or stored content that is gone, or that rules leave out, and the usual limit of this source.',
  remedy,
})

export const changeRate = behaviourCheck({
  id: 'change-rate',
  question: 'Is no more of the content replaced or removed than usual?',
  severity: 'critical',
  evidence: 'The share of the content that is new beyond the growth of the source, and its usual limit.',
  remedy,
})

export const entropy = behaviourCheck({
  id: 'entropy',
  question: 'Does new content shrink under compression as usual?',
  severity: 'critical',
  evidence: 'The share of new content that does not shrink, as encrypted content, and its usual limit.',
  remedy,
})

export const flood = behaviourCheck({
  id: 'flood',
  question: 'Do the writers of the source store no more objects and bytes than usual?',
  severity: 'warning',
  evidence:
    'The objects and the bytes that were uploaded on a day, named by a snapshot or not, and the usual limit.',
  remedy:
    "Find the session that wrote them in the audit trail, and revoke the writer's sessions if it is not yours. The objects stay until their locks end.",
})

function behaviourCheck(texts: Omit<Check, 'run'> & { readonly id: BehaviourCheck }): Check {
  return { ...texts, run: (context) => compareWithHistory(texts.id, context) }
}

async function compareWithHistory(
  id: BehaviourCheck,
  { source, objectives, view }: CheckContext,
): Promise<CheckOutcome> {
  const findings = new FindingList()
  const history = await readHistory(view, objectives)
  const verdicts = judgeHistory(history, id)
  for (const verdict of verdicts) {
    if (verdict.day <= history.today - reportedDays) continue
    const subject = idOf(history, verdict.day) ?? source
    if (verdict.state === 'odd') findings.failed(subject, oddText(verdict))
    if (verdict.state === 'unknown')
      findings.unknown(subject, `${verdict.rule.figure}: unknown, because its packs can't be read`)
  }
  return findings.outcome(summaryOf(source, history, verdicts))
}

function idOf({ days }: History, day: number): string | undefined {
  return days.find((figures) => figures.day === day)?.last.id
}

function oddText({ rule, day, days, value, limit }: RuleVerdict): string {
  const date = new Date(day * dayMs).toISOString().slice(0, 10)
  const period = days === 1 ? `on ${date}` : `in the ${days} days of snapshots up to ${date}`
  return `${rule.figure}: ${figureText(rule, value)} ${period}; usual is at most ${figureText(rule, limit)}`
}

function figureText({ unit }: RuleVerdict['rule'], value: number): string {
  if (unit === 'share') return `${(100 * value).toFixed(1)} %`
  return unit === 'bytes' ? bytesText(Math.round(value)) : countText(Math.round(value))
}

function summaryOf(source: string, { days }: History, verdicts: readonly RuleVerdict[]): string {
  const compared = new Set(
    verdicts.filter(({ state }) => state === 'usual' || state === 'odd').map(({ day }) => day),
  )
  if (compared.size > 0) return `${countOf(compared.size, 'day')} of ${source} compared with the days before`
  return `${source} has ${countOf(days.length, 'day')} with snapshots: this check learns for ${learningDays} days before it compares`
}
