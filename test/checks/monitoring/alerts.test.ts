// The alert rules and the dashboard, by Prometheus' own tool: `promtool`, of Debian's package `prometheus`.
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { metricDefinitions } from '../../../checks/monitoring/metrics.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../../..')
const rulesFile = join(root, 'deploy/monitoring/holdfast-alerts.yaml')
const testsFile = join(import.meta.dirname, 'alerts.promtool.yaml')

interface Rule {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: Record<string, string>
}
interface Target {
  expr: string
}
interface Panel {
  id: number
  title: string
  type: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets: Target[]
}
interface Dashboard {
  uid: string
  schemaVersion: number
  panels: Panel[]
  templating: { list: { name: string; type: string; query: unknown }[] }
}

const rules = (parse(readFileSync(rulesFile, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
)
const dashboard = JSON.parse(
  readFileSync(join(root, 'deploy/monitoring/grafana-dashboard.json'), 'utf8'),
) as Dashboard

/** @throws with the words of promtool; and if it is missing, with the command that installs it. */
async function promtool(...args: string[]): Promise<string> {
  try {
    const { stdout, stderr } = await run('promtool', args)
    return stdout + stderr
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout?: string; stderr?: string }
    throw new Error(
      code === 'ENOENT'
        ? 'no promtool found: run `apt-get install prometheus`'
        : `${stdout ?? ''}${stderr ?? ''}`,
      { cause: error },
    )
  }
}

test('the rules are valid, and each fires when it should and not before', async () => {
  expect(await promtool('check', 'rules', rulesFile)).toContain(`${rules.length} rules found`)
  expect(await promtool('test', 'rules', testsFile)).toContain('SUCCESS')
})

test('a rule that is removed is noticed', () => {
  const tests = readFileSync(testsFile, 'utf8')
  for (const { alert } of rules) expect(tests).toContain(alert)
})

test('each rule has a severity, a summary and a description', () => {
  for (const { labels, annotations } of rules) {
    expect(['critical', 'warning']).toContain(labels.severity)
    expect(Object.keys(annotations).sort()).toEqual(['description', 'summary'])
  }
})

const expressions = [
  ...rules.map(({ expr }) => expr),
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
]

test('rules and dashboard ask for metrics that Holdfast has', () => {
  const names = expressions.flatMap((expression) => expression.match(/\bholdfast_\w+/g) ?? [])
  expect(new Set(names).size).toBeGreaterThan(12)
  expect([...new Set(names)].filter((name) => !(name in metricDefinitions))).toEqual([])
})

test('the labels of each expression are those of its metric', () => {
  const labels = new Set([
    ...Object.values(metricDefinitions).flatMap((definition) => definition.labels as readonly string[]),
    'alertstate',
  ])
  const used = expressions.flatMap((expression) =>
    [...expression.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside]) =>
      [...inside!.matchAll(/(\w+)\s*[=!]/g)].map(([, label]) => label!),
    ),
  )
  expect(used.filter((label) => !labels.has(label))).toEqual([])
})

test('each expression of the dashboard is one that Prometheus understands', async () => {
  const file = join(makeFolder(), 'dashboard.yaml')
  const recorded = dashboard.panels.flatMap(({ id, targets }) =>
    targets.map(({ expr }, index) => ({ record: `panel:${id}_${index}`, expr })),
  )
  writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules: recorded }] }))
  expect(await promtool('check', 'rules', file)).toContain(`${recorded.length} rules found`)
})

test('the dashboard can be imported: it names no data source of ours, and its panels fit the grid', () => {
  expect(dashboard).toMatchObject({ uid: 'holdfast', schemaVersion: expect.any(Number) as number })
  expect(dashboard).not.toHaveProperty('id')
  expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
    ['datasource', 'datasource'],
    ['source', 'query'],
  ])
  const ids = dashboard.panels.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  const cells = new Set<string>()
  for (const {
    title,
    gridPos: { x, y, w, h },
    targets,
  } of dashboard.panels) {
    expect(title).not.toBe('')
    expect(x + w).toBeLessThanOrEqual(24)
    expect(targets.length).toBeGreaterThan(0)
    for (let column = x; column < x + w; column++)
      for (let row = y; row < y + h; row++) {
        expect(cells.has(`${column} ${row}`)).toBe(false)
        cells.add(`${column} ${row}`)
      }
  }
  const sources = JSON.stringify(dashboard).match(/"uid":"[^"]*"/g)!
  expect([...new Set(sources)].sort()).toEqual(['"uid":"${datasource}"', '"uid":"holdfast"'])
})
