// Runs PostgreSQL in single-user mode: one process that reads its commands from standard input. It has no socket, no
// background process, no login, and ignores the settings that a cluster's catalogue attaches to roles and databases.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface ServerUser {
  uid: number
  gid: number
}

export interface StandaloneServer {
  /** Absolute path of `postgres`. */
  program: string
  dataDirectory: string
  /** Ours: the server reads no other one. */
  configurationFile: string
  /** The user that runs it; undefined: the user of this process. */
  user?: ServerUser
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
/** The server inherits nothing: no credentials, no library path, no proxy. */
const environment = { LANG: 'C', LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' }
/** They override every file. No fsync, because the directory is a copy or disposable. */
const settings = [
  'fsync=off',
  'jit=off',
  'archive_mode=off',
  'shared_preload_libraries=',
  'local_preload_libraries=',
  'search_path=pg_catalog',
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
  const options = [...settings, `config_file=${server.configurationFile}`].flatMap((setting) => [
    '-c',
    setting,
  ])
  const child = spawn(
    server.program,
    ['--single', '-j', '-D', server.dataDirectory, ...options, '--', database],
    {
      cwd: '/',
      env: environment,
      stdio: ['pipe', 'pipe', 'pipe'],
      shell: false,
      ...server.user,
    },
  )
  const session: Session = { values: [], errors: [], isWhole: false }
  const valuePattern = new RegExp(`^(?:backend> )*\\t 1: ${resultColumn} = "([^"]*)"\\t`)
  createInterface({ input: child.stdout }).on('line', (line) => {
    const value = valuePattern.exec(line)?.[1]
    if (value !== undefined) session.values.push(value)
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    const error = /(?:ERROR|FATAL|PANIC): {2}.*/.exec(line)?.[0]
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
