// The bill of the source, against a budget. It runs last, so that the requests of the other checks count.
import { bytesText } from '../../core/bytes-text.ts'
import { countText } from '../../core/count-text.ts'
import { FindingList } from '../outcome.ts'
import type { Check } from '../check.ts'

export const cost: Check = {
  id: 'cost',
  question: 'Are the stored bytes and the requests of this run within the budget?',
  severity: 'warning',
  evidence: 'The bytes of all versions of the source, and the requests that this run sent for it.',
  remedy:
    'Compare with the bytes of the last reports. A sudden rise is a flood by a writer, or a source that grew; versions whose lock has ended stay until they are pruned.',
  async run({ source, objectives: { budget }, view }) {
    const findings = new FindingList()
    const storedBytes = await view.storedBytes()
    const { requests } = view
    if (budget !== null && storedBytes > budget.storedBytes)
      findings.failed(
        source,
        `it has ${bytesText(storedBytes)} in the vault, and the budget is ${bytesText(budget.storedBytes)}`,
      )
    if (budget !== null && requests > budget.requests)
      findings.failed(
        source,
        `this run sent ${countText(requests)} requests, and the budget is ${countText(budget.requests)}`,
      )
    return findings.outcome(
      `${source} has ${bytesText(storedBytes)} in the vault; this run sent ${countText(requests)} requests`,
    )
  },
}
