// The record of VersityGW's suite against the sandbox: each test's result, and why each failure is kept.
import { readFileSync, writeFileSync } from 'node:fs'
import type { Outcome } from './suite.ts'

export interface SuiteRecord {
  /** Code to explanation. */
  reasons: Record<string, string>
  /** Test to `passes`, `adapted`, or the code of the reason for which its failure is kept. */
  tests: Record<string, string>
  /**
   * Texts of errors, the sandbox's to VersityGW's, as runs have learned them: a run that begins with them is
   * shorter.
   */
  wording: Record<string, string>
}

const file = new URL('outcomes.json', import.meta.url)
const page = new URL('../../../docs/sandbox-compatibility.md', import.meta.url)
const [begin, end] = ['<!-- counts -->', '<!-- end of counts -->']

export function readRecord(): SuiteRecord {
  return JSON.parse(readFileSync(file, 'utf8')) as SuiteRecord
}

export function writeRecord(record: SuiteRecord): void {
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`)
  const text = readFileSync(page, 'utf8')
  writeFileSync(
    page,
    text.slice(0, text.indexOf(begin)) + renderCounts(record) + text.slice(text.indexOf(end) + end.length),
  )
}

/** True if the page's tables say what the record says. */
export function isPublished(record: SuiteRecord): boolean {
  return readFileSync(page, 'utf8').includes(renderCounts(record))
}

/** The suite's tests are named after the operation that they are about. */
export function groupOf(test: string): string {
  return test.split('_')[0]!
}

function renderCounts({ reasons, tests }: SuiteRecord): string {
  const groups = new Map<
    string,
    { total: number; passes: number; adapted: number; kept: Map<string, number> }
  >()
  for (const [test, result] of Object.entries(tests)) {
    const name = groupOf(test)
    const group = groups.get(name) ?? { total: 0, passes: 0, adapted: 0, kept: new Map<string, number>() }
    groups.set(name, group)
    group.total++
    if (result === 'passes') group.passes++
    else if (result === 'adapted') group.adapted++
    else group.kept.set(result, (group.kept.get(result) ?? 0) + 1)
  }
  const sum = (pick: (group: { total: number; passes: number; adapted: number }) => number): number =>
    [...groups.values()].reduce((total, group) => total + pick(group), 0)
  const rows = [...groups].map(
    ([name, { total: testCount, passes, adapted, kept: keptFailures }]) =>
      `| ${name} | ${testCount} | ${passes} | ${adapted} | ${[...keptFailures].map(([reason, count]) => `${count} ${reason}`).join(', ')} |`,
  )
  const used = Object.entries(reasons).map(
    ([code, text]) =>
      `| ${code} | ${Object.values(tests).filter((result) => result === code).length} | ${text} |`,
  )
  return [
    begin,
    '',
    '| Group | Tests | Pass | Pass adapted | Kept failures |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    `| **All** | **${sum(({ total }) => total)}** | **${sum(({ passes }) => passes)}** | **${sum(({ adapted }) => adapted)}** | **${sum(({ total, passes, adapted }) => total - passes - adapted)}** |`,
    '',
    '| Kept because | Tests | |',
    '| --- | --- | --- |',
    ...used,
    '',
    end,
  ].join('\n')
}

/** The differences between the record and a run: one line each. */
export function compareOutcomes(record: SuiteRecord, outcomes: ReadonlyMap<string, Outcome>): string[] {
  return Object.entries(record.tests).flatMap(([test, recorded]) => {
    const outcome = outcomes.get(test)!
    if (outcome.defects.length > 0) return [`${test}: a defect of the sandbox: ${outcome.defects.join('; ')}`]
    const expected = recorded === 'passes' || recorded === 'adapted' ? recorded : 'fails'
    return outcome.result === expected
      ? []
      : [
          `${test}: ${outcome.result}, on record as ${recorded}${outcome.output === '' ? '' : `: ${outcome.output.slice(0, 300)}`}`,
        ]
  })
}
