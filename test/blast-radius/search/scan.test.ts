import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyCharacter } from '../../fixtures/any-character.ts'
import { redact, scanText } from '../../../blast-radius/search/scan.ts'
import { joinLines } from '../../../blast-radius/search/text.ts'
import type { KindName } from '../../../blast-radius/search/kinds.ts'
import { invent, inventUuid, plantCredentials } from './planted.ts'

/** Line and kind of each credential in a file's text. */
function searchText(raw: string, path: string): { kind: KindName; line: number; owner: string | null }[] {
  const source = joinLines(raw)
  return scanText(source.text, { path }).credentials.map(({ kind, start, owner }) => ({
    kind,
    line: source.lineAt(start),
    owner,
  }))
}

describe('a credential is found by kind, line and owner', () => {
  test.each(plantCredentials().map((planted) => [planted.file, planted] as const))(
    '%s',
    (file, { text, kind, line, owner, values }) => {
      const credentials = searchText(text, `/home/me/${file}`)
      expect(credentials[0]).toEqual({ kind, line, owner })
      const shown = JSON.stringify(credentials)
      for (const value of values) expect(shown).not.toContain(value)
    },
  )

  test('a value that goes on after a backslash is named where it begins, and no part of it is shown', () => {
    const secret = invent('split', 40)
    const id = ['AK', 'IARZPUZDIKGB2VALC4'].join('')
    const credentials = searchText(
      `export AWS_ACCESS_KEY_ID=${id}\nexport AWS_SECRET_ACCESS_KEY=${secret.slice(0, 17)}\\\n${secret.slice(17)}\n`,
      'x.sh',
    )
    expect(credentials).toEqual([{ kind: 'aws-key', line: 2, owner: 'account 123456789012' }])
  })

  test('a comment that switches the scanner off switches nothing off', () => {
    const token = `${['gh', 'p_'].join('')}${invent('hidden', 36)}`
    expect(
      searchText(`// secretlint-disable\ntoken = ${token} // secretlint-disable-line\n`, 'a.js'),
    ).toMatchObject([{ kind: 'github', line: 2 }])
  })

  test('the same value is told once, with its owner', () => {
    const credentials = searchText(
      `DATABASE_PASSWORD_URL=postgres://bob:${invent('once', 16)}@db.example.com/app\n`,
      '.env',
    )
    expect(credentials).toEqual([{ kind: 'database', line: 1, owner: 'bob@db.example.com/app' }])
  })
})

describe('what is no credential is none', () => {
  test.each([
    ['a key without its secret', `AWS_ACCESS_KEY_ID=${['AK', 'IARZPUZDIKGB2VALC4'].join('')}\n`],
    [
      'a hash beside a key',
      `${['AK', 'IARZPUZDIKGB2VALC4'].join('')} ${invent('sha1', 40, '0123456789abcdef')}\n`,
    ],
    ['a placeholder', 'PASSWORD=${PASSWORD}\nAPI_TOKEN=<your token>\nDB_PASSWORD=changeme\n'],
    [
      'a name of a file',
      'TOKEN_FILE=/run/secrets/token\nSECRET_ARN=arn:aws:secretsmanager:eu-central-1:111122223333:secret:x\n',
    ],
    [
      'a URL without a password',
      'postgres://db.example.com/app postgres://bob@db.example.com/app postgres://bob:@db/app\n',
    ],
    ['a UUID', `id: ${inventUuid('id')}\n`],
  ])('%s', (_what, text) => {
    expect(searchText(text, '.env')).toEqual([])
  })
})

describe('an owner never holds the value', () => {
  test('of a URL whose password was not encoded', () => {
    const secret = invent('part', 12)
    for (const password of [
      `a@${secret}`,
      `a/${secret}`,
      `a:${secret}`,
      `${secret}@`,
      `?x@${secret}`,
      `${secret}?q=@`,
    ]) {
      const text = `postgres://bob:${password}@db.example.com/app`
      expect(JSON.stringify(searchText(text, 'a.txt'))).not.toContain(secret)
    }
  })

  test('whatever the URL is made of', () => {
    const part = fc.string({
      unit: fc.constantFrom('a', 'b', '1', ':', '@', '/', '.', '?', '-'),
      maxLength: 12,
    })
    fc.assert(
      fc.property(part, part, (before, after) => {
        const secret = 'Zq7Xv9Kt'
        const credentials = searchText(
          `postgres://bob:${before}${secret}${after}@db.example.com/app`,
          'a.txt',
        )
        expect(JSON.stringify(credentials)).not.toContain(secret)
      }),
    )
  })
})

test('a name that is a credential is cut out of what is shown', () => {
  const token = `${['gh', 'p_'].join('')}${invent('name', 36)}`
  expect(redact(`/tmp/${token}/notes`)).toBe('/tmp/…/notes')
})

test('a text of nothing but keys is told within bounds', () => {
  const id = ['AK', 'IARZPUZDIKGB2VALC4'].join('')
  const text = Array.from({ length: 5000 }, (_, index) => `${id} ${invent(`many ${index}`, 40)}`).join('\n')
  const credentials = scanText(text, { path: 'a' }).credentials
  expect(credentials.length).toBeGreaterThan(100)
  expect(credentials.length).toBeLessThanOrEqual(2000)
})

test.each([
  ['a', 'a'],
  ['Bearer', 'Bearer '],
  ['urls', 'postgres://a:'],
  ['machines', 'machine a login '],
  ['quotes', '"'],
  ['named', 'secret'],
  ['spaces', ' '],
  ['pem', '-----BEGIN RSA PRIVATE KEY-----\n'],
  ['json', '"auths":{"a":{"auth":'],
  ['colons', 'a:1:'],
  ['escapes', '\\\\:'],
  ['keywords', 'host=a '],
  ['keywords in one', 'host=host='],
])('half a megabyte of %s is scanned without backtracking for ever', (_name, unit) => {
  const text = unit.repeat(Math.ceil(500_000 / unit.length))
  expect(scanText(text, { path: '/x/.pgpass' }).credentials.length).toBeLessThan(5000)
})

test('any text is scanned', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter, maxLength: 300 }), (text) => {
      for (const { start } of scanText(text, { path: '.env' }).credentials)
        expect(start).toBeLessThan(text.length)
    }),
    { numRuns: 60 },
  )
})
