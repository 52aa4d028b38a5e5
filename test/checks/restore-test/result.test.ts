import { execFileSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findingText } from '../../../checks/finding-text.ts'
import { anyCharacter } from '../../fixtures/any-character.ts'
import { maxResultBytes, maxFindings, parseResult, readResult } from '../../../checks/restore-test/result.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'

const folder = makeFolder()
const sha256 = 'a'.repeat(64)
const good = {
  type: 'examination',
  formatVersion: 1,
  run: 'night-1',
  kind: 'volume',
  ok: true,
  entries: 3,
  files: 2,
  bytes: 10,
  sha256,
  postgres: null,
  findings: [],
  findingCount: 0,
}
const failed = { ...good, ok: false, findings: ["data can't be read: EIO"], findingCount: 1 }
const cluster = { databases: 2, tables: 3, rows: 4, sha256 }
const parse = (value: unknown) => parseResult(Buffer.from(JSON.stringify(value)))

test.each([
  ['a good one', good],
  ['one with findings', failed],
  ['one of a cluster', { ...good, kind: 'postgres', postgres: cluster }],
])('a result is accepted: %s', (_, value) => {
  expect(parse(value)).toEqual(value)
})

describe('a result is refused, and no error repeats its content', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['a list', [good]],
    ['a text', 'ok'],
    ['another type', { ...good, type: 'verify' }],
    ['a field too many', { ...good, 'hostile\u001b[2J': 1 }],
    ['a field too few', { ...good, sha256: undefined }],
    ['a prototype', JSON.parse('{"__proto__": {"ok": true}}')],
    ['a text for a truth', { ...good, ok: 'true' }],
    ['a number for a truth', { ...good, ok: 1 }],
    ['fewer than nothing', { ...good, bytes: -1 }],
    ['half a file', { ...good, files: 0.5 }],
    ['more than can be counted', { ...good, bytes: 2 ** 53 }],
    ['a digest of another length', { ...good, sha256: 'a' }],
    ['a digest with more', { ...good, sha256: `${sha256}\n` }],
    ['a run that steers a terminal', { ...good, run: '\u001b[2J' }],
    ['a finding that steers a terminal', { ...failed, findings: ['\u001b]0;owned\u0007'] }],
    ['a finding on two lines', { ...failed, findings: ['one\ntwo'] }],
    ['a finding with a direction mark', { ...failed, findings: ['a\u202Eb'] }],
    ['a separator of lines', { ...failed, findings: ['a\u2028b'] }],
    ['a lone surrogate', { ...failed, findings: ['a\ud800b'] }],
    ['a finding that is too long', { ...failed, findings: ['x'.repeat(501)] }],
    ['an empty finding', { ...failed, findings: [''] }],
    [
      'more findings than are told',
      {
        ...failed,
        findings: Array.from({ length: maxFindings + 1 }, () => 'x'),
        findingCount: maxFindings + 1,
      },
    ],
    ['findings, and all is well', { ...failed, ok: true }],
    ['no findings, and not well', { ...good, ok: false }],
    ['findings that are not told', { ...failed, findings: [] }],
    ['well, though nothing was looked at', { ...good, entries: 0, files: 0, bytes: 0 }],
    ['more files than entries', { ...good, files: 4 }],
    ['a cluster that was not started, and well', { ...good, kind: 'postgres' }],
    ['a cluster in a volume', { ...good, postgres: cluster }],
    ['a cluster with a field too many', { ...good, kind: 'postgres', postgres: { ...cluster, more: 1 } }],
  ])('%s', (_, value) => {
    expect(() => parse(value)).toThrow(
      expect.objectContaining({
        code: 'damaged',
        message: expect.stringMatching(
          /^the result of the restore test is not usable: [\w .,'-]+$/,
        ) as string,
      }) as Error,
    )
  })

  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['no JSON', Buffer.from('{"type":')],
    ['bytes that are no text', Buffer.from([0x22, 0xff, 0x22])],
    ['lists in lists', Buffer.from('['.repeat(30_000) + ']'.repeat(30_000))],
    ['objects in objects', Buffer.from('{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000))],
    ['a good one, and more after it', Buffer.from(`${JSON.stringify(good)}\n${JSON.stringify(good)}`)],
    ['one that is too large', Buffer.from(JSON.stringify(good) + ' '.repeat(maxResultBytes))],
  ])('%s', (_, bytes) => {
    expect(() => parseResult(bytes)).toThrow(expect.objectContaining({ code: 'damaged' }) as Error)
  })

  test('an unknown version has its own error: the tool is too old, and the data may be intact', () => {
    expect(() => parse({ ...good, formatVersion: 2 })).toThrow(
      expect.objectContaining({ code: 'unsupported-format' }) as Error,
    )
  })

  test('any bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(() => parseResult(bytes)).toThrow(expect.objectContaining({ code: 'damaged' }) as Error)
        },
      ),
    )
  })

  test('with any one field changed it is refused, or still valid', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(failed)), fc.jsonValue(), (key, value) => {
        try {
          const answer = parse({ ...failed, [key]: value })
          expect(answer.ok).toBe(false)
          expect(answer.findings.join('')).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]+$/u)
        } catch (error) {
          expect(['damaged', 'unsupported-format']).toContain((error as { code: string }).code)
        }
      }),
    )
  })
})

describe('a file', () => {
  const code = (file: string) => {
    try {
      return readResult(file).ok
    } catch (error) {
      return (error as { code: string }).code
    }
  }

  test('is read up to a limit, and never through a link, or from a pipe, a directory or a device', () => {
    const file = join(folder, 'good')
    writeFileSync(file, JSON.stringify(good))
    symlinkSync(file, join(folder, 'link'))
    execFileSync('mkfifo', [join(folder, 'pipe')])
    expect(
      [file, join(folder, 'link'), join(folder, 'pipe'), folder, '/dev/zero', join(folder, 'none')].map(code),
    ).toEqual([true, 'not-found', 'damaged', 'damaged', 'damaged', 'not-found'])
  })
})

test('any text of a server becomes a valid finding', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: anyCharacter, maxLength: 600 }), fc.string({ maxLength: 2000 })),
      (text) => {
        expect(parse({ ...failed, findings: [findingText(text)] }).findings).toEqual([findingText(text)])
      },
    ),
  )
})
