// Whether alarms reach a person. An alarm can't report that its own way is dead: so a person acknowledges the test
// alarm of each day, and this check, whose report takes another way, looks for the record.
import { durationText } from '../../core/duration-text.ts'
import { timeText } from '../../core/time-text.ts'
import { newestAcknowledgement } from '../alarms/acknowledgement.ts'
import { FindingList } from '../outcome.ts'
import type { Check } from '../check.ts'

export const alarmPath: Check = {
  id: 'alarm-path',
  question: 'Did a person acknowledge a test alarm lately?',
  severity: 'warning',
  evidence: 'The time of the last acknowledged test alarm, by the clock of the store, and the objective.',
  remedy:
    'Look whether the test alarm of this morning reached on-call. If it did, run the `holdfast acknowledge` of its text. If not, follow its way: rule, topic, subscriptions, the channel.',
  async run({ objectives: { maxAcknowledgementAgeMs }, view }) {
    const findings = new FindingList()
    const nowMs = await view.nowMs()
    const limitMs = maxAcknowledgementAgeMs ?? Infinity
    const newest = await newestAcknowledgement(view.store)
    const ageMs = newest === null ? Infinity : Math.max(0, nowMs - newest.timeMs)
    const summary =
      newest === null
        ? 'no test alarm was ever acknowledged'
        : `the test alarm ${newest.alarm} was acknowledged at ${timeText(newest.timeMs)}, ${durationText(ageMs)} ago`
    if (ageMs > limitMs)
      findings.failed('test alarm', `${summary}; the objective is ${durationText(limitMs)}`)
    return findings.outcome(summary)
  },
}
