import { describe, expect, it } from 'vitest'
import { renderHtml } from '../../../../lab/proof/report/html.ts'
import { proofSchemaName } from '../../../../lab/proof/report/summary.ts'
import type { ProofReport } from '../../../../lab/proof/report/summary.ts'
import { renderTerminal } from '../../../../lab/proof/report/terminal.ts'

const hostile = '<script>alert(1)</script>\u001b[31m"\''
const report: ProofReport = {
  schema: proofSchemaName,
  outcome: 'surprises',
  startedAt: '2026-01-01T00:00:00.000Z',
  durationMs: 1,
  tool: { version: hostile, node: hostile },
  proofs: [
    {
      name: hostile,
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

describe("the proof's report", () => {
  it('escapes every name, and loads nothing', () => {
    const page = renderHtml(report)
    expect(page).not.toMatch(/<script|\u001b|src=|href=/)
    expect(page).toContain('default-src &#39;none&#39;'.replaceAll('&#39;', "'"))
    expect(page).toContain('Guardrails: not proven')
  })

  it('says on the terminal what fell, without control characters of others', () => {
    const text = renderTerminal(report)
    expect(text).toContain('NOT PROVEN')
    expect(text).toContain('FELL')
    expect(text).toContain('LIVES')
    expect(text).toContain('STALE')
    expect(text).not.toContain('\u001b')
  })
})
