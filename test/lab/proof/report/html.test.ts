import { describe, expect, it } from 'vitest'
import { renderHtml } from '../../../../lab/proof/report/html.ts'
import { renderTerminal } from '../../../../lab/proof/report/terminal.ts'
import { expectStandalone, expectWellFormed } from '../../../restore-cli/page/page-expectations.ts'
import { sampleProof as report } from './sample-proof.ts'

describe("the proof's report", () => {
  it('escapes every name, and loads nothing', () => {
    const page = renderHtml(report)
    expect(page).not.toMatch(/<script|\u001b|src=|href=/)
    expectStandalone(page)
    expectWellFormed(page)
    expect(page).toContain('Guardrails: not proven')
  })

  it('shows the fallen claims on the terminal, without foreign control characters', () => {
    const text = renderTerminal(report)
    expect(text).toContain('NOT PROVEN')
    expect(text).toContain('FELL')
    expect(text).toContain('LIVES')
    expect(text).toContain('STALE')
    expect(text).not.toContain('\u001b')
  })
})
