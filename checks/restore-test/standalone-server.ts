// PostgreSQL in single-user mode: one process that reads its commands from standard input. There is no socket that anybody could
// reach, no background process, no login, and none of the settings that a cluster's catalogue attaches to roles and databases.
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
  /** Our own, and the only one that is read. */
  configurationFile: string
  /** Whom to run it as; undefined: as ourselves. */
  user?: ServerUser
}

export interface Session {
  /** What the queries' only column held, in order. */
  values: string[]
  /** What went wrong, as the server says it: at most 20 lines. */
  errors: string[]
  /** It came up, took every command, and shut down by itself. */
  isWhole: boolean
}

/** The name that every query gives its only column. */
export const resultColumn = 'holdfast'
const mostErrors = 20
/** Nothing is inherited: no credentials, no library path, no proxy. */
const environment = { LANG: 'C', LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' }
/** They win over every file; what lies in the directory was copied, or is disposable. */
const settings = [
  'fsync=off',
  'jit=off',
  'archive_mode=off',
  'shared_preload_libraries=',
  'local_preload_libraries=',
  'search_path=pg_catalog',
]

/**
 * Runs `queries` on one database, each on its own: one that fails doesn't stop the others. Each answers texts without quotes or line
 * breaks. @throws if the server can't be started, or what `signal` was aborted with, after the server's end.
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
  const answer = new RegExp(`^(?:backend> )*\\t 1: ${resultColumn} = "([^"]*)"\\t`)
  createInterface({ input: child.stdout }).on('line', (line) => {
    const value = answer.exec(line)?.[1]
    if (value !== undefined) session.values.push(value)
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    const error = /(?:ERROR|FATAL|PANIC): {2}.*/.exec(line)?.[0]
    if (error !== undefined && session.errors.length < mostErrors) session.errors.push(error)
  })
  // A server that ends early closes its input: what it said is the answer.
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
