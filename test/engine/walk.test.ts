import { mkdirSync, readFileSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DirectoryHandles } from '../../engine/directory-handles.ts'
import type { Selection } from '../../engine/selection.ts'
import { isWalked, walk } from '../../engine/walk.ts'
import { ProtectedSource } from '../fixtures/protected-source.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'

/** The paths in order, a problem as `path: kind`. `disturb` runs after each entry, before what lies in it is listed. */
function walkWhile(
  root: string,
  disturb: (path: string) => void = () => undefined,
  selection?: Selection,
): string[] {
  return Array.from(walk(root, selection), (walked) => {
    if (!isWalked(walked)) return `${walked.path.toString()}: ${'kind' in walked ? walked.kind : walked.rule}`
    disturb(walked.entry.path.toString())
    return walked.entry.path.toString()
  })
}

function makeTree(): { root: string; outside: string } {
  const parent = makeTemporaryDirectory()
  const [root, outside] = [join(parent, 'source'), join(parent, 'outside')]
  for (const directory of ['a', 'b/c', 'd']) mkdirSync(join(root, directory), { recursive: true })
  for (const file of ['a/x', 'b/c/x', 'd/x']) writeFileSync(join(root, file), file)
  mkdirSync(join(outside, 'c'), { recursive: true })
  for (const file of ['x', 'shadow', 'c/shadow']) writeFileSync(join(outside, file), 'secret')
  return { root, outside }
}

/** Puts a link in the place of a directory. */
function replaceByLink(root: string, name: string, target: string): void {
  renameSync(join(root, name), join(root, '..', 'moved'))
  symlinkSync(target, join(root, name))
}

describe('a directory', () => {
  test('that becomes a link when it was listed is a problem: nothing from elsewhere is walked', () => {
    const { root, outside } = makeTree()
    const paths = walkWhile(root, (path) => path === 'b' && replaceByLink(root, 'b', outside))
    expect(paths).toEqual(['', 'a', 'a/x', 'b', 'b: vanished', 'd', 'd/x'])
  })

  test('above which a link takes the place of a directory is still the one that was listed', () => {
    const { root, outside } = makeTree()
    const paths = walkWhile(root, (path) => path === 'b/c' && replaceByLink(root, 'b', outside))
    expect(paths).toEqual(['', 'a', 'a/x', 'b', 'b/c', 'b/c/x: vanished', 'd', 'd/x'])
  })

  test('whose place another one takes is a problem', () => {
    const { root } = makeTree()
    const paths = walkWhile(root, (path) => {
      if (path !== 'b') return
      renameSync(join(root, 'b'), join(root, '..', 'moved'))
      renameSync(join(root, 'd'), join(root, 'b'))
    })
    expect(paths).toEqual(['', 'a', 'a/x', 'b', 'b: vanished', 'd: vanished'])
  })

  test('that lies below more directories than the walk keeps open is left on the right way', () => {
    const root = makeTemporaryDirectory()
    const names = Array.from({ length: 200 }, (_, depth) => `${depth}`)
    mkdirSync(join(root, ...names), { recursive: true })
    // Behind each directory comes another one, so that the walk opens its parent again.
    for (let depth = 1; depth < names.length; depth++)
      mkdirSync(join(root, ...names.slice(0, depth), 'z', 'y'), { recursive: true })
    expect(walkWhile(root)).toHaveLength(1 + 200 + 2 * 199)
  })
})

test('a file is read in the directory that was listed, not through a link in its place', async () => {
  const source = new ProtectedSource()
  const outside = join(source.root, 'outside')
  mkdirSync(join(source.directory, 'a'))
  writeFileSync(join(source.directory, 'a', 'x'), 'inside')
  for (let index = 0; index < 300; index++) writeFileSync(join(source.directory, `f${index}`), '')
  mkdirSync(outside)
  writeFileSync(join(outside, 'x'), 'secret')
  let isDone = false
  const { problems } = await source.backup({
    onProgress: () => {
      if (!isDone) replaceByLink(source.directory, 'a', outside)
      isDone = true
    },
  })
  expect(problems).toMatchObject([{ kind: 'vanished', path: Buffer.from('a/x') }])
})

test('paths of more than 4,096 bytes are backed up, and come back', async () => {
  const source = new ProtectedSource()
  const names = Array.from({ length: 20 }, () => 'n'.repeat(250))
  const place = (directory: string, use: (at: (last: string) => Buffer) => void): void => {
    const handles = new DirectoryHandles(directory)
    use((last) => handles.at(Buffer.from([...names, last].join('/'))))
    handles.close()
  }
  const handles = new DirectoryHandles(source.directory)
  for (let depth = 1; depth <= names.length; depth++)
    mkdirSync(handles.at(Buffer.from(names.slice(0, depth).join('/'))))
  handles.close()
  place(source.directory, (at) => {
    writeFileSync(at('file'), 'deep')
    symlinkSync('elsewhere', at('link'))
  })
  const { complete, problems } = await source.backup()
  expect([complete, problems]).toEqual([true, []])
  const { target, damaged, problemCount } = await source.restore()
  expect([damaged, problemCount]).toEqual([[], 0])
  place(target, (at) => {
    expect([readFileSync(at('file'), 'utf8'), readlinkSync(at('link'))]).toEqual(['deep', 'elsewhere'])
  })
})
