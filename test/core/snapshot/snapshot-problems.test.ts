import { describe, expect, test } from 'vitest'
import { PathSelection } from '../../../core/tree/path-selection.ts'
import { problemsOf } from '../../../core/snapshot/snapshot-problems.ts'
import type { Manifest } from '../../../core/snapshot/manifest.ts'
import { ProblemList } from '../../../engine/backup/problem-list.ts'

function manifest(problems: [kind: string, path: string][], overrides: Partial<Manifest> = {}): Manifest {
  return {
    sourceKind: 'volume',
    complete: false,
    problems: problems.map(([kind, path]) => ({ kind, path, detail: '' })),
    problemCount: problems.length,
    ...overrides,
  } as Manifest
}

describe('a snapshot is complete for paths', () => {
  const gaps: [string, string][] = [
    ['unreadable', 'secret'],
    ['not-recorded', 'letters/open'],
  ]
  test.each<[string, Manifest, string[], boolean]>([
    ['that lie beside what is missing', manifest(gaps), ['letters'], true],
    ['unless one of them is missing', manifest(gaps), ['secret'], false],
    ['unless one lies below what is missing', manifest(gaps), ['secret/key'], false],
    ['unless something below is missing', manifest([['vanished', 'a/b']]), ['a'], false],
    ['unless the manifest lists no more', manifest(gaps, { problemCount: 101 }), ['letters'], false],
    ['unless it lists nothing that is missing', manifest([['not-recorded', 'x']]), ['letters'], false],
    ['unless they are files of a cluster', manifest(gaps, { sourceKind: 'postgres' }), ['letters'], false],
    ['unless the root is missing', manifest([['unreadable', '']]), ['letters'], false],
    ['only if there are any', manifest(gaps), [], false],
    ['if it lacks nothing', manifest([['not-recorded', 'x']], { complete: true }), [], true],
  ])('%s', (_, snapshot, paths, isComplete) => {
    expect(problemsOf(snapshot, new PathSelection(paths.map((path) => Buffer.from(path)))).isComplete).toBe(
      isComplete,
    )
  })
})

test('missing content is listed before any number of extended attributes', () => {
  const list = new ProblemList()
  for (let index = 0; index < 2000; index++)
    list.add({ path: Buffer.from(`a${index}`), kind: 'not-recorded', detail: '' })
  list.add({ path: Buffer.from('secret'), kind: 'unreadable', detail: '' })
  expect([list.count, list.problems.length, list.problems[0]!.path.toString()]).toEqual([
    2001,
    1000,
    'secret',
  ])
})
