import { describe, expect, test } from 'vitest'
import { standing } from '../../../../lab/bench/page/targets.ts'
import type { Row } from '../../../../lab/bench/page/targets.ts'
import type { Results } from '../../../../lab/bench/results.ts'
import { makeResults, makeRun } from '../../../fixtures/benchmark-results.ts'

const mib = 2 ** 20

function rowOf(results: Results, start: string): Row {
  return standing(results).find(({ metric }) => metric.startsWith(start))!
}

describe('where a target stands', () => {
  test.each([
    [1.19, 'missed'],
    [1.2, 'reach'],
    [1.59, 'reach'],
    [1.6, 'ambition'],
  ])("first backup at %fx restic's speed: %s", (ratio, expected) => {
    expect(rowOf(makeResults([makeRun('first', ratio)]), 'first backup, mixed').standing).toBe(expected)
  })

  test.each([
    [1.06, 'missed'],
    [1.05, 'reach'],
    [1, 'ambition'],
  ])("%fx restic's bytes: %s", (ratio, expected) => {
    expect(
      rowOf(makeResults([makeRun('first', 1, { storedBytes: 1600 * mib * ratio })]), 'stored bytes').standing,
    ).toBe(expected)
  })

  test.each([
    [385, 'missed'],
    [384, 'reach'],
    [256, 'ambition'],
  ])('a peak of %i MiB: %s', (peak, expected) => {
    const results = makeResults([
      makeRun('first', 1),
      makeRun('restore', 1, { peakBytes: [1, peak * mib, 2000 * mib] }),
    ])
    expect(rowOf(results, 'peak memory, mixed').standing).toBe(expected)
  })

  // 1,600 MiB in packs of 16: 100, 2 % and 10.
  test.each([
    [112, 'ambition'],
    [113, 'missed'],
  ])('%i requests for 100 packs: %s', (PutObject, expected) => {
    expect(
      rowOf(makeResults([makeRun('first', 1, { requests: { PutObject } })]), 'requests of a first backup')
        .standing,
    ).toBe(expected)
  })

  test('how fast a restore is, is also said until all is on the disk', () => {
    const run = makeRun('restore', 1)
    run.restic.syncSeconds = run.restic.seconds
    expect(rowOf(makeResults([run]), 'restore, mixed: speed against restic').heldBy).toMatch(
      /^until all is on the disk: 2.00x; /,
    )
    expect(rowOf(makeResults([makeRun('first', 1)]), 'first backup, mixed').heldBy).not.toContain('disk')
  })

  test('a restore is held against the slowest of its parts', () => {
    const ceilings = { writeSeconds: 5, networkSeconds: 12, decodeSeconds: 6 }
    expect(
      rowOf(makeResults([makeRun('restore', 1)], { ceilings }), 'restore, mixed: speed against the slowest'),
    ).toMatchObject({
      value: '0.60x (0.40x to 1.20x)',
      standing: 'reach',
      heldBy: expect.stringMatching(/^restic: 0.60x; alone, writing takes 5.0 s/) as string,
    })
  })

  test('GETs are held against the objects that the backups before made', () => {
    const runs = [
      makeRun('first', 1),
      makeRun('change', 1, { requests: { PutObject: 20 } }),
      makeRun('restore', 1, { requests: { GetObject: 132, HeadBucket: 9 } }),
    ]
    expect(rowOf(makeResults(runs), 'requests of a full restore')).toMatchObject({
      value: '1.10',
      standing: 'reach',
    })
  })

  test('memory per chunk is the growth from fewer to more chunks', () => {
    expect(rowOf(makeResults(), 'memory of a first backup as data grows')).toMatchObject({
      value: '120',
      standing: 'reach',
    })
    // 20 MiB more than 100,000 took, for 100,000 more.
    const tiny = makeResults(
      [makeRun('first', 1, { peakBytes: Array<number>(3).fill(120 * mib + 120 * 100_000) })],
      { name: 'tiny', files: 200_000 },
    )
    expect(rowOf(tiny, 'memory of a first backup as data grows')).toMatchObject({
      value: '210',
      standing: 'missed',
    })
  })

  test('memory a chunk of a restore is reckoned from restores alone', () => {
    const results = makeResults()
    expect(rowOf(results, 'memory of a restore as data grows').standing).toBe('not measured')
    const restores = results.complexity.map((growth) => ({
      ...growth,
      points: growth.points.map((point) => ({ ...point, operation: 'restore' as const })),
    }))
    expect(rowOf({ ...results, complexity: restores }, 'memory of a restore as data grows')).toMatchObject({
      value: '120',
      standing: 'reach',
    })
  })

  test('memory a chunk is that of a million files, where they were measured', () => {
    const results = makeResults()
    const files = results.complexity.find(({ name }) => name === 'files')!
    const largest = files.points
      .filter(({ operation }) => operation === 'first')
      .toSorted((a, b) => b.size - a.size)[0]!
    const tree = {
      ...files,
      name: 'tree',
      points: [{ ...largest, size: largest.size + 1_000_000, peakBytes: largest.peakBytes + 100_000_000 }],
    }
    expect(
      rowOf(
        { ...results, complexity: [...results.complexity, tree] },
        'memory of a first backup as data grows',
      ),
    ).toMatchObject({ value: '100', standing: 'ambition' })
  })

  test('memory a chunk is not reckoned from a few', () => {
    const { complexity, ...fields } = makeResults()
    const few = complexity.map((growth) => ({ ...growth, points: growth.points.slice(0, 2) }))
    expect(rowOf({ ...fields, complexity: few }, 'memory of a first backup as data grows').standing).toBe(
      'not measured',
    )
  })

  test('an unmeasured target is shown as not measured', () => {
    const rows = standing({ version: 1, datasets: [], complexity: [] })
    expect(rows.length).toBeGreaterThan(10)
    expect(rows.every((row) => row.standing === 'not measured' && row.value === null)).toBe(true)
  })
})
