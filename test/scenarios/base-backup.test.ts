// Base backups of real servers that run and write meanwhile, and recoveries from them.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LowLevelBackup } from '../../engine/postgres/low-level-backup.ts'
import type { Cluster } from '../../lab/postgres/cluster.ts'
import { wallClock } from '../../restore-cli/wall-clock.ts'
import {
  hasDebianServer,
  makeServerFolder,
  makeTestServers,
  startNewServer,
  startServer,
} from '../fixtures/postgres-servers.ts'
import type { TestServers } from '../fixtures/postgres-servers.ts'
import { ProtectedSource } from '../fixtures/protected-source.ts'

const majors = hasDebianServer ? ([18, 15] as const) : ([18] as const)
let servers: TestServers

beforeAll(async () => {
  servers = await makeTestServers(mkdtempSync(join(tmpdir(), 'hf-base-')))
})
afterAll(() => rmSync(servers.directory, { recursive: true, force: true }))

/** Commits rows until it is stopped, and counts those that the server has acknowledged. */
class Writer {
  committed = 0
  private stopped = false
  private readonly done: Promise<void>

  constructor(cluster: Cluster) {
    this.done = this.run(cluster)
  }

  private async run(cluster: Cluster): Promise<void> {
    const client = await cluster.connect()
    while (!this.stopped) {
      await client.query('insert into bookings select $1::int, repeat(md5(random()::text), 200)', [
        this.committed + 1,
      ])
      this.committed++
    }
    await client.end()
  }

  async reach(count: number): Promise<void> {
    while (this.committed < count) await sleep(5)
  }

  async stop(): Promise<number> {
    this.stopped = true
    await this.done
    return this.committed
  }
}

