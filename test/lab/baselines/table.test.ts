import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { attacks } from '../../../lab/baselines/attacks.ts'
import { drawPage, pageFile, readResults } from '../../../lab/baselines/page.ts'
import { isAsRequired, measureBaselines } from '../../../lab/baselines/table.ts'
import { workloads } from '../../../lab/baselines/workloads.ts'

const results = readResults()

test('docs/baselines.md shows the kept results', () => {
  expect(readFileSync(pageFile, 'utf8')).toBe(drawPage(results))
})

test('the kept results detect every attack, and have at most one false alarm a source and quarter on average', () => {
  expect(results.seeds).toBeGreaterThanOrEqual(50)
  expect(results.attacks).toHaveLength(workloads.length * attacks.length)
  for (const { detections } of results.attacks) expect(detections).toHaveLength(results.seeds)
  for (const { falseAlarms } of results.quiet) expect(falseAlarms).toHaveLength(results.seeds)
  expect(isAsRequired(results)).toBe(true)
})

// The first seeds stand for all of them: a change of a rule or of the model shows in each.
test('the first seeds have the kept results today', () => {
  const seeds = 2
  const today = measureBaselines(results.firstSeed, seeds)
  expect(today.attacks).toEqual(
    results.attacks.map((row) => ({ ...row, detections: row.detections.slice(0, seeds) })),
  )
  expect(today.quiet).toEqual(
    results.quiet.map((row) => ({ ...row, falseAlarms: row.falseAlarms.slice(0, seeds) })),
  )
})
