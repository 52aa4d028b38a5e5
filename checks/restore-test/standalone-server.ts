// Runs PostgreSQL in single-user mode: one process that reads its commands from standard input. It has no socket, no
// background process, no login, and ignores the settings that a cluster's catalogue attaches to roles and databases.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { programEnvironment } from './isolation.ts'
import type { Isolation, ProgramUser } from './isolation.ts'

export interface StandaloneServer {
  isolation: Isolation
  /** Absolute path of `postgres`, without links. */
  program: string
  dataDirectory: string
  /** Ours: the server reads no other one. */
  configurationFile: string
  /** Ours: the server asks for the name of its user. */
  passwdFile: string
  /** The user that runs it; undefined: the user of this process. */
  user?: ProgramUser
  /** The schemas in which a query finds names; `pg_catalog` alone unless given. */
  searchPath?: string
  /** Gets each line of the server's log. */
  onLog?: (line: string) => void
}

export interface Session {
  /** The values of the queries' only column, in order. */
  values: string[]
  /** The first 20 errors, in the server's words. */
  errors: string[]
  /** True if the server started, took every command, and shut down by itself. */
  isWhole: boolean
}

/** The name that every query gives its only column. */
export const resultColumn = 'holdfast'
const maxErrors = 20
/** The last two: the namespaces, or the dynamic linker, could not start the server. */
const errorPattern = /(?:(?:ERROR|FATAL|PANIC): {2}|^bwrap: |error while loading shared libraries: ).*/
/** They override every file. No fsync, because the directory is a copy or disposable. */
const settings = [
  'fsync=off',
  'jit=off',
  'archive_mode=off',
  'shared_preload_libraries=',
  'local_preload_libraries=',
  // A server with fewer than the cluster has prepared doesn't start.
  'max_prepared_transactions=1000',
]

/**
 * Runs `queries` on one database, one by one: a query that fails doesn't stop the next. Their values must have no
 * quotes and no line breaks. @throws if the server can't be started, or the reason of `signal`, after the server's
 * end.
 */
export function runStandalone(
  server: StandaloneServer,
  database: string,
  queries: readonly string[],
  signal: AbortSignal,
): Promise<Session> {
  const options = [
    ...settings,
    `search_path=${server.searchPath ?? 'pg_catalog'}`,
    `config_file=${server.configurationFile}`,
  ].flatMap((setting) => ['-c', setting])
  const { program, args } = server.isolation.enclose(
    {
      program: server.program,
      args: ['--single', '-j', '-D', server.dataDirectory, ...options, '--', database],
    },
    {
      writable: [server.dataDirectory],
      readable: [server.configurationFile],
      passwd: server.passwdFile,
    },
  )
  const child = spawn(program, args, {
    cwd: '/',
    env: programEnvironment,
    stdio: ['pipe', 'pipe', 'pipe'],
    shell: false,
    ...server.user,
  })
  const session: Session = { values: [], errors: [], isWhole: false }
  const valuePattern = new RegExp(`^(?:backend> )*\\t 1: ${resultColumn} = "([^"]*)"\\t`)
  createInterface({ input: child.stdout }).on('line', (line) => {
    const value = valuePattern.exec(line)?.[1]
    if (value !== undefined) session.values.push(value)
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    server.onLog?.(line)
    const error = errorPattern.exec(line)?.[0]
    if (error !== undefined && session.errors.length < maxErrors) session.errors.push(error)
  })
  // Ignore: a server that ends early closes its input, and its exit status and output tell why.
  child.stdin.on('error', () => undefined)
  child.stdin.end(queries.map((query) => `${query};\n\n`).join(''))
  const kill = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  if (signal.aborted) kill()
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => {
      signal.removeEventListener('abort', kill)
      if (signal.aborted) reject(signal.reason as Error)
      else resolve({ ...session, isWhole: status === 0 })
    })
  })
}
