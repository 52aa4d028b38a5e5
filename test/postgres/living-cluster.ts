// A cluster whose life a seed decides, its vault, and the log of what it committed.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { backup } from '../../engine/backup/backup.ts'
import { LowLevelBackup } from '../../engine/postgres/low-level-backup.ts'
import type { Cluster } from '../../lab/postgres/cluster.ts'
import { wallClock } from '../../restore-cli/wall-clock.ts'
import { MemoryStore } from '../fixtures/memory-store.ts'
import { makeServerFolder, startNewServer, startServer } from '../fixtures/postgres-servers.ts'
import type { TestServers } from '../fixtures/postgres-servers.ts'
import { WalArchive } from '../fixtures/wal-archive.ts'

export const source = 'ledger'
const accounts = 20

export interface Commit {
  id: number
  /** As the server recorded it, to the microsecond. */
  time: string
}

interface ClusterOptions {
  major: 15 | 18
  random: () => number
}

export class LivingCluster {
  readonly store = new MemoryStore()
  readonly commits: Commit[] = []
  readonly major: 15 | 18
  private readonly servers: TestServers
  private readonly random: () => number
  private readonly folders: { data: string; archive: string; cache: string }
  private cluster: Cluster
  private wal: WalArchive | null = null
  private readonly counts = { commits: 0, rollbacks: 0, bases: 0, crashes: 0, switches: 0, tables: 0 }

  private constructor(
    servers: TestServers,
    { major, random }: ClusterOptions,
    { cluster, data, archive }: { cluster: Cluster; data: string; archive: string },
  ) {
    this.servers = servers
    this.major = major
    this.random = random
    this.cluster = cluster
    this.folders = { data, archive, cache: join(servers.directory, 'cache') }
  }

  static async start(servers: TestServers, options: ClusterOptions): Promise<LivingCluster> {
    const archive = makeServerFolder(servers, join(servers.directory, 'archive'))
    const settings = settingsOf(archive)
    const { cluster, dataDirectory } = await startNewServer(servers, {
      ...{ major: options.major, name: 'data', settings },
    })
    const living = new LivingCluster(servers, options, { cluster, data: dataDirectory, archive })
    await living.query('create table account (id int primary key, balance int not null)')
    await living.query(`insert into account select n, 1000 from generate_series(1, ${accounts}) n`)
    await living.query('create table transfer (id int primary key)')
    const [identity] = await living.query<{ id: string }>(
      'select system_identifier::text as id from pg_control_system()',
    )
    const environment = { store: living.store, clock: wallClock, random: Math.random }
    const line = { source, systemId: identity!.id, postgresMajor: options.major }
    living.wal = new WalArchive(environment, line, archive)
    return living
  }

  get summary(): string {
    return Object.entries(this.counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')
  }

  /** @param mustBackUp true: the step is a base backup, because without one nothing can come back. */
  async takeStep(mustBackUp: boolean): Promise<void> {
    const draw = this.random()
    if (mustBackUp || draw < 0.08) await this.backUp()
    else if (draw < 0.15) await this.crash()
    else if (draw < 0.25) await this.archive()
    else if (draw < 0.35) await this.changeTables()
    else if (draw < 0.45) await this.rollBack()
    else for (let count = 1 + Math.floor(this.random() * 4); count > 0; count--) await this.transfer()
    await sleep(Math.floor(this.random() * 30))
  }

  /** Switches to another segment, and puts all that is archived into the vault. */
  async archive(): Promise<void> {
    this.counts.switches++
    const [segment] = await this.query<{ name: string }>(
      'select pg_walfile_name(pg_switch_wal() - 1) as name',
    )
    while (!existsSync(join(this.folders.archive, segment!.name))) await sleep(20)
    await this.wal!.upload()
  }

  /** A commit's own time, or one between two commits, after the first base. */
  randomTime(): string {
    const index = Math.floor(this.random() * this.commits.length)
    const { time } = this.commits[index]!
    if (this.random() < 0.5) return time
    const next = this.commits[index + 1]?.time ?? time
    const middleMs = (Date.parse(time) + Date.parse(next)) / 2
    return new Date(middleMs).toISOString()
  }

  stop(): Promise<void> {
    return this.cluster.stop('immediate')
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
    await this.query(`create table ${name} as select * from account; drop table ${name}`)
  }

  private async crash(): Promise<void> {
    this.counts.crashes++
    await this.cluster.stop('immediate')
    this.cluster = await startServer(this.servers, {
      ...{ major: this.major, dataDirectory: this.folders.data, settings: settingsOf(this.folders.archive) },
    })
  }

  private async backUp(): Promise<void> {
    this.counts.bases++
    const address = `postgresql:///postgres?host=${encodeURIComponent(this.cluster.socketDirectory)}&user=postgres`
    const wait = { clock: wallClock, signal: undefined, waitMs: 60_000 }
    const server = new LowLevelBackup(source, { address, signal: undefined }, wait)
    try {
      await backup({
        ...{ store: this.store, clock: wallClock, random: Math.random, source, kind: 'postgres', server },
        ...{ directory: this.folders.data, cacheDirectory: this.folders.cache, promiseDays: 30, workers: 0 },
        toolVersion: 'test',
      })
    } finally {
      await server.close()
    }
    // Two snapshots of one second would be told apart by their parents alone.
    this.store.nowMs += 1000
  }

  private account(): number {
    return 1 + Math.floor(this.random() * accounts)
  }

  private async query<Row extends object>(text: string): Promise<Row[]> {
    const client = await this.cluster.connect()
    try {
      const result = await client.query<Row>(text)
      return result.rows
    } finally {
      await client.end()
    }
  }
}

function settingsOf(archive: string): Record<string, string> {
  return {
    archive_mode: 'on',
    // Copied under another name first, so that a test never reads half of a segment.
    archive_command: `cp %p ${archive}/%f.new && mv ${archive}/%f.new ${archive}/%f # wal-push`,
    track_commit_timestamp: 'on',
  }
}
