// The resident process of `wal-push` and `wal-fetch`: which socket it serves, how it is started, and how a command
// asks it. Another version, configuration, identity or directory has a socket of its own, so that a command never
// gets the work of a process with other settings.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HoldfastError, exitStatus, isHoldfastError } from '../core/errors.ts'
import { askResident, serveResident } from './resident.ts'
import type { Invocation } from './invocation.ts'
import { toolVersion } from './tool-version.ts'

const idleMs = 60_000
/** Credentials of the environment, and the configuration, may have changed since. */
const ageMs = 3_600_000
/** Variables that decide how the vault is reached. */
const settings = /^(?:AWS_|HOLDFAST_|HTTPS?_PROXY$|NO_PROXY$|https?_proxy$|no_proxy$|HOME$)/

/** Options of a command line, by their names as Commander gives them. */
export type ResidentFlags = Record<string, string | number | boolean | undefined>

export interface Resident {
  command: 'wal-push' | 'wal-fetch'
  flags: ResidentFlags
  invocation: Pick<Invocation, 'environment' | 'signal'>
}

/** The result of a request, or the error with which the same work would have ended in the command itself. */
export type ResidentReply<Result> = { result: Result } | { error: HoldfastError }

function socketOf({ command, flags, invocation: { environment } }: Resident): string {
  const variables = Object.entries(environment)
    .filter(([name, value]) => settings.test(name) && value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const options = Object.entries(flags).sort(([a], [b]) => (a < b ? -1 : 1))
  const identity = [
    toolVersion(),
    process.execPath,
    command,
    options,
    variables,
    fileIdentity(flags['config']),
  ]
  const digest = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 24)
  const directory = environment['XDG_RUNTIME_DIR'] || tmpdir()
  return join(directory, `holdfast-wal-${process.geteuid?.() ?? 0}`, digest)
}

/** Null if no resident process serves these settings. */
export async function askForWork<Result>(
  resident: Resident,
  request: object,
): Promise<ResidentReply<Result> | null> {
  const reply = await askResident(socketOf(resident), request)
  if (typeof reply !== 'object' || reply === null) return null
  const { result, error } = reply as { result?: Result; error?: HoldfastError }
  if (result !== undefined) return { result }
  if (error === undefined || !Object.hasOwn(exitStatus, error.code)) return null
  const { code, message, hint, retryable } = error
  const options = { ...(hint === undefined ? {} : { hint }), retryable }
  return { error: new HoldfastError(code, message, options) }
}

/** Starts one in the background, for the next command. It ends by itself. */
export function startResident({ command, flags, invocation }: Resident, file: string): void {
  const child = spawn(
    process.execPath,
    [...process.execArgv, programFile(), command, ...argsOf(flags), '--resident', file],
    {
      cwd: '/',
      env: invocation.environment,
      stdio: 'ignore',
      detached: true,
      shell: false,
    },
  )
  // Ignore: the next command does its work itself.
  child.on('error', () => {})
  child.unref()
}

/** @returns false if another process serves these settings already. */
export function serveWork(
  resident: Resident,
  handle: (request: unknown) => Promise<object>,
): Promise<boolean> {
  return serveResident({
    socket: socketOf(resident),
    handle: async (request) => {
      try {
        return { result: await handle(request) }
      } catch (error) {
        if (!isHoldfastError(error)) throw error
        const { code, message, hint, retryable } = error
        return { error: { code, message, hint, retryable } }
      }
    },
    idleMs,
    ageMs,
    signal: resident.invocation.signal,
  })
}

/** The same options on a command line. */
function argsOf(flags: ResidentFlags): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    if (name === 'assumeRole') return value === false ? ['--no-assume-role'] : []
    if (value === undefined || value === false) return []
    return value === true ? [option] : [option, value.toString()]
  })
}

/** A configuration that was written anew is another one. */
function fileIdentity(path: ResidentFlags[string]): string {
  if (typeof path !== 'string') return ''
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats === undefined ? '' : `${stats.ino} ${stats.size} ${stats.mtimeMs}`
}

function programFile(): string {
  return fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url))
}
