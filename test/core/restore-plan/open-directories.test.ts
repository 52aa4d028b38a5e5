import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OpenDirectories } from '../../../core/restore-plan/open-directories.ts'
import { parentPath } from '../../../core/tree/tree.ts'
import { comparePaths } from '../../../core/tree/tree-entry.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

/** The answer of `OpenDirectories` for each entry, from all directories that were ever entered. */
function expectedOf(entries: readonly { path: Buffer; isDirectory: boolean }[]): string[][] {
  const directories = new Set([''])
  return entries.map(({ path, isDirectory }) => {
    const unknown: string[] = []
    for (
      let parent = parentPath(path);
      !directories.has(parent.toString('latin1'));
      parent = parentPath(parent)
    )
      unknown.unshift(parent.toString('latin1'))
    for (const parent of unknown) directories.add(parent)
    if (isDirectory) directories.add(path.toString('latin1'))
    return unknown
  })
}

test('in the order of a tree, those above an entry tell as much as all that were ever entered', () => {
  const names = ['a', 'b', 'a.', 'ab', '\u00ff', 'a-b']
  const path = fc
    .array(fc.constantFrom(...names), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join('/'))
  fc.assert(
    fc.property(fc.uniqueArray(path, { maxLength: 60 }), fc.func(fc.boolean()), (paths, isDirectory) => {
      const entries = ['', ...paths].map((text) => ({
        path: Buffer.from(text, 'latin1'),
        isDirectory: text === '' || isDirectory(text),
      }))
      entries.sort((a, b) => comparePaths(a.path, b.path))
      const open = new OpenDirectories()
      const entered = entries.map((entry) =>
        open.enter(entry.path, entry.isDirectory).map((parent) => parent.toString('latin1')),
      )
      expect(entered).toEqual(expectedOf(entries))
    }),
    { numRuns: propertyRuns },
  )
})

test("what has a directory's name and more lies beside it", () => {
  const open = new OpenDirectories()
  const enter = (path: string, isDirectory: boolean): string[] =>
    open.enter(Buffer.from(path), isDirectory).map(String)
  expect([
    enter('a', true),
    enter('a/b', false),
    enter('a.b', false),
    enter('ab/c', false),
    enter('ab/d/e', false),
  ]).toEqual([[], [], [], ['ab'], ['ab/d']])
})
