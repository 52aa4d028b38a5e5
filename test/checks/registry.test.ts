import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checks, selectChecks } from '../../checks/registry.ts'

const page = join(import.meta.dirname, '../../docs/checks.md')

test('docs/checks.md explains every check as the registry does', async () => {
  const table = [
    '| Check | Question | If it is red | Evidence | Next step |',
    '| --- | --- | --- | --- | --- |',
    ...checks.map(
      ({ id, question, severity, evidence, remedy }) =>
        `| \`${id}\` | ${question} | ${severity} | ${evidence} | ${remedy} |`,
    ),
  ].join('\n')
  const drawn = readFileSync(page, 'utf8').replace(
    /(<!-- test\/checks\/registry[^\n]*\n)[^]*?(<!-- end -->)/,
    (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`,
  )
  expect(drawn).toContain(table)
  await expect(drawn).toMatchFileSnapshot(page)
})

test('every check has an id of its own, and sentences that fit a table', () => {
  expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length)
  for (const { id, question, evidence, remedy } of checks) {
    expect(id).toMatch(/^[a-z][a-z-]+$/)
    expect(question).toMatch(/\?$/)
    for (const sentence of [question, evidence, remedy]) expect(sentence).not.toMatch(/[|\n]/)
  }
})

test('checks are chosen by their ids, and an unknown id is refused with those that exist', () => {
  expect(selectChecks(['lock', 'freshness']).map(({ id }) => id)).toEqual(['freshness', 'lock'])
  expect(selectChecks([])).toBe(checks)
  expect(() => selectChecks(['locks'])).toThrow('there is no check "locks"')
})
