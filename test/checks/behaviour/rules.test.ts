import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { behaviourChecks, behaviourRules } from '../../../checks/behaviour/rules.ts'
import { checks } from '../../../checks/registry.ts'

const page = join(import.meta.dirname, '../../../docs/baselines.md')

test('docs/baselines.md explains every rule as the product does', async () => {
  const table = [
    '| Rule | Check | Compares, for a day | Detects |',
    '| --- | --- | --- | --- |',
    ...behaviourRules.map(
      ({ id, check, figure, detects }) => `| \`${id}\` | \`${check}\` | ${figure} | ${detects} |`,
    ),
  ].join('\n')
  const drawn = readFileSync(page, 'utf8').replace(
    /(<!-- test\/checks\/behaviour\/rules[^\n]*\n)[^]*?(<!-- end -->)/,
    (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`,
  )
  expect(drawn).toContain(table)
  await expect(drawn).toMatchFileSnapshot(page)
})

test('each check of the behaviour is in the registry and has a rule', () => {
  const ids = checks.map(({ id }) => id)
  for (const check of behaviourChecks) {
    expect(ids).toContain(check)
    expect(behaviourRules.some((rule) => rule.check === check)).toBe(true)
  }
})
