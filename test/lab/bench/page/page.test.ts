import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { XMLParser } from 'fast-xml-parser'
import { describe, expect, test } from 'vitest'
import { pageText, renderPage } from '../../../../lab/bench/page/page.ts'
import { makeResults, makeRun } from '../../../fixtures/benchmark-results.ts'
import { makeTemporaryDirectory } from '../../../fixtures/temporary-directory.ts'

describe('the page of results', () => {
  test('has the ratio of each run with its least and most, and the command that made it', () => {
    const page = pageText(makeResults(), [])
    expect(page).toContain('| first | **1.50x** (1.50x to 1.50x) | 20.0 s | 30.0 s |')
    expect(page).toContain('| restore | **0.90x** (0.90x to 0.90x) |')
    expect(page).toContain('`npm run bench -- --quick`, 2026-11-21 05:00 UTC: mixed, files; 3 rounds')
    expect(page).toContain('| first | 100 PutObject | 110 PutObject |')
  })

  test('compares restores also by when they are on the disk', () => {
    const run = makeRun('restore', 1)
    run.restic.syncSeconds = [10, 20, 30]
    expect(pageText(makeResults([run]), [])).toContain(
      'with a `sync` after it: **2.00x** (2.00x to 2.00x), 20.0 s against 40.0 s.',
    )
  })

  test('has the throughput of WAL beside pgBackRest, slower or faster', () => {
    const results = makeResults()
    const { provenance } = results.datasets[0]!
    const wal = { name: 'wal', provenance, scale: 1, segments: 4, bytes: 2 ** 26 }
    const page = pageText({ ...results, wal: [{ ...wal, holdfast: [2, 1, 4], pgbackrest: [1, 1, 1] }] }, [])
    expect(page).toContain('| WAL push | 32.0 MiB/s | 64.0 MiB/s | **0.50x** (0.25x to 1.00x) |')
    expect(page).toContain('4 segments')
    expect(pageText(results, [])).not.toContain('WAL')
  })

  test('says where less was measured than the targets are about', () => {
    expect(pageText(makeResults(), [])).not.toContain('full sizes. These were')
    expect(pageText(makeResults([makeRun('first', 2)], { scale: 0.125 }), [])).toContain(
      'The targets are for the full sizes. These were smaller: mixed at 0.125 of it.',
    )
  })

  test('has whole tables: as many cells in each row as in its head', () => {
    const tables = pageText(makeResults(), [])
      .split('\n\n')
      .filter((block) => block.startsWith('|'))
    expect(tables.length).toBeGreaterThan(3)
    for (const table of tables) {
      const widths = table.split('\n').map((row) => row.split('|').length)
      expect(new Set(widths).size).toBe(1)
    }
  })

  test('shows the charts that were drawn, and no others', async () => {
    const folder = makeTemporaryDirectory()
    await renderPage({ ...makeResults(), complexity: [] }, folder)
    expect(readdirSync(join(folder, 'benchmarks')).sort()).toEqual(['memory.svg', 'speed.svg'])
    const page = readFileSync(join(folder, 'benchmarks.md'), 'utf8')
    expect([...page.matchAll(/\]\((benchmarks\/[^)]+)\)/g)].map(([, link]) => link)).toEqual([
      'benchmarks/speed.svg',
      'benchmarks/memory.svg',
    ])
  })

  test('has well-formed, labelled charts, and is the same each time', async () => {
    const folders = [makeTemporaryDirectory(), makeTemporaryDirectory()]
    for (const folder of folders) await renderPage(makeResults([makeRun('no-change', 3)]), folder)
    for (const name of ['speed.svg', 'memory.svg', 'growth-time.svg', 'growth-memory.svg']) {
      const [firstChart, secondChart] = folders.map((folder) =>
        readFileSync(join(folder, 'benchmarks', name), 'utf8'),
      )
      expect(firstChart).toBe(secondChart)
      expect((new XMLParser().parse(firstChart!, true) as { svg?: unknown }).svg).toBeDefined()
      expect(firstChart).toContain(name.startsWith('growth') ? 'files' : 'mixed: no-change')
    }
  })

  test('can be drawn from nothing measured', async () => {
    const folder = makeTemporaryDirectory()
    await renderPage({ version: 1, datasets: [], complexity: [] }, folder)
    expect(readFileSync(join(folder, 'benchmarks.md'), 'utf8')).toContain('not measured')
  })
})
