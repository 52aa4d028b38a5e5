// The resident process of `wal-push` and `wal-fetch`: which socket it serves, how it is started, and how a command
// asks it. Another version, configuration, identity or directory has a socket of its own, so that a command never
// gets the work of a process with other settings.
import { spawn } from 'node:child_process'
import { HoldfastError, exitStatus, isHoldfastError } from '../core/errors.ts'
import type { Invocation } from './invocation.ts'
import { programFile } from './program-file.ts'
import { askResident } from './resident-client.ts'
import { serveResident } from './resident.ts'
import { fileIdentity, walSocket } from './wal-socket.ts'

const idleMs = 60_000
/** Credentials of the environment, and the configuration, may have changed since. */
const ageMs = 3_600_000
/** Options of a command line, by their names as Commander gives them. */
export type ResidentFlags = Record<string, string | number | boolean | undefined>

export interface Resident {
  command: 'wal-push' | 'wal-fetch'
  flags: ResidentFlags
  /** Where it is served; by default a socket of command, flags and variables. */
  socket?: string
  invocation: Pick<Invocation, 'environment' | 'signal'>
}

/** The result of a request, or the error with which the same work would have ended in the command itself. */
export type ResidentReply<Result> = { result: Result } | { error: HoldfastError }

function socketOf({ socket, command, flags, invocation: { environment } }: Resident): string {
  if (socket !== undefined) return socket
  const options = Object.entries(flags).sort(([a], [b]) => (a < b ? -1 : 1))
  const { config } = flags
  return walSocket(environment, [command, options, typeof config === 'string' ? fileIdentity(config) : ''])
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
export function startResident(resident: Resident, file: string): void {
  const { command, flags, invocation } = resident
  const child = spawn(
    process.execPath,
    [...process.execArgv, programFile(), command, ...argsOf(flags), '--resident', socketOf(resident), file],
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
