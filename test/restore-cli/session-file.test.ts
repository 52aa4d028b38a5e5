import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import {
  readSession,
  remainingMs,
  removeSession,
  sessionFile,
  writeSession,
} from '../../restore-cli/session-file.ts'
import type { SavedSession } from '../../restore-cli/session-file.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'

const session: SavedSession = {
  roleArn: 'arn:aws:iam::111122223333:role/holdfast-restorer',
  sourceIdentity: null,
  mfaSerial: 'arn:aws:iam::111122223333:mfa/maria',
  accessKeyId: 'ASIA1',
  secretAccessKey: 'secret',
  sessionToken: 'token',
  openedMs: 1_000,
  lifetimeMs: 3_600_000,
}

function environment(): { XDG_RUNTIME_DIR: string } {
  return { XDG_RUNTIME_DIR: makeTemporaryDirectory() }
}

test('a session comes back as it was written, from a file for its user alone', () => {
  const variables = environment()
  expect(readSession(variables)).toBeNull()
  const file = writeSession(session, variables)
  expect(file).toBe(join(variables.XDG_RUNTIME_DIR, 'holdfast', 'session.json'))
  expect(readSession(variables)).toEqual(session)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(file)).mode & 0o777).toBe(0o700)
  writeSession({ ...session, accessKeyId: 'ASIA2' }, variables)
  expect(readSession(variables)?.accessKeyId).toBe('ASIA2')
  expect([removeSession(variables), removeSession(variables), readSession(variables)]).toEqual([
    true,
    false,
    null,
  ])
})

test('lies in the state of the user if the system has no directory for sessions', () => {
  expect(sessionFile({ HOME: '/home/maria' })).toBe('/home/maria/.local/state/holdfast/session.json')
  expect(sessionFile({ XDG_STATE_HOME: '/s', HOME: '/h' })).toBe('/s/holdfast/session.json')
})

test.each([
  ['that others may read', (file: string) => chmodSync(file, 0o640), 'other users may read'],
  ['that others may write', (file: string) => chmodSync(file, 0o602), 'other users may read'],
  ['that is a link', makeLink, 'it is a link'],
  ['that is no session', (file: string) => writeFileSync(file, '[]'), 'unknown version'],
  ['without a token', withoutToken, 'sessionToken is missing'],
  ['that is too large', (file: string) => writeFileSync(file, Buffer.alloc(70_000)), 'not a file'],
])('a file %s is refused', (_, change, reason) => {
  const variables = environment()
  change(writeSession(session, variables))
  expect(() => readSession(variables)).toThrow(reason)
})

test.runIf(process.getuid?.() === 0)('a file of another user is refused', () => {
  const variables = environment()
  chownSync(writeSession(session, variables), 65_534, 65_534)
  expect(() => readSession(variables)).toThrow('it belongs to another user')
})

test('a session ends by the clock that opened it, and if that clock was set back', () => {
  expect(remainingMs(session, 1_000)).toBe(3_600_000)
  expect(remainingMs(session, 3_601_000)).toBe(0)
  expect(remainingMs(session, 999)).toBe(0)
})

function makeLink(file: string): void {
  const target = `${file}.target`
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, readFileSync(file), { mode: 0o600 })
  removeSession({ XDG_RUNTIME_DIR: dirname(dirname(file)) })
  symlinkSync(target, file)
}

function withoutToken(file: string): void {
  const { sessionToken: _, ...fields } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  writeFileSync(file, JSON.stringify(fields))
}
