import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readServerAddress } from '../../restore-cli/postgres-address.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'

const read = (connect: string, environment: Record<string, string> = {}): string | null =>
  readServerAddress({ connect }, environment)

test.each([
  ['postgresql://backup@db.internal:5433/rental', 'postgresql://backup@db.internal:5433/rental'],
  ['postgres:///rental?host=/run/postgresql', 'postgres:///rental?host=/run/postgresql'],
  ['host=/run/postgresql user=backup', 'postgresql:///?host=%2Frun%2Fpostgresql&user=backup'],
  ["dbname='a b' host = 'it\\'s' port=5433", 'postgresql:///a%20b?host=it%27s&port=5433'],
])('%s is an address', (text, address) => {
  expect(read(text)).toBe(address)
})

test.each(['', 'db.internal', 'host=a b', "host='a", 'postgresql://[', 'http://db.internal/'])(
  '%j is refused, and not repeated',
  (text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'invalid-input' }) as Error)
  },
)

test.each([
  'postgresql://backup:s3cret@db.internal/rental',
  'postgresql://backup:s3cret@/rental',
  'postgresql://backup@db.internal/rental?password=s3cret',
  'host=db.internal password=s3cret',
  "host=db.internal password='s3cret'",
])('a password among the arguments is refused, and never shown: %s', (text) => {
  try {
    read(text)
    expect.unreachable()
  } catch (error) {
    expect(error).toMatchObject({
      code: 'invalid-input',
      hint: expect.stringContaining('PGPASSFILE') as string,
    })
    expect(JSON.stringify(error) + String(error)).not.toContain('s3cret')
  }
  expect(readServerAddress({ connectEnv: 'DATABASE_URL' }, { DATABASE_URL: text })).toContain('s3cret')
})

test('a variable that is not set is refused', () => {
  expect(() => readServerAddress({ connectEnv: 'DATABASE_URL' }, {})).toThrow('DATABASE_URL is not set')
})

test('without an option there is no address', () => {
  expect(readServerAddress({}, {})).toBeNull()
})

test('a service is looked up in the file, and its password stays out of the arguments', () => {
  const file = join(makeTemporaryDirectory(), 'services')
  writeFileSync(
    file,
    '# all\n[other]\nhost=b\n[backup]\nhost = a\nport=5433\npassword=s3cret\n\n[third]\nuser=c\n',
  )
  const environment = { PGSERVICEFILE: file }
  expect(read('service=backup port=5434', environment)).toBe(
    'postgresql:///?host=a&port=5434&password=s3cret',
  )
  expect(() => read('service=none', environment)).toThrow('has no service')
})
