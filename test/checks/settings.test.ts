import { expect, test } from 'vitest'
import { defaultDrill } from '../../checks/drill/drill-settings.ts'
import { defaultObjectives, drillObjectivesOf, objectivesOf, parseSettings } from '../../checks/settings.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

test('objectives of a source win over those of all, and those over the fallback', () => {
  const settings = parseSettings(
    `formatVersion: 1
defaults: { maxAge: 3h, readDays: 14, accept: [A] }
sources:
  one: { maxAge: 2d, ignore: [B], budget: { storedGib: 0.5, requests: 9 } }
  two:
`,
    'checks.yaml',
  )
  expect(objectivesOf(settings, 'one', defaultObjectives)).toEqual({
    ...defaultObjectives,
    maxAgeMs: 2 * 86_400_000,
    readDays: 14,
    accepted: new Set(['A']),
    ignored: new Set(['B']),
    budget: { storedBytes: 2 ** 29, requests: 9 },
  })
  expect(objectivesOf(settings, 'two', defaultObjectives)).toMatchObject({
    maxAgeMs: 3 * 3_600_000,
    budget: null,
  })
  expect(objectivesOf(parseSettings('formatVersion: 1', 'x'), 'two', defaultObjectives)).toEqual(
    defaultObjectives,
  )
})

test('drill settings of a source win over those of all, one by one', () => {
  const settings = parseSettings(
    `formatVersion: 1
defaults: { drill: { maxRestoreTime: 1h, database: rental } }
sources:
  one: { drill: { maxRestoreTime: 90m, queries: ['SELECT true ;'] } }
`,
    'checks.yaml',
  )
  expect(drillObjectivesOf(settings, 'one')).toEqual({
    ...defaultDrill,
    maxRestoreTimeMs: 90 * 60_000,
    database: 'rental',
    queries: ['SELECT true'],
  })
  expect(drillObjectivesOf(settings, 'two')).toMatchObject({ maxRestoreTimeMs: 3_600_000, queries: [] })
  expect(objectivesOf(settings, 'one', defaultObjectives)).toEqual(defaultObjectives)
})

test.each([
  ['', 'its content: '],
  ['- 1', 'its content: '],
  ['formatVersion: 2', 'formatVersion: must be 1'],
  ['formatVersion: 1\nmaxAge: 2h', 'Unrecognized key: "maxAge"'],
  ['formatVersion: 1\ndefaults: { maxAge: 2 }', 'defaults.maxAge: '],
  ['formatVersion: 1\ndefaults: { maxAge: 0h }', 'defaults.maxAge: must be a time such as'],
  ['formatVersion: 1\ndefaults: { maxAge: soon }', 'defaults.maxAge: must be a time such as 90m, 26h or 2d'],
  ['formatVersion: 1\ndefaults: { guaranteedDays: 0 }', 'defaults.guaranteedDays: must be at least 1 day'],
  ['formatVersion: 1\ndefaults: { lockMode: NONE }', 'defaults.lockMode: '],
  ['formatVersion: 1\nsources: { ../x: {} }', "sources.../x: is not a source's name"],
  [
    'formatVersion: 1\nsources: { a: { budget: { storedGib: 0, requests: 1 } } }',
    'sources.a.budget.storedGib: must be more than 0',
  ],
  [
    'formatVersion: 1\ndefaults: { drill: { maxRestoreTime: soon } }',
    'defaults.drill.maxRestoreTime: must be a time such as',
  ],
  [
    'formatVersion: 1\ndefaults: { drill: { program: probe } }',
    'defaults.drill.program: must be an absolute path',
  ],
  [
    'formatVersion: 1\ndefaults: { drill: { queries: ["a\\n\\nb"] } }',
    'defaults.drill.queries.0: must be one query without empty lines',
  ],
  ['formatVersion: 1\nformatVersion: 1', 'Map keys must be unique'],
  ['formatVersion: 1\na: &a [*a]', 'alias'],
  ['formatVersion: [1', 'Flow sequence'],
])('%j is refused with the key and the reason', (text, reason) => {
  expect(() => parseSettings(text, 'checks.yaml')).toThrow('the file checks.yaml is not usable: ')
  expect(() => parseSettings(text, 'checks.yaml')).toThrow(reason)
})

test('the example of docs/checks.md is a file that is taken', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/checks.md'), 'utf8')
  const examples = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(([, text]) =>
    parseSettings(text!, 'an example'),
  )
  expect(examples.flatMap(({ jobs }) => Object.keys(jobs))).toEqual(['check', 'drill'])
  expect(examples.flatMap(({ sources }) => Object.keys(sources))).toEqual(['rental-db', 'uploads'])
})
