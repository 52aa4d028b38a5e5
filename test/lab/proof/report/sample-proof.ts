// A report of the proof in which every text is hostile.
import { proofSchemaName } from '../../../../lab/proof/report/summary.ts'
import type { ProofReport } from '../../../../lab/proof/report/summary.ts'

const hostile = '<script>alert(1)</script>\u001b[31m"\''
export const sampleProof: ProofReport = {
  schema: proofSchemaName,
  outcome: 'surprises',
  startedAt: '2026-01-01T00:00:00.000Z',
  durationMs: 1,
  tool: { version: hostile, node: hostile },
  proofs: [
    {
      name: 'platform',
      rows: 1,
      principals: 1,
      actions: 1,
      contexts: 1,
      groups: [{ name: 'duty', sentence: 'Duties.', rows: 1, asExpected: 0 }],
      deciders: [{ group: 'duty', who: hostile, rows: 1, by: [{ statement: hostile, rows: 1 }] }],
      settings: { examined: 1, broken: [{ name: hostile, sentence: hostile }] },
      surprises: [
        {
          who: hostile,
          action: hostile,
          resource: hostile,
          circumstance: hostile,
          context: {},
          expected: 'denied',
          allowed: true,
          result: hostile,
          statement: hostile,
        },
      ],
      notEmulated: [{ type: hostile, name: hostile, account: hostile }],
    },
  ],
  mutants: {
    examined: 3,
    killed: 1,
    accounted: [{ id: hostile, reason: hostile }],
    unexpected: [hostile],
    stale: [hostile],
  },
}
