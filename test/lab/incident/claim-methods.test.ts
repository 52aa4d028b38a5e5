import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { claimRows } from '../../../lab/incident/claim-methods.ts'
import { claimSentences } from '../../../lab/incident/claims.ts'

const page = join(import.meta.dirname, '../../../docs/claims.md')

test('docs/claims.md has every claim of the drill, drawn from the code', async () => {
  const rows = claimRows()
  expect(rows.map(({ name }) => name)).toEqual(Object.keys(claimSentences))
  const table = [
    '| Claim | It says | How it is examined | It falls after |',
    '| --- | --- | --- | --- |',
    ...rows.map(
      ({ name, sentence, method, fallsBy }) =>
        `| \`${name}\` | ${sentence} | ${method} | ${fallsBy === null ? 'no command yet' : `\`${fallsBy}\``} |`,
    ),
  ].join('\n')
  const drawn = readFileSync(page, 'utf8').replace(
    /(<!-- test\/lab\/incident\/claim-methods[^\n]*\n)[^]*?(<!-- end -->)/,
    (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`,
  )
  expect(drawn).toContain(table)
  await expect(drawn).toMatchFileSnapshot(page)
})

test('a test that the page names against a claim is there, and lets the claim fall', () => {
  const text = readFileSync(join(import.meta.dirname, 'sabotage.test.ts'), 'utf8')
  for (const { name, fallsBy } of claimRows()) {
    const title = /-t '(.+)'$/.exec(fallsBy ?? '')?.[1]
    if (title === undefined) continue
    const start = text.indexOf(`test('${title}`)
    expect(start, title).toBeGreaterThan(0)
    const body = text.slice(start, text.indexOf('\n  test(', start + 1) >>> 0)
    expect(body, `${title}: ${name}`).toMatch(
      new RegExp(`'?${name}'?(?:: '(?:fell|not-examined)'|\\]\\)\\.not\\.toBe\\('held'\\))`),
    )
  }
})

test('few claims are left that no command makes fall', () => {
  expect(claimRows().flatMap(({ name, fallsBy }) => (fallsBy === null ? [name] : []))).toEqual([
    'backups-complete',
    'second-backup-incremental',
    'attacks-are-real',
    'restored-indexes-sound',
    'skewed-requests-refused',
  ])
})
