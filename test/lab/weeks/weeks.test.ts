import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { Cleanup } from '../../../lab/incident/cleanup.ts'
import { calendar } from '../../../lab/weeks/calendar.ts'
import { renderAlarms, renderTable } from '../../../lab/weeks/table.ts'
import { compareMorning, runWeeks } from '../../../lab/weeks/weeks.ts'

const page = path.join(import.meta.dirname, '../../../docs/weeks.md')

// The other lanes of CI run beside it.
const limitMs = 1_200_000

test(
  'every morning of three weeks is as the calendar says, and docs/weeks.md shows it',
  { timeout: limitMs },
  async () => {
    const workDirectory = mkdtempSync(path.join(os.tmpdir(), 'hf-weeks-'))
    const cleanup = new Cleanup()
    const days: number[] = []
    try {
      const results = await runWeeks({
        workDirectory,
        seed: 1,
        cleanup,
        signal: new AbortController().signal,
        onDay: ({ calendarDay: { day }, page: { html, text } }) => {
          days.push(day)
          expect(text).toContain('rental-db')
          expect(html).toMatch(/^<!doctype html>[^]*rental-db/)
        },
      })
      expect(results.flatMap(({ deviations }) => deviations)).toEqual([])
      // The weeks would show little of the custodian if it had nothing to do.
      expect(results.filter(({ extended }) => extended > 0).length).toBeGreaterThan(1)
      expect(results.filter(({ pruned }) => pruned > 0).length).toBeGreaterThan(1)
      const tables = `${renderAlarms(results)}\n\n## What happens on each day?\n\n${renderTable(results)}`
      const drawn = readFileSync(page, 'utf8').replace(
        /(<!-- test\/lab\/weeks[^\n]*\n)[^]*?(<!-- end -->)/,
        (_, begin: string, end: string) => `${begin}\n${tables}\n\n${end}`,
      )
      expect(drawn).toContain(tables)
      await expect(drawn).toMatchFileSnapshot(page)
    } finally {
      expect(await cleanup.run()).toEqual([])
      rmSync(workDirectory, { recursive: true, force: true })
    }
    expect(days).toEqual(calendar.map(({ day }) => day))
  },
)

const garbage = { red: { 'rental-db': ['freshness', 'tamper'] }, failed: ['notary'] }

test.each([
  ['a red check stays green', garbage, { ...garbage, red: { 'rental-db': ['tamper'] }, isPageRed: true }],
  [
    'a quiet morning is red',
    { red: {}, failed: [] },
    { red: { uploads: ['cost'] }, failed: [], isPageRed: true },
  ],
  ['a command fails', { red: {}, failed: [] }, { red: {}, failed: ['custodian'], isPageRed: false }],
  ['a command should fail', garbage, { ...garbage, failed: [], isPageRed: true }],
  ['the page is green', garbage, { ...garbage, isPageRed: false }],
  ['the page is red', { red: {}, failed: [] }, { red: {}, failed: [], isPageRed: true }],
])('a deviation is reported if %s', (_, expected, actual) => {
  expect(compareMorning(expected, { ...actual, isPageRed: actual.isPageRed })).not.toEqual([])
})

test('a morning as the calendar says has no deviation', () => {
  expect(compareMorning(garbage, { ...garbage, isPageRed: true })).toEqual([])
})
