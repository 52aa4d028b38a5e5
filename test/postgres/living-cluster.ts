// A cluster whose life a seed decides, its vault, and the log of what it committed. All that reaches the vault is sent
// by real commands, which the seed kills.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from '../../lab/postgres/cluster.ts'
import { startNewServer, startServer } from '../fixtures/postgres-servers.ts'
import type { TestServers } from '../fixtures/postgres-servers.ts'
import type { FlakyVault } from './flaky-vault.ts'

export const source = 'ledger'
const accounts = 20
const commandLine = resolve(import.meta.dirname, '../../restore-cli')
const limitMs = 120_000

/** How the WAL gets into the vault. */
export type Way = 'push' | 'stream'

export interface Commit {
  id: number
  /** As the server recorded it, to the microsecond. */
  time: string
}

interface ClusterOptions {
  major: 15 | 18
  way: Way
  random: () => number
  vault: FlakyVault
}

export class LivingCluster {
  readonly commits: Commit[] = []
  readonly options: ClusterOptions
  private readonly servers: TestServers
  private readonly folders: { data: string; cache: string; home: string; socket: string }
  private cluster: Cluster
  private stream: ChildProcess | null = null
  private readonly counts = {
    ...{ commits: 0, rollbacks: 0, bases: 0, crashes: 0, switches: 0, tables: 0 },
    ...{ promotions: 0, outages: 0, kills: 0 },
  }

  private constructor(
    servers: TestServers,
    options: ClusterOptions,
    { cluster, folders }: { cluster: Cluster; folders: LivingCluster['folders'] },
  ) {
    this.servers = servers
    this.options = options
    this.cluster = cluster
    this.folders = folders
  }

  static async start(servers: TestServers, options: ClusterOptions): Promise<LivingCluster> {
    const [cache, home] = ['wal-cache', 'home'].map((name) => join(servers.directory, name)) as [
      string,
      string,
    ]
    for (const folder of [cache, home]) mkdirSync(folder, { mode: 0o700 })
    if (servers.user !== null) chownSync(cache, servers.user.uid, servers.user.gid)
    const settings = settingsOf(options, cache)
    const { cluster, dataDirectory } = await startNewServer(servers, {
      ...{ major: options.major, name: 'data', settings },
    })
    const folders = { data: dataDirectory, cache, home, socket: join(servers.directory, 'socket') }
    const living = new LivingCluster(servers, options, { cluster, folders })
    living.linkSocket()
    await living.query('create table account (id int primary key, balance int not null)')
    await living.query(`insert into account select n, 1000 from generate_series(1, ${accounts}) n`)
    await living.query('create table transfer (id int primary key)')
    await living.openStream()
    return living
  }

