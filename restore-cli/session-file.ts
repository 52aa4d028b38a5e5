// The session that `holdfast login` opened, in a file for its user alone. A reader of the file can act as the role
// until the session ends, so a file that another user could have written or read is refused.
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { HoldfastError } from '../core/errors.ts'

const formatVersion = 1
const maxBytes = 64 * 1024

export interface SavedSession {
  roleArn: string
  sourceIdentity: string | null
  mfaSerial: string | null
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string
  /** This machine's clock counts it, as it counts `lifetimeMs`. */
  openedMs: number
  lifetimeMs: number
}

type Environment = Readonly<Record<string, string | undefined>>

/** In memory where the system has a directory for it, which ends with the login of the user. */
export function sessionFile(environment: Environment): string {
  const home = environment['HOME'] || homedir()
  const directory =
    environment['XDG_RUNTIME_DIR'] || environment['XDG_STATE_HOME'] || join(home, '.local', 'state')
  return join(directory, 'holdfast', 'session.json')
}

/** Null without a session. @throws `credentials` for a file that another user could have read or written. */
export function readSession(environment: Environment): SavedSession | null {
  const file = sessionFile(environment)
  let descriptor: number
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw unusable(file, code === 'ELOOP' ? 'it is a link' : `it can't be read: ${code ?? 'unknown error'}`)
  }
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile() || stats.size > maxBytes) throw unusable(file, 'it is not a file of a session')
    if (process.getuid !== undefined && stats.uid !== process.getuid())
      throw unusable(file, 'it belongs to another user')
    if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0)
      throw unusable(file, 'other users may read or write it')
    return parseSession(readFileSync(descriptor, 'utf8'), file)
  } finally {
    closeSync(descriptor)
  }
}

/** Replaces the session. @throws `target` if the file can't be written. */
export function writeSession(session: SavedSession, environment: Environment): string {
  const file = sessionFile(environment)
  const temporary = `${file}.${process.pid}`
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    rmSync(temporary, { force: true })
    writeFileSync(temporary, JSON.stringify({ formatVersion, ...session }), { flag: 'wx', mode: 0o600 })
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw new HoldfastError(
      'target',
      `the session can't be written to ${file}: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      { hint: 'set XDG_RUNTIME_DIR to a directory that you may write to', cause: error },
    )
  }
  return file
}

/** False if there was none. */
export function removeSession(environment: Environment): boolean {
  try {
    rmSync(sessionFile(environment))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw unusable(sessionFile(environment), "it can't be removed")
  }
}

/** The remaining time; 0 for a session that has ended, or if this machine's clock was set back since. */
export function remainingMs({ openedMs, lifetimeMs }: SavedSession, nowMs: number): number {
  return nowMs < openedMs ? 0 : Math.max(0, openedMs + lifetimeMs - nowMs)
}

function parseSession(text: string, file: string): SavedSession {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw unusable(file, 'it is not JSON')
  }
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  if (fields['formatVersion'] !== formatVersion) throw unusable(file, 'it has an unknown version')
  const textOf = (name: string): string => {
    const field = fields[name]
    if (typeof field === 'string') return field
    throw unusable(file, `${name} is missing`)
  }
  const textOrNull = (name: string): string | null => (fields[name] === null ? null : textOf(name))
  const count = (name: string): number => {
    const field = fields[name]
    if (typeof field === 'number' && Number.isSafeInteger(field)) return field
    throw unusable(file, `${name} is missing`)
  }
  return {
    roleArn: textOf('roleArn'),
    sourceIdentity: textOrNull('sourceIdentity'),
    mfaSerial: textOrNull('mfaSerial'),
    accessKeyId: textOf('accessKeyId'),
    secretAccessKey: textOf('secretAccessKey'),
    sessionToken: textOf('sessionToken'),
    openedMs: count('openedMs'),
    lifetimeMs: count('lifetimeMs'),
  }
}

function unusable(file: string, reason: string): HoldfastError {
  return new HoldfastError('credentials', `the session in ${file} is not used: ${reason}`, {
    hint: 'remove the file, and open a session with `holdfast login`',
  })
}
