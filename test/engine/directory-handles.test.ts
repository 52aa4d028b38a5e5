import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DirectoryHandles } from '../../engine/directory-handles.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'

const openDescriptors = (): number => readdirSync('/proc/self/fd').length

function use(root: string, work: (handles: DirectoryHandles) => void, limit?: number): void {
  const handles = new DirectoryHandles(root, limit)
  try {
    work(handles)
  } finally {
    handles.close()
  }
}

test('a path below the root names the entry in its directory, byte for byte', () => {
  const root = makeTemporaryDirectory()
  use(root, (handles) => {
    mkdirSync(handles.at(Buffer.from('a')))
    mkdirSync(handles.at(Buffer.from([0x61, 0x2f, 0xff, 0x0a])))
    writeFileSync(handles.at(Buffer.from([0x61, 0x2f, 0xff, 0x0a, 0x2f, 0x66])), 'f')
    expect(handles.at(Buffer.alloc(0)).toString()).toBe(root)
  })
  expect(
    existsSync(Buffer.concat([Buffer.from(`${root}/a/`), Buffer.from([0xff, 0x0a]), Buffer.from('/f')])),
  ).toBe(true)
})

test('no link is followed on the way: not the last, not one in the middle, not the root', () => {
  const root = makeTemporaryDirectory()
  mkdirSync(join(root, 'real/sub'), { recursive: true })
  symlinkSync('real', join(root, 'link'))
  for (const path of ['link/f', 'link/sub/f'])
    use(root, (handles) => expect(() => handles.at(Buffer.from(path))).toThrow(/ENOTDIR|ELOOP/))
  use(join(root, 'link'), (handles) => expect(() => handles.at(Buffer.from('f'))).toThrow(/ENOTDIR|ELOOP/))
  use(root, (handles) => expect(handles.at(Buffer.from('real/sub/f')).toString()).toMatch(/f$/))
})

test('a directory that is open stays the one that it was, whatever takes its name', () => {
  const root = makeTemporaryDirectory()
  const outside = makeTemporaryDirectory()
  mkdirSync(join(root, 'a'))
  use(root, (handles) => {
    handles.at(Buffer.from('a/first'))
    renameSync(join(root, 'a'), join(root, 'moved'))
    symlinkSync(outside, join(root, 'a'))
    writeFileSync(handles.at(Buffer.from('a/second')), 'second')
  })
  expect(readdirSync(outside)).toEqual([])
  expect(readdirSync(join(root, 'moved'))).toEqual(['second'])
})

test('never more are open than allowed, and none afterwards; trees far deeper than that, and than any path may be long, can be made', () => {
  const root = makeTemporaryDirectory()
  const before = openDescriptors()
  const depth = 3000
  const name = 'directory'
  const paths = Array.from({ length: depth }, (_, index) =>
    Buffer.from(Array.from({ length: index + 1 }, () => name).join('/')),
  )
  use(
    root,
    (handles) => {
      for (const path of paths) mkdirSync(handles.at(path))
      expect(openDescriptors() - before).toBeLessThanOrEqual(9)
      writeFileSync(handles.at(Buffer.concat([paths.at(-1)!, Buffer.from('/f')])), 'deep')
      // From the deepest to the root and back: each time from one that is still open.
      for (const index of [depth - 1, 0, depth - 1, depth >> 1])
        expect(readdirSync(handles.at(paths[index]!)).length).toBe(1)
    },
    8,
  )
  expect(openDescriptors()).toBe(before)
})
