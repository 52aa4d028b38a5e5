import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compareFiles, recordFiles } from '../../../../lab/incident/expected-state/files.ts'
import type { DirectoryState } from '../../../../lab/incident/expected-state/files.ts'

let root: string
let expected: DirectoryState
const at = (name: string) => path.join(root, name)

beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'hf-truth-'))
  mkdirSync(at('a/b'), { recursive: true })
  writeFileSync(at('a/one'), 'one')
  writeFileSync(at('a/b/two'), 'two')
  symlinkSync('a/one', at('link'))
  for (const name of ['a/one', 'a/b/two', 'a/b', 'a', '.'])
    utimesSync(at(name), 1_700_000_000.123456, 1_700_000_000.123456)
  expected = recordFiles(root)
})
afterEach(() => rmSync(root, { recursive: true }))

/** Puts the times of the directories back, so that a test sees the one difference that it made. */
function compareAgain() {
  for (const name of ['a/b', 'a', '.']) utimesSync(at(name), 1_700_000_000.123456, 1_700_000_000.123456)
  return compareFiles(expected, recordFiles(root))
}

describe('comparing a directory with its record', () => {
  test('finds no difference in an unchanged directory', () => {
    expect(Object.keys(expected).sort()).toEqual(['.', 'a', 'a/b', 'a/b/two', 'a/one', 'link'])
    expect(compareAgain()).toEqual([])
  })

  test('sees one flipped bit, though size and time are the same', () => {
    const content = readFileSync(at('a/one'))
    content[1]! ^= 1
    writeFileSync(at('a/one'), content)
    utimesSync(at('a/one'), 1_700_000_000.123456, 1_700_000_000.123456)
    expect(compareAgain()).toEqual(['a/one: other content'])
  })

  test('sees a missing file and one that should not be there', () => {
    rmSync(at('a/b/two'))
    writeFileSync(at('extra'), '')
    expect(compareAgain()).toEqual(['a/b/two: missing', 'extra: should not be there'])
  })

  test('sees another mode', () => {
    chmodSync(at('a/one'), 0o600)
    expect(compareAgain()).toEqual(['a/one: mode 600 instead of 644'])
  })

  test('sees a time that is off by two microseconds', () => {
    utimesSync(at('a/one'), 1_700_000_000.123458, 1_700_000_000.123458)
    expect(compareAgain()).toEqual([expect.stringMatching(/^a\/one: modified \d+ ns off$/)])
  })

  test('sees a file where a link was, and a link that points elsewhere', () => {
    rmSync(at('link'))
    symlinkSync('a/two', at('link'))
    expect(compareAgain()[0]).toBe('link: other content')
    rmSync(at('link'))
    writeFileSync(at('link'), 'one')
    expect(compareAgain()).toEqual(['link: is a file instead of a symlink'])
  })

  test('sees another owner', () => {
    const changed = structuredClone(expected)
    changed['a/one']!.uid += 1
    const actual = recordFiles(root)
    expect(compareFiles(changed, actual)).toEqual([expect.stringMatching(/^a\/one: owner/)])
  })
})
