import { describe, expect, test } from 'vitest'
import { renderHtmlReport } from '../../../../lab/incident/report/html-report.ts'
import { reportSchema } from '../../../../lab/incident/report/schema.ts'
import { expectStandalone, expectWellFormed } from '../../../restore-cli/page/page-expectations.ts'
import { sampleDrill as report } from './sample-drill.ts'

describe('report.html', () => {
  const page = renderHtmlReport(report)

  test('shows hostile names from files, servers and vaults, and obeys none of them', () => {
    expect(page).not.toMatch(/<script|<img|\u202e|\u001b/)
    expect(page.match(/&lt;script src=&quot;https:\/\/evil\.example/g)!.length).toBeGreaterThan(20)
    expect(page).toContain('&amp;amp;')
  })

  test('stands alone: it loads nothing, and forbids itself to', () => expectStandalone(page))

  test('says at the top that claims fell, and names each with its reason', () => {
    expect(page).toContain('<h1>Incident drill: claims fell</h1>')
    expect(page).toMatch(/not examined<\/span>[^]*locks-unchanged[^]*the disk went away/)
    expect(page).toContain('and 30 more')
    expect(page).toContain('not measured')
  })

  test('says so if every claim held', () => {
    expect(renderHtmlReport({ ...report, outcome: 'every-claim-held' })).toContain(
      '<h1>Incident drill: every claim held</h1>',
    )
  })

  test('begins with the cloud, the attempts, the configuration, the commit and the policies', () => {
    const header = page.slice(page.indexOf('<header'), page.indexOf('</header>'))
    for (const text of [
      'Not AWS',
      '1 by 1 identities: 1 sent as signed requests, 0 evaluated',
      'Configuration',
      'Commit',
      'SHA-256',
    ])
      expect(header).toContain(text)
  })

  test('is well-formed', () => expectWellFormed(page))
})

describe('report.json', () => {
  test('has a versioned shape, which a report without an outcome or of another version does not fit', () => {
    expect(reportSchema.safeParse(report).success).toBe(true)
    expect(reportSchema.safeParse({ ...report, outcome: 'fine' }).success).toBe(false)
    expect(reportSchema.safeParse({ ...report, schema: 'holdfast.drill/2' }).success).toBe(false)
  })
})
