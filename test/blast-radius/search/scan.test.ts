import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redact, scanText } from '../../../blast-radius/search/scan.ts'
import { searchText } from '../../../blast-radius/search/search.ts'
import { invent, inventUuid, plantCredentials } from './planted.ts'

describe('a credential is found by kind, line and owner', () => {
  test.each(plantCredentials().map((planted) => [planted.file, planted] as const))(
    '%s',
    async (file, { text, kind, line, owner, values }) => {
      const found = await searchText(text, `/home/me/${file}`)
      expect(found[0]).toEqual({ kind, line, owner })
      const shown = JSON.stringify(found)
      for (const value of values) expect(shown).not.toContain(value)
    },
  )

  test('a value that goes on after a backslash is named where it begins, and no part of it is shown', async () => {
    const secret = invent('split', 40)
    const id = ['AK', 'IARZPUZDIKGB2VALC4'].join('')
    const found = await searchText(
      `export AWS_ACCESS_KEY_ID=${id}\nexport AWS_SECRET_ACCESS_KEY=${secret.slice(0, 17)}\\\n${secret.slice(17)}\n`,
      'x.sh',
    )
    expect(found).toEqual([{ kind: 'aws-key', line: 2, owner: 'account 123456789012' }])
  })

  test('a comment that switches the scanner off switches nothing off', async () => {
    const token = `${['gh', 'p_'].join('')}${invent('hidden', 36)}`
    expect(
      await searchText(`// secretlint-disable\ntoken = ${token} // secretlint-disable-line\n`, 'a.js'),
    ).toMatchObject([{ kind: 'github', line: 2 }])
  })

  test('the same value is told once, with its owner', async () => {
    const found = await searchText(
      `DATABASE_PASSWORD_URL=postgres://bob:${invent('once', 16)}@db.example.com/app\n`,
      '.env',
    )
    expect(found).toEqual([{ kind: 'database', line: 1, owner: 'bob@db.example.com/app' }])
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
  ])('%s', async (_what, text) => {
    expect(await searchText(text, '.env')).toEqual([])
  })
})

describe('an owner never holds the value', () => {
  test('of a URL whose password was not encoded', async () => {
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
      expect(JSON.stringify(await searchText(text, 'a.txt'))).not.toContain(secret)
    }
  })

  test('whatever the URL is made of', async () => {
    const part = fc.string({
      unit: fc.constantFrom('a', 'b', '1', ':', '@', '/', '.', '?', '-'),
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(part, part, async (before, after) => {
        const secret = 'Zq7Xv9Kt'
        const found = await searchText(
          `postgres://bob:${before}${secret}${after}@db.example.com/app`,
          'a.txt',
        )
        expect(JSON.stringify(found)).not.toContain(secret)
      }),
    )
  })
})

test('a name that is a credential is cut out of what is shown', async () => {
  const token = `${['gh', 'p_'].join('')}${invent('name', 36)}`
  expect(await redact(`/tmp/${token}/notes`)).toBe('/tmp/…/notes')
})

test('a text of nothing but keys is told within bounds', async () => {
  const id = ['AK', 'IARZPUZDIKGB2VALC4'].join('')
  const text = Array.from({ length: 5000 }, (_, index) => `${id} ${invent(`many ${index}`, 40)}`).join('\n')
  const found = await scanText(text, { path: 'a', holdsSettings: true })
  expect(found.length).toBeGreaterThan(100)
  expect(found.length).toBeLessThanOrEqual(2000)
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
])('half a megabyte of %s is scanned without backtracking for ever', async (_name, unit) => {
  const text = unit.repeat(Math.ceil(500_000 / unit.length))
  expect((await scanText(text, { path: '/x/.pgpass', holdsSettings: true })).length).toBeLessThan(5000)
})

test('any text is scanned', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (text) => {
      for (const { start } of await scanText(text, { path: '.env', holdsSettings: true }))
        expect(start).toBeLessThan(text.length)
    }),
    { numRuns: 60 },
  )
})