  get summary(): string {
    return Object.entries(this.counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')
  }

  /** @param mustBackUp true: the step is a base backup, because without one nothing can come back. */
  async takeStep(mustBackUp: boolean): Promise<void> {
    const { random, vault } = this.options
    const draw = random()
    if (mustBackUp || draw < 0.08) await this.backUp()
    else if (draw < 0.14) await this.crash()
    else if (draw < 0.18) await this.promote()
    else if (draw < 0.24) await this.kill()
    else if (draw < 0.3) this.toggleVault()
    else if (draw < 0.36) await this.switchSegment()
    else if (draw < 0.44) await this.changeTables()
    else if (draw < 0.5) await this.rollBack()
    else for (let count = 1 + Math.floor(random() * 4); count > 0; count--) await this.transfer()
    await this.openStream()
    await sleep(Math.floor(random() * (vault.isAway ? 300 : 30)))
  }

  /** Resolves when the vault has all that was committed. */
  async settle(): Promise<void> {
    this.options.vault.comeBack()
    const last = await this.switchSegment()
    await this.waitFor('all WAL in the vault', async () => {
      await this.openStream()
      const { way } = this.options
      const [row] = await this.query<{ done: boolean }>(
        way === 'push'
          ? `select coalesce(substr(last_archived_wal, 1, 24), '') >= '${last.segment}' as done from pg_stat_archiver`
          : `select coalesce(bool_or(restart_lsn >= '${last.lsn}'), false) as done from pg_replication_slots`,
      )
      return row!.done
    })
  }

  /** A commit's own time, or one between two commits. */
  randomTime(): string {
    const index = Math.floor(this.options.random() * this.commits.length)
    const { time } = this.commits[index]!
    if (this.options.random() < 0.5) return time
    const next = this.commits[index + 1]?.time ?? time
    const middleMs = (Date.parse(time) + Date.parse(next)) / 2
    return new Date(middleMs).toISOString()
  }

  async stop(): Promise<void> {
    this.stream?.kill('SIGKILL')
    await this.cluster.stop('immediate')
    for (const pid of this.walPushes()) process.kill(pid, 'SIGKILL')
  }

  private async transfer(): Promise<void> {
    const id = this.commits.length + 1
    const [from, to] = [this.account(), this.account()]
    await this.query(
      `begin; update account set balance = balance - 7 where id = ${from};
       update account set balance = balance + 7 where id = ${to}; insert into transfer values (${id}); commit`,
    )
    const [row] = await this.query<{ time: string }>(
      `select to_char(pg_xact_commit_timestamp(xmin) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time
       from transfer where id = ${id}`,
    )
    this.commits.push({ id, time: row!.time })
    this.counts.commits++
  }

  private async rollBack(): Promise<void> {
    this.counts.rollbacks++
    await this.query(`begin; update account set balance = balance + 1000; delete from transfer; rollback`)
  }

  private async changeTables(): Promise<void> {
    const name = `t${this.counts.tables++}`
    await this.query(`create table ${name} as select * from account; create index on ${name} (balance)`)
    await this.query(`alter table ${name} add note text default 'x'; truncate ${name}; vacuum full ${name}`)
    if (this.options.random() < 0.7) await this.query(`drop table ${name}`)
  }

  private async switchSegment(): Promise<{ segment: string; lsn: string }> {
    this.counts.switches++
    const [row] = await this.query<{ segment: string; lsn: string }>(
      'select pg_walfile_name(lsn - 1) as segment, lsn::text from pg_switch_wal() as lsn',
    )
    return row!
  }

  private async crash(): Promise<void> {
    this.counts.crashes++
    await this.cluster.stop('immediate')
    await this.startAgain()
  }

  /** The same files as a standby, which is promoted: a new timeline begins. */
  private async promote(): Promise<void> {
    this.counts.promotions++
    // A stream that can't reach the vault would keep a fast shutdown from ending.
    await this.cluster.stop('immediate')
    const signal = join(this.folders.data, 'standby.signal')
    writeFileSync(signal, '')
    const { user } = this.servers
    if (user !== null) chownSync(signal, user.uid, user.gid)
    await this.startAgain()
    await this.query('select pg_promote()')
  }

  private async startAgain(): Promise<void> {
    const settings = settingsOf(this.options, this.folders.cache)
    const { major } = this.options
    this.cluster = await startServer(this.servers, { major, dataDirectory: this.folders.data, settings })
    this.linkSocket()
    await this.openStream()
  }

  /** One address for the whole run: a stream finds the server again by itself. */
  private linkSocket(): void {
    rmSync(this.folders.socket, { force: true })
    symlinkSync(this.cluster.socketDirectory, this.folders.socket)
  }

  private toggleVault(): void {
    const { vault } = this.options
    if (vault.isAway) return vault.comeBack()
    this.counts.outages++
    vault.leave()
  }

  /** Kills the stream, or a process of `wal-push`: the command, or the one behind it. */
  private async kill(): Promise<void> {
    this.counts.kills++
    if (this.stream !== null) {
      const closed = once(this.stream, 'close')
      this.stream.kill('SIGKILL')
      await closed
      return
    }
    for (const pid of this.walPushes()) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has just ended.
      }
    }
  }

  /** Processes of `wal-push` with the cache of this run. */
  private walPushes(): number[] {
    return readdirSync('/proc').flatMap((name) => {
      if (!/^\d+$/.test(name)) return []
      try {
        const args = readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0')
        return args.includes('wal-push') && args.includes(this.folders.cache) ? [Number(name)] : []
      } catch {
        return []
      }
    })
  }

  /** Kills about every fourth backup somewhere, and begins again. */
  private async backUp(): Promise<void> {
    const { random, vault } = this.options
    vault.comeBack()
    this.counts.bases++
    const args = [
      ...['backup', this.folders.data, '--source', source, '--kind', 'postgres'],
      ...['--connect', this.address, '--cache-dir', this.folders.home],
    ]
    for (;;) {
      const child = this.run(args)
      let output = ''
      for (const stream of [child.stdout!, child.stderr!])
        stream.setEncoding('utf8').on('data', (text: string) => (output += text))
      const isKilled = random() < 0.25
      const afterMs = random() * 3000
      const timer = isKilled ? setTimeout(() => child.kill('SIGKILL'), afterMs) : undefined
      const [status] = (await once(child, 'close')) as [number | null]
      clearTimeout(timer)
      if (status === 0) return
      if (!isKilled) throw new Error(`a backup ended with ${status}: ${output.slice(-2000)}`)
      this.counts.kills++
    }
  }

  private get address(): string {
    return `host=${this.folders.socket} user=postgres`
  }

  /** As a service manager would: a stream that ended is started again. */
  private async openStream(): Promise<void> {
    const isRunning = this.stream !== null && this.stream.exitCode === null && this.stream.signalCode === null
    if (this.options.way !== 'stream' || isRunning) return
    const child = this.run([
      ...['postgres', 'stream', '--source', source, '--connect', this.address],
      ...['--create-slot', '--every', '1s', '--heartbeat', '1s'],
    ])
    let errors = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)))
    this.stream = child
    child.once('exit', (status) => {
      if (status !== null && status !== 0)
        process.stderr.write(`the stream ended with ${status}: ${errors}\n`)
    })
    // From here on, the server keeps the WAL that the vault lacks.
    await this.waitFor('a stream', async () => {
      const [row] = await this.query<{ made: boolean }>(
        'select count(*) > 0 as made from pg_replication_slots',
      )
      return row!.made
    })
  }

  private run(args: readonly string[]): ChildProcess {
    return spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        join(commandLine, 'main.ts'),
        ...args,
        ...this.options.vault.options,
      ],
      {
        env: { ...this.options.vault.environment, PATH: process.env['PATH'], HOME: this.folders.home },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
  }

  private async waitFor(subject: string, isThere: () => Promise<boolean>): Promise<void> {
    for (const deadlineMs = Date.now() + limitMs; !(await isThere()); await sleep(100))
      if (Date.now() > deadlineMs) throw new Error(`${subject}: not after ${limitMs} ms; ${this.cluster.log}`)
  }

  private account(): number {
    return 1 + Math.floor(this.options.random() * accounts)
  }

  private async query<Row extends object>(text: string): Promise<Row[]> {
    const client = await this.cluster.connect()
    try {
      let rows: Row[] = []
      // Statements that may not run in a block of others.
      for (const statement of text.startsWith('begin') ? [text] : text.split(';'))
        rows = (await client.query<Row>(statement)).rows
      return rows
    } finally {
      await client.end()
    }
  }
}

function settingsOf({ way, vault }: ClusterOptions, cache: string): Record<string, string> {
  if (way === 'stream') return { track_commit_timestamp: 'on' }
  const variables = { ...vault.environment, HOME: cache, XDG_RUNTIME_DIR: cache }
  const names = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  const options = `--source ${source} ${vault.options.join(' ')} --cache-dir ${cache}`
  return {
    archive_mode: 'on',
    archive_command: `${names.join(' ')} ${process.execPath} ${join(commandLine, 'main.ts')} wal-push %p ${options}`,
    track_commit_timestamp: 'on',
  }
}
