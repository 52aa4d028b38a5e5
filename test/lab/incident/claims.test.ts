import { describe, expect, test } from 'vitest'
import { ClaimLedger, claimSentences } from '../../../lab/incident/claims.ts'

describe('the ledger of claims', () => {
  test('holds a claim only if its examination found nothing', async () => {
    const ledger = new ClaimLedger()
    await ledger.examine('versions-survive', () => ({ findings: [], evidence: '7 versions' }))
    await ledger.examine('locks-unchanged', () => ({ findings: ['one is shorter'], evidence: '7 locks' }))
    expect(
      ledger.results
        .filter(({ status }) => status !== 'not-examined')
        .map(({ name, status }) => [name, status]),
    ).toEqual([
      ['versions-survive', 'held'],
      ['locks-unchanged', 'fell'],
    ])
  })

  test('counts a claim whose examination crashed as not examined, and examines the next', async () => {
    const ledger = new ClaimLedger()
    await ledger.examine('versions-survive', () => Promise.reject(new Error('the disk went away')))
    await ledger.examine('locks-unchanged', () => ({ findings: [], evidence: '' }))
    const byName = new Map(ledger.results.map((result) => [result.name, result]))
    expect(byName.get('versions-survive')).toMatchObject({
      status: 'not-examined',
      findings: ['the disk went away'],
    })
    expect(byName.get('locks-unchanged')?.status).toBe('held')
  })

  test('does not hold as a whole while one claim has not been examined', async () => {
    const ledger = new ClaimLedger()
    const names = Object.keys(claimSentences) as (keyof typeof claimSentences)[]
    for (const name of names.slice(1)) await ledger.examine(name, () => ({ findings: [], evidence: '' }))
    expect(ledger.allHeld).toBe(false)
    await ledger.examine(names[0]!, () => ({ findings: [], evidence: '' }))
    expect(ledger.allHeld).toBe(true)
  })

  test('keeps the first findings of many and counts them all', async () => {
    const ledger = new ClaimLedger()
    await ledger.examine('versions-survive', () => ({
      findings: Array.from({ length: 5_000 }, (_, index) => `loss ${index}`),
      evidence: '',
    }))
    const result = ledger.results.find(({ name }) => name === 'versions-survive')
    expect(result?.findings).toHaveLength(20)
    expect(result?.findingCount).toBe(5_000)
  })

  test('gives every claim a name in kebab-case and one sentence', () => {
    for (const [name, sentence] of Object.entries(claimSentences)) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)+$/)
      expect(sentence).toMatch(/^[A-Z][^.]*\.$/)
    }
  })
})
