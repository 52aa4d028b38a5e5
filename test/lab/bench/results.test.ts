import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cleanProvenance, mergeResults, readResults } from '../../../lab/bench/results.ts'
import { makeResults, makeRun, makeSide } from '../../fixtures/benchmark-results.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

function read(content: string): unknown {
  const file = join(makeTemporaryDirectory(), 'results.json')
  writeFileSync(file, content)
  return readResults(file)
}

const refusal = expect.objectContaining({ code: 'invalid-input' }) as Error

describe('results on disk', () => {
  test('come back as they were written', () => {
    expect(read(JSON.stringify(makeResults()))).toEqual(makeResults())
  })

  test('that are not there, empty, torn or no JSON are refused', () => {
    expect(() => readResults('/nowhere/results.json')).toThrow(refusal)
    for (const content of ['', '{', 'null', '[]', '{}', JSON.stringify(makeResults()).slice(0, -1)])
      expect(() => read(content)).toThrow(refusal)
  })

  const [dataset] = makeResults().datasets
  test.each([
    ['of another version', { ...makeResults(), version: 2 }],
    ['with something besides', { ...makeResults(), besides: 1 }],
    ['with a name that leads elsewhere', makeResults([], { name: '../../etc' })],
    ['with a description that ends a table', makeResults([], { description: 'a | b' })],
    ['with a description that is markup', makeResults([], { description: '<script>alert(1)</script>' })],
    ['with a description of many lines', makeResults([], { description: 'a\n# b' })],
    [
      'with a link for a version',
      makeResults([], {
        provenance: { ...dataset!.provenance, versions: { restic: '[x](http://example.com)' } },
      }),
    ],
    ['with a time below zero', makeResults([makeRun('first', 1, { seconds: [-1, 1, 1] })])],
    ['with a run that took no time', makeResults([makeRun('first', 1, { seconds: [0, 1, 1] })])],
    ['without a round', makeResults([makeRun('first', 1, { seconds: [] })])],
    ['with fewer rounds of one tool', makeResults([makeRun('first', 1, { seconds: [1, 1] })])],
    [
      'with fewer peaks than rounds',
      makeResults([
        { name: 'first', holdfast: makeSide([1, 1, 1]), restic: makeSide([1, 1, 1], { peakBytes: [1] }) },
      ]),
    ],
    ['with text for a figure', makeResults([makeRun('first', 1, { storedBytes: '1' as unknown as number })])],
    ['with half a request', makeResults([makeRun('first', 1, { requests: { PutObject: 0.5 } })])],
    ['with a kind of request that is markup', makeResults([makeRun('first', 1, { requests: { '<b>': 1 } })])],
  ])('%s are refused', (_, results) => {
    expect(() => read(JSON.stringify(results))).toThrow(refusal)
  })
})

test('new results replace earlier ones of the same name, and other results stay', () => {
  const before = makeResults([makeRun('first', 2)])
  const tinyResults = makeResults([makeRun('first', 3)], { name: 'tiny' })
  const again = makeResults([makeRun('first', 4)])
  const merged = mergeResults(mergeResults(before, { ...tinyResults, complexity: [] }), again)
  expect(merged.datasets).toEqual([...tinyResults.datasets, ...again.datasets])
  expect(merged.complexity).toEqual(again.complexity)
})

test('WAL: new rounds replace those of before, and both tools have as many', () => {
  const { provenance } = makeResults().datasets[0]!
  const pushed = {
    name: 'wal',
    provenance,
    scale: 1,
    segments: 4,
    bytes: 64,
    holdfast: [1, 2],
    pgbackrest: [3, 4],
  }
  const again = { ...pushed, holdfast: [5], pgbackrest: [6] }
  const merged = mergeResults({ ...makeResults(), wal: [pushed] }, { ...makeResults(), wal: [again] })
  expect(merged.wal).toEqual([again])
  expect(read(JSON.stringify(merged))).toEqual(merged)
  const uneven = { ...makeResults(), wal: [{ ...pushed, holdfast: [1] }] }
  expect(() => read(JSON.stringify(uneven))).toThrow(refusal)
})

test('foreign text about the machine is cleaned, so that the results can be read back', () => {
  const [dataset] = makeResults().datasets
  const provenance = cleanProvenance({
    ...dataset!.provenance,
    command: 'npm run bench -- --out "<b>`|.json"',
    versions: { restic: `restic\n${'9'.repeat(600)}` },
    machine: { ...dataset!.provenance.machine, processor: 'A | B' },
  })
  expect(provenance.command).toBe('npm run bench -- --out ??b???.json?')
  expect(() => read(JSON.stringify(makeResults([], { provenance })))).not.toThrow()
})
