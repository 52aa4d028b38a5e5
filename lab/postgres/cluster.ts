// A PostgreSQL server as a child process: no TCP, one socket in its own directory, and an empty environment.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { HoldfastError } from '../../core/errors.ts'
import type { PostgresBinaries } from './binaries.ts'
import type { UserIds } from './unprivileged-user.ts'

const superuser = 'postgres'
/** The server's whole environment: no credentials, no proxies, no library path. */
const environment = { LANG: 'C', LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' }
const startupLimitMs = 60_000
const shutdownLimitMs = 30_000

export interface ClusterOptions {
  binaries: PostgresBinaries
  dataDirectory: string
  user: UserIds | null
  /** Settings on the command line, which override every file of the data directory. */
  settings: Record<string, string>
  /** Settings per session, which override those that the cluster's catalogue attaches to a role or a database. */
  sessionSettings?: Record<string, string>
}

/** Creates a data directory with `initdb`; its parent must allow `user` to enter. */
export async function initializeCluster(
  binaries: PostgresBinaries,
  dataDirectory: string,
  user: UserIds | null,
): Promise<void> {
  await mkdir(dataDirectory, { mode: 0o700 })
  if (user !== null) await chown(dataDirectory, user.uid, user.gid)
  const child = spawn(
    binaries.initdb,
    ['-D', dataDirectory, '-U', superuser, '--auth=trust', '--locale=C', '--encoding=UTF8', '--no-sync'],
    { cwd: binaries.directory, env: environment, stdio: ['ignore', 'pipe', 'pipe'], ...user },
  )
  const output = collectTail(child)
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new HoldfastError('internal', `initdb ended with status ${code}: ${output().trim()}`)
}

export class Cluster {
  private readonly options: ClusterOptions
  readonly socketDirectory: string
  private readonly child: ChildProcess
  private readonly output: () => string
  private exited = false

  private constructor(options: ClusterOptions, socketDirectory: string) {
    this.options = options
    this.socketDirectory = socketDirectory
    const settings = { ...options.settings, listen_addresses: '', unix_socket_directories: socketDirectory }
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    this.child = spawn(options.binaries.postgres, ['-D', options.dataDirectory, ...args], {
      cwd: options.binaries.directory,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options.user,
    })
    this.output = collectTail(this.child)
    this.child.once('exit', () => (this.exited = true))
    this.child.once('error', () => (this.exited = true))
  }

  /** Resolves when the server answers a query; otherwise rejects with the end of the server's log. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    // The system's temporary directory, because the path of a socket may have about 100 bytes only.
    const socketDirectory = await mkdtemp(path.join(os.tmpdir(), 'hf-pg-'))
    await chmod(socketDirectory, 0o700)
    if (options.user !== null) await chown(socketDirectory, options.user.uid, options.user.gid)
    const cluster = new Cluster(options, socketDirectory)
    try {
      await cluster.waitUntilReady()
      return cluster
    } catch (error) {
      await cluster.stop('immediate')
      throw error
    }
  }

  get isRunning(): boolean {
    return !this.exited
  }

  /** The end of the server's log. */
  get log(): string {
    return this.output()
  }

  /** A new connection as the superuser; end it before stopping the cluster. */
  async connect(database: string = superuser): Promise<pg.Client> {
    const session = Object.entries(this.options.sessionSettings ?? {}).map(
      ([name, value]) => `-c ${name}=${escapeOption(value)}`,
    )
    const client = new pg.Client({
      host: this.socketDirectory,
      user: superuser,
      database,
      options: session.join(' '),
      connectionTimeoutMillis: 10_000,
    })
    // Ignore: the drill kills servers on purpose, and the next query reports the lost connection.
    client.on('error', () => {})
    await client.connect()
    return client
  }

  /** `fast` writes a checkpoint and leaves consistent files; `immediate` is a crash. Idempotent. */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    if (!this.exited) {
      const closed = once(this.child, 'exit')
      this.child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
      const limit = sleep(shutdownLimitMs, 'late', { ref: false })
      if ((await Promise.race([closed, limit])) === 'late') {
        this.child.kill('SIGKILL')
        await closed
      }
    }
    await rm(this.socketDirectory, { recursive: true, force: true })
  }

  private async waitUntilReady(): Promise<void> {
    const deadline = performance.now() + startupLimitMs
    while (!this.exited && performance.now() < deadline) {
      const files = await readdir(this.socketDirectory)
      if (files.length > 0 && (await this.answers())) return
      await sleep(20)
    }
    throw new HoldfastError('internal', `PostgreSQL did not start: ${this.log.trim().slice(-2000)}`)
  }

  private async answers(): Promise<boolean> {
    try {
      const client = await this.connect()
      await client.end()
      return true
    } catch {
      return false
    }
  }
}

/** In libpq's `options` a blank or a backslash ends a value unless a backslash stands before it. */
function escapeOption(value: string): string {
  return value.replace(/([\\\s])/g, '\\$1')
}

function collectTail(child: ChildProcess): () => string {
  let tail = ''
  const keep = (text: string) => (tail = (tail + text).slice(-20_000))
  child.stdout?.setEncoding('utf8').on('data', keep)
  child.stderr?.setEncoding('utf8').on('data', keep)
  return () => tail
}