describe.each(majors)('PostgreSQL %d', (major) => {
  let cluster: Cluster
  let dataDirectory: string
  let archive: string
  let tablespace: string

  beforeAll(async () => {
    archive = makeServerFolder(servers, join(servers.directory, `archive-${major}`))
    tablespace = makeServerFolder(servers, join(servers.directory, `tablespace-${major}`))
    ;({ cluster, dataDirectory } = await startNewServer(servers, {
      major,
      name: `data-${major}`,
      // The comment stands for the program whose success the archiver counts.
      settings: { archive_mode: 'on', archive_command: `cp %p ${archive}/%f # wal-push` },
    }))
    const client = await cluster.connect()
    await client.query(`create tablespace fast location '${tablespace}'`)
    await client.query('create role backup login in role pg_monitor')
    await client.query('grant execute on function pg_backup_start, pg_backup_stop to backup')
    await client.query('create table bookings (id int primary key, note text)')
    await client.query('create table rooms (id int) tablespace fast')
    await client.query('insert into rooms select generate_series(1, 1000)')
    await client.query('create unlogged table sessions (id int)')
    await client.query('insert into sessions values (1)')
    await client.end()
    // Files that have changed within the last second are read again at the next backup.
    await sleep(1500)
  })
  afterAll(() => cluster.stop('immediate'))

  const addressOf = (server: Cluster): string =>
    `postgresql:///postgres?host=${encodeURIComponent(server.socketDirectory)}&user=backup`

  function lowLevelBackup(waitMs = 60_000, server = cluster): LowLevelBackup {
    return new LowLevelBackup(
      'rental-db',
      { address: addressOf(server), signal: undefined },
      { clock: wallClock, signal: undefined, waitMs },
    )
  }

  /** Recovers the base to the end of the archive, with the tablespace in a folder of its own, and promotes. */
  async function recover(target: string): Promise<Cluster> {
    if (servers.user !== null)
      execFileSync('chown', ['-R', `${servers.user.uid}:${servers.user.gid}`, target])
    const moved = makeServerFolder(servers, `${target}-tablespace`)
    const [oid] = readdirSync(join(target, 'pg_tblspc'))
    execFileSync('cp', ['-a', `${join(target, 'pg_tblspc', oid!)}/.`, moved])
    rmSync(join(target, 'pg_tblspc', oid!), { recursive: true })
    writeFileSync(join(target, 'tablespace_map'), `${oid} ${moved}\n`)
    writeFileSync(join(target, 'recovery.signal'), '')
    const restored = await startServer(servers, {
      major,
      dataDirectory: target,
      settings: { archive_mode: 'off', restore_command: `cp ${archive}/%f %p`, hot_standby: 'off' },
    })
    return restored
  }

  test('a base of a server that writes meanwhile recovers to each commit, and only changed files are read again', async () => {
    const source = new ProtectedSource({ parent: servers.directory })
    const writer = new Writer(cluster)
    await writer.reach(50)
    const server = lowLevelBackup()
    const options = { kind: 'postgres' as const, directory: dataDirectory, server }
    const first = await source.backup(options)
    expect(first).toMatchObject({ complete: true, problemCount: 0 })
    expect(server.walNote).toBeNull()
    const second = await source.backup(options)
    const committed = await writer.stop()
    expect(second.filesUnchanged).toBeGreaterThan(first.files / 2)
    expect(second.filesUnchanged).toBeLessThan(second.files)

    const { manifest } = await source.snapshot(second.snapshot!.id)
    expect(manifest.postgres).toEqual(second.base)
    expect(second.base).toMatchObject({ timeline: 1, minRecoveryLsn: null, segmentBytes: 2 ** 24 })
    expect(second.base!.tablespaces).toEqual([{ oid: expect.any(Number) as number, location: tablespace }])

    const client = await cluster.connect()
    await client.query('select pg_switch_wal()')
    const unlogged = (await client.query<{ path: string }>(`select pg_relation_filepath('sessions') as path`))
      .rows[0]!
    await client.end()
    const { target } = await source.restore({ target: join(servers.directory, `restored-${major}`) })
    expect(readdirSync(target)).not.toContain('postmaster.pid')
    expect(readFileSync(join(target, 'backup_label'), 'utf8')).toBe(second.base!.backupLabel)
    expect(readFileSync(join(target, 'tablespace_map'), 'utf8')).toContain(tablespace)
    expect(readdirSync(join(target, 'pg_wal')).filter((name) => /^[0-9A-F]{24}/.test(name))).toEqual([])
    const names = readdirSync(join(target, unlogged.path, '..'))
    const relation = unlogged.path.split('/').at(-1)!
    expect(names.filter((name) => name.startsWith(relation))).toEqual([`${relation}_init`])

    const restored = await recover(target)
    const reader = await restored.connect()
    const { rows } = await reader.query<{ count: string; max: number }>(
      'select count(*)::text, max(id) from bookings',
    )
    expect(rows[0]).toEqual({ count: String(committed), max: committed })
    expect((await reader.query('select 1 from rooms')).rowCount).toBe(1000)
    expect((await reader.query('select 1 from sessions')).rowCount).toBe(0)
    await reader.end()
    await restored.stop('immediate')
  })

  test('a backup that fails leaves no base, and no base backup in the server', async () => {
    const source = new ProtectedSource({ parent: servers.directory })
    const stop = new AbortController()
    const server = new LowLevelBackup(
      'rental-db',
      { address: addressOf(cluster), signal: stop.signal },
      { clock: wallClock, signal: stop.signal, waitMs: 0 },
    )
    const options = { kind: 'postgres' as const, directory: dataDirectory, server, signal: stop.signal }
    await expect(
      source.backup({ ...options, onProgress: () => stop.abort(new Error('stopped')) }),
    ).rejects.toThrow('stopped')
    await server.close()
    expect([...source.store.versions].filter(({ key }) => key.includes('/manifests/'))).toEqual([])
    const client = await cluster.connect()
    await expect(client.query('select pg_backup_stop()')).rejects.toThrow('not in progress')
    await client.end()
  })
})
