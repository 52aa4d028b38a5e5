import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { testDirectory } from '../../../checks/restore-test/directory.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'

const folder = makeFolder()
const tree = join(folder, 'tree')
const examine = (root = tree) => testDirectory(root, new AbortController().signal)

beforeEach(() => {
  rmSync(tree, { recursive: true, force: true })
  mkdirSync(join(tree, 'uploads', 'empty'), { recursive: true })
  writeFileSync(join(tree, 'a'), 'one')
  writeFileSync(join(tree, 'uploads', 'b'), Buffer.alloc(3_000_000, 7))
  symlinkSync('/etc', join(tree, 'link'))
  execFileSync('mkfifo', [join(tree, 'pipe')])
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0x0a])]), 'bytes')
})

test('every entry is counted; no link is followed, and no pipe opened', async () => {
  expect(await examine()).toMatchObject({ entries: 7, files: 3, bytes: 3_000_008, links: 1, findings: [] })
})

test('a copy with other times and modes has the same digest', async () => {
  const copy = join(folder, 'copy')
  rmSync(join(tree, 'pipe'))
  execFileSync('cp', ['-RP', tree, copy])
  utimesSync(join(copy, 'a'), 1, 1)
  chmodSync(join(copy, 'a'), 0o600)
  expect((await examine(copy)).sha256).toBe((await examine()).sha256)
})

describe('the digest changes', () => {
  test.each<[string, () => void]>([
    ['one byte of a file', () => writeFileSync(join(tree, 'a'), 'onf')],
    ['a file that is gone', () => rmSync(join(tree, 'a'))],
    ['an empty directory that is gone', () => rmSync(join(tree, 'uploads', 'empty'), { recursive: true })],
    ['an empty file more', () => writeFileSync(join(tree, 'uploads', 'empty', 'x'), '')],
    [
      'a link that leads elsewhere',
      () => {
        rmSync(join(tree, 'link'))
        symlinkSync('/tmp', join(tree, 'link'))
      },
    ],
    [
      'a file in place of a link',
      () => {
        rmSync(join(tree, 'link'))
        writeFileSync(join(tree, 'link'), '/etc')
      },
    ],
  ])('for %s', async (_, change) => {
    const { sha256 } = await examine()
    change()
    expect((await examine()).sha256).not.toBe(sha256)
  })
})

test("the border between name and content can't be shifted", async () => {
  const digests = await Promise.all(
    [
      ['a', 'bc'],
      ['ab', 'c'],
    ].map(async ([name, target]) => {
      const root = join(folder, `shifted-${name}`)
      mkdirSync(root)
      symlinkSync(target!, join(root, name!))
      return (await examine(root)).sha256
    }),
  )
  expect(new Set(digests).size).toBe(2)
})

test('an empty directory is a finding: nothing was restored', async () => {
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  expect((await examine(empty)).findings).toEqual(['the directory is empty'])
})

test('an aborted signal prevents the test', async () => {
  await expect(testDirectory(tree, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
})
