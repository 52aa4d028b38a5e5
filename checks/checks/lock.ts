// The lock that the bucket gives to every new version.
import { countOf } from '../../core/count-text.ts'
import { FindingList } from '../outcome.ts'
import type { Check } from '../check.ts'

export const lock: Check = {
  id: 'lock',
  question: 'Does the bucket lock every new version as its objectives say?',
  severity: 'critical',
  evidence: "The mode and the days of the bucket's default retention, and those that are expected.",
  remedy:
    'Run `pulumi preview` in the stack of the vault layer: it shows the difference. The audit trail has the call that changed the bucket.',
  async run({ source, objectives: { guaranteedDays, lockMode }, view }) {
    const findings = new FindingList()
    const { retention } = await view.lockDefault()
    const subject = 'default retention'
    if (retention === null) {
      findings.failed(subject, 'the bucket has no Object Lock with a default retention')
      return findings.outcome(`new versions of ${source} are not locked`)
    }
    const { mode, days } = retention
    if (lockMode === 'COMPLIANCE' && mode !== 'COMPLIANCE')
      findings.failed(
        subject,
        `the mode is ${mode}, not COMPLIANCE: a role with the right to bypass it can delete backups`,
      )
    if (days <= guaranteedDays)
      findings.failed(
        subject,
        `it is ${countOf(days, 'day')}, which leaves no time beyond the guaranteed ${countOf(guaranteedDays, 'day')}`,
      )
    return findings.outcome(`new versions are locked for ${countOf(days, 'day')} in ${mode}`)
  },
}
