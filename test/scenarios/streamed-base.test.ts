// Base backups that real servers send themselves, primaries and standbys, and recoveries from them.
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
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
import { WalArchive } from '../fixtures/wal-archive.ts'
import { region, vaultAccount } from '../lab/sandbox/world.ts'
import type { Outcome } from '../restore-cli/command-line.ts'
import { startSandboxedCommands } from '../restore-cli/sandboxed-commands.ts'

const majors = hasDebianServer ? ([18, 15] as const) : ([18] as const)
const bucket = 'locked'
const { holdfast, sandbox } = await startSandboxedCommands()
const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
const store = openS3ObjectStore({
  ...{ bucket, region, endpoint: sandbox.endpoint, environment: {} },
  credentials: () => Promise.resolve({ accessKeyId, secretAccessKey }),
})
let servers: TestServers

beforeAll(async () => {
  servers = await makeTestServers(mkdtempSync(join(tmpdir(), 'hf-streamed-')))
})
afterAll(() => {
  store.close()
  rmSync(servers.directory, { recursive: true, force: true })
})

describe.each(majors)('PostgreSQL %d', (major) => {
  const source = `rental-${major}`
  let cluster: Cluster
  let dataDirectory: string
  let standby: Cluster | null = null
  let standbyDirectory: string
  let archiveFolder: string
  let archive: WalArchive
  let bin: string
  let targets = 0
  let committed = 0
  const times: string[] = []

  beforeAll(async () => {
    archiveFolder = makeServerFolder(servers, join(servers.directory, `archive-${major}`))
    const tablespace = makeServerFolder(servers, join(servers.directory, `tablespace-${major}`))
    const settings = {
      archive_mode: 'on',
      // The comment stands for the program whose success the archiver counts.
      archive_command: `cp %p ${archiveFolder}/%f # wal-push`,
      track_commit_timestamp: 'on',
    }
    ;({ cluster, dataDirectory } = await startNewServer(servers, { major, name: `data-${major}`, settings }))
    bin = join((await servers.binariesOf(major)).directory, 'bin')
    const client = await cluster.connect()
    await client.query(`create tablespace fast location '${tablespace}'`)
    await client.query('create role backup login replication in role pg_monitor')
    await client.query('create table booking (id int primary key, note text)')
    await client.query('create table room (id int) tablespace fast')
    await client.query('insert into room select generate_series(1, 1000)')
    await client.query(
      "create table archive as select n, md5(n::text || 'x') || repeat(md5(n::text), 20) as t from generate_series(1, 20000) n",
    )
    const { rows } = await client.query<{ id: string }>(
      'select system_identifier::text as id from pg_control_system()',
    )
    await client.end()
    const line = { source, systemId: rows[0]!.id, postgresMajor: major }
    archive = new WalArchive({ store, clock: wallClock, random: Math.random }, line, archiveFolder)
  })
  afterAll(async () => {
    await standby?.stop('immediate')
    await cluster.stop('immediate')
  })

  async function commit(count: number): Promise<void> {
    const client = await cluster.connect()
    for (let index = 0; index < count; index++) {
      const id = ++committed
      await client.query('insert into booking values ($1::int, repeat(md5($1::int::text), 50))', [id])
      const { rows } = await client.query<{ time: string }>(
        `select to_char(pg_xact_commit_timestamp(xmin) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time
         from booking where id = $1`,
        [id],
      )
      times.push(rows[0]!.time)
      await sleep(5)
    }
    await client.end()
  }

  async function archiveAll(): Promise<void> {
    const client = await cluster.connect()
    const { rows } = await client.query<{ name: string }>(
      'select pg_walfile_name(pg_switch_wal() - 1) as name',
    )
    await client.end()
    while (!existsSync(join(archiveFolder, rows[0]!.name))) await sleep(20)
    // The copy under its final name can still be growing.
    await sleep(300)
    await archive.upload()
  }

  const addressOf = (server: Cluster): string => `host=${server.socketDirectory} user=backup dbname=postgres`

  function backUp(server: Cluster, ...args: string[]): Promise<Outcome> {
    return holdfast([
      ...['backup', '--kind', 'postgres', '--connect', addressOf(server)],
      ...['--source', source, '--bucket', bucket, '--json', ...args],
    ])
  }

  const recordOf = (outcome: Outcome, type: string): Record<string, unknown> =>
    outcome.records().find((record) => record['type'] === type)!

  async function recoverTo(time: string): Promise<{ ids: number[]; base: unknown }> {
    const target = join(servers.directory, `restored-${major}-${targets++}`)
    const outcome = await holdfast([
      ...['restore', '--source', source, '--bucket', bucket, '--target', target, '--json'],
      ...['--point-in-time', time, '--start', '--postgres-bin', bin],
    ])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(recordOf(outcome, 'recovery')).toMatchObject({ ok: true, findings: [] })
    const hbaFile = join(servers.directory, 'pg_hba.conf')
    writeFileSync(hbaFile, 'local all all trust\n', { mode: 0o644 })
    const restored = await startServer(servers, {
      major,
      dataDirectory: target,
      settings: { hba_file: hbaFile },
    })
    try {
      const client = await restored.connect()
      const { rows } = await client.query<{ id: number }>('select id from booking order by id')
      expect((await client.query('select 1 from room')).rowCount).toBe(1000)
      await client.end()
      return { ids: rows.map(({ id }) => id), base: recordOf(outcome, 'recovery-plan')['base'] }
    } finally {
      await restored.stop()
    }
  }

  const idsUpTo = (index: number): number[] => Array.from({ length: index + 1 }, (_, id) => id + 1)

  test('the server sends its files, unchanged ones cost no upload, and a recovery begins from them', async () => {
    await commit(2)
    const first = await backUp(cluster)
    expect(first).toMatchObject({ status: 0, stderr: '' })
    await commit(3)
    const second = await backUp(cluster)
    expect(second).toMatchObject({ status: 0, stderr: '' })
    const [before, after] = [recordOf(first, 'backup'), recordOf(second, 'backup')]
    expect(before).toMatchObject({ complete: true, problemCount: 0, walNote: null })
    expect(Number(after['bytesNew'])).toBeLessThan(Number(before['bytesNew']) / 10)
    expect(after['base']).toMatchObject({ timeline: 1, minRecoveryLsn: null, tablespaces: [{}] })
    await commit(4)
    await archiveAll()
    expect(await recoverTo(times[6]!)).toMatchObject({ ids: idsUpTo(6) })
  })

  test("a base that the host's way made before shares its chunks", async () => {
    const host = await backUp(cluster, dataDirectory)
    expect(host).toMatchObject({ status: 6 })
    const client = await cluster.connect()
    await client.query('grant execute on function pg_backup_start, pg_backup_stop to backup')
    await client.end()
    const again = await backUp(cluster, dataDirectory)
    expect(again).toMatchObject({ status: 0, stderr: '' })
    const { bytes, bytesNew } = recordOf(again, 'backup')
    expect(Number(bytesNew)).toBeLessThan(Number(bytes) / 10)
  })

  test('a standby sends a base, and the WAL of its primary brings it to each second', async () => {
    await cluster.stop()
    standbyDirectory = join(servers.directory, `standby-${major}`)
    execFileSync('cp', ['-a', dataDirectory, standbyDirectory])
    const tablespaceLink = execFileSync('ls', [join(standbyDirectory, 'pg_tblspc')])
      .toString()
      .trim()
    const moved = makeServerFolder(servers, join(servers.directory, `tablespace-standby-${major}`))
    execFileSync('cp', ['-a', `${join(dataDirectory, 'pg_tblspc', tablespaceLink)}/.`, moved])
    rmSync(join(standbyDirectory, 'pg_tblspc', tablespaceLink))
    symlinkSync(moved, join(standbyDirectory, 'pg_tblspc', tablespaceLink))
    writeFileSync(join(standbyDirectory, 'standby.signal'), '')
    const settings = {
      archive_mode: 'on',
      archive_command: `cp %p ${archiveFolder}/%f # wal-push`,
      track_commit_timestamp: 'on',
    }
    cluster = await startServer(servers, { major, dataDirectory, settings })
    standby = await startServer(servers, {
      major,
      dataDirectory: standbyDirectory,
      settings: {
        ...{ archive_mode: 'off', hot_standby: 'on', track_commit_timestamp: 'on' },
        primary_conninfo: `host=${cluster.socketDirectory} user=postgres`,
      },
    })
    await commit(3)
    const reader = await standby.connect()
    const isReplayed = async (): Promise<boolean> =>
      (await reader.query('select 1 from booking where id = $1', [committed])).rowCount === 1
    while (!(await isReplayed())) await sleep(20)
    for (const [directory, detail] of [
      [[standbyDirectory], 'the files'],
      [[], 'BASE_BACKUP'],
    ] as const) {
      const outcome = await backUp(standby, ...directory)
      expect(outcome, detail).toMatchObject({ status: 3 })
      const { snapshot, ...result } = recordOf(outcome, 'backup') as { snapshot: { id: string } }
      expect(result).toMatchObject({
        complete: true,
        problemCount: 0,
        walNote: expect.stringContaining('the server is a standby') as string,
        base: { timeline: 1, minRecoveryLsn: expect.any(String) as string },
      })
      const at = committed
      await commit(3)
      await archiveAll()
      const recovered = await recoverTo(times[at + 1]!)
      expect(recovered.ids).toEqual(idsUpTo(at + 1))
      expect(JSON.stringify(recovered.base)).toContain(snapshot.id)
      while (!(await isReplayed())) await sleep(20)
    }
    await reader.end()
  })

  // PostgreSQL 18 makes new clusters with checksums, and 15 without.
  test.skipIf(major === 15)('a page whose checksum is wrong is a problem of the snapshot', async () => {
    const client = await cluster.connect()
    const { rows } = await client.query<{ path: string }>("select pg_relation_filepath('archive') as path")
    await client.query('checkpoint')
    await client.end()
    const file = openSync(join(dataDirectory, rows[0]!.path), 'r+')
    writeSync(file, 'damaged', 3 * 8192 + 5000)
    closeSync(file)
    const outcome = await backUp(cluster)
    expect(outcome).toMatchObject({ status: 3 })
    expect(outcome.stderr).toContain('damaged pages')
    const { snapshot, complete, problems } = recordOf(outcome, 'backup')
    expect(snapshot).not.toBeNull()
    expect(complete).toBe(true)
    expect(problems).toEqual([expect.objectContaining({ kind: 'unnoticed', path: rows[0]!.path }) as unknown])
  })
})
