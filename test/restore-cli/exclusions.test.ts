import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readExclusions } from '../../restore-cli/exclusions.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'

const directory = '/srv/rental'
const flags = { exclude: [], excludeFile: [] }

function fileOf(content: string | Buffer): string {
  const file = join(makeTemporaryDirectory(), 'patterns')
  writeFileSync(file, content)
  return file
}

function patternsOf(content: string | Buffer): readonly string[] {
  return readExclusions({ ...flags, excludeFile: [fileOf(content)] }, directory).patterns!
}

test('a file has one pattern a line, without comments, empty lines and the spaces at an end', () => {
  expect(patternsOf('# a comment\n\n*.log  \n!keep.log\r\n\\#a\nspace\\ \nslash\\\\ \n')).toEqual([
    '*.log',
    '!keep.log',
    '\\#a',
    'space\\ ',
    'slash\\\\',
  ])
})

test('a file may begin with a byte order mark, or be in UTF-16', () => {
  expect(patternsOf('\uFEFFa')).toEqual(['a'])
  expect(patternsOf(Buffer.from('\uFEFFä', 'utf16le'))).toEqual(['ä'])
})

test('the patterns of the command line come behind those of files, so that they decide', () => {
  const excludeFile = [fileOf('a'), fileOf('b')]
  expect(readExclusions({ exclude: ['!a'], excludeFile }, directory)).toEqual({
    patterns: ['a', 'b', '!a'],
    caches: false,
    otherFileSystems: false,
  })
})

test.each<[string, () => { exclude?: string[]; excludeFile?: string[] }, string, string]>([
  [
    'a pattern that begins with the directory',
    () => ({ exclude: ['!/srv/rental/tmp'] }),
    'invalid-input',
    '"/tmp"',
  ],
  ['a file that does not exist', () => ({ excludeFile: ['/nonexistent'] }), 'not-found', 'path'],
  [
    'a file that is no text',
    () => ({ excludeFile: [fileOf(Buffer.from([0x61, 0xff]))] }),
    'invalid-input',
    'UTF-8',
  ],
])('%s is refused', (_, changes, code, hint) => {
  expect(() => readExclusions({ ...flags, ...changes() }, directory)).toThrow(
    expect.objectContaining({ code, hint: expect.stringContaining(hint) as string }) as Error,
  )
})
