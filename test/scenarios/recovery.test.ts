// Real clusters that run while they are backed up, archive their WAL, and come back as they were at a moment.
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
import { setAsideDirectory } from '../../core/recovery/recovery-settings.ts'
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
  servers = await makeTestServers(mkdtempSync(join(tmpdir(), 'hf-recovery-')))
})
afterAll(() => {
  store.close()
  rmSync(servers.directory, { recursive: true, force: true })
})

interface Commit {
  id: number
  /** As the server recorded it, to the microsecond. */
  time: string
}

describe.each(majors)('PostgreSQL %d', (major) => {
  const source = `rental-${major}`
  let cluster: Cluster
  let dataDirectory: string
  let archiveFolder: string
  let archive: WalArchive
  let bin: string
  let targets = 0
  /** A log outside of the server, of each commit that it has acknowledged. */
  const commits: Commit[] = []
  let pointAfter = 0
  const marker = () => join(servers.directory, `marker-${major}`)

  beforeAll(async () => {
    archiveFolder = makeServerFolder(servers, join(servers.directory, `archive-${major}`))
    const settings = {
      archive_mode: 'on',
      // The comment stands for the program whose success the archiver counts.
      archive_command: `cp %p ${archiveFolder}/%f # wal-push`,
      track_commit_timestamp: 'on',
      max_prepared_transactions: '5',
    }
    ;({ cluster, dataDirectory } = await startNewServer(servers, { major, name: `data-${major}`, settings }))
    bin = join((await servers.binariesOf(major)).directory, 'bin')
    let client = await cluster.connect()
    await client.query('create table booking (id int primary key, note text)')
    const { rows } = await client.query<{ id: string }>(
      'select system_identifier::text as id from pg_control_system()',
    )
    const line = { source, systemId: rows[0]!.id, postgresMajor: major }
    archive = new WalArchive({ store, clock: wallClock, random: Math.random }, line, archiveFolder)
    await makeHostile(client)
    await commit(client, 3)
    await backUp()
    await client.end()
    client = await restartWith({ ...settings, max_connections: '300' })
    await commit(client, 3)
    await client.query("select pg_create_restore_point('before deploy')")
    pointAfter = commits.length
    await commit(client, 3)
    await client.query("begin; insert into booking values (1000, 'prepared'); prepare transaction 'later'")
    await commit(client, 2)
    await client.end()
    await archiveAll()
  })
  afterAll(() => cluster.stop('immediate'))

  /** A hostile cluster brings these along, and each attempt would leave a marker. */
  async function makeHostile(client: pg.Client): Promise<void> {
    writeFileSync(
      join(dataDirectory, 'postgresql.auto.conf'),
      `restore_command = 'touch ${marker()}'\nrecovery_end_command = 'touch ${marker()}'\narchive_command = 'touch ${marker()}'\nrecovery_target = 'immediate'\n`,
    )
    writeFileSync(join(dataDirectory, 'standby.signal'), '')
    symlinkSync('/etc/hostname', join(dataDirectory, 'linked'))
    await client.query(
      `create function attack() returns int language plpgsql as $$ begin copy (select 1) to program 'touch ${marker()}'; return 1; end $$`,
    )
    await client.query('create view trap as select attack()')
  }

  /** A recovery with `hot_standby` would pause for ever where its primary raised one of these settings. */
  async function restartWith(settings: Record<string, string>): Promise<pg.Client> {
    await cluster.stop()
    rmSync(join(dataDirectory, 'standby.signal'))
    cluster = await startServer(servers, { major, dataDirectory, settings })
    return cluster.connect()
  }

  async function commit(client: pg.Client, count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const id = commits.length + 1
      await client.query('insert into booking values ($1::int, repeat(md5($1::int::text), 50))', [id])
      const { rows } = await client.query<{ time: string }>(
        `select to_char(pg_xact_commit_timestamp(xmin) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time
         from booking where id = $1`,
        [id],
      )
      commits.push({ id, time: rows[0]!.time })
      await sleep(5)
    }
  }

  async function backUp(): Promise<void> {
    const address = `host=${cluster.socketDirectory} user=postgres dbname=postgres`
    const outcome = await holdfast([
      ...['backup', dataDirectory, '--kind', 'postgres', '--connect', address],
      ...['--source', source, '--bucket', bucket, '--json'],
    ])
    expect(outcome).toMatchObject({ status: 0 })
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

  function restore(...args: string[]): Promise<Outcome & { target: string }> {
    const target = join(servers.directory, `restored-${major}-${targets++}`)
    const command = ['restore', '--source', source, '--bucket', bucket, '--target', target, '--json', ...args]
    return holdfast(command).then((outcome) => ({ ...outcome, target }))
  }

  async function idsIn(target: string): Promise<number[]> {
    // Ours lets in only the system's user of the same name.
    const hbaFile = join(servers.directory, 'pg_hba.conf')
    writeFileSync(hbaFile, 'local all all trust\n', { mode: 0o644 })
    const settings = { hba_file: hbaFile, max_prepared_transactions: '5' }
    const restored = await startServer(servers, { major, dataDirectory: target, settings })
    try {
      const client = await restored.connect()
      const { rows } = await client.query<{ id: number }>('select id from booking order by id')
      await client.end()
      return rows.map(({ id }) => id)
    } finally {
      await restored.stop()
    }
  }

  const idsUpTo = (time: string): number[] =>
    commits.filter((entry) => entry.time <= time).map(({ id }) => id)

  test('a cluster comes back as it was at a microsecond, and none of its own code has run', async () => {
    const { time } = commits[5]!
    const outcome = await restore('--point-in-time', time, '--start', '--postgres-bin', bin)
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    const result = outcome.records().find(({ type }) => type === 'recovery')!
    expect(result).toMatchObject({
      ok: true,
      to: time.replace('.000000Z', 'Z'),
      timeline: 2,
      preparedLater: 0,
      findings: [],
    })
    expect(await idsIn(outcome.target)).toEqual(idsUpTo(time))
    expect(existsSync(marker())).toBe(false)
    const aside = readFileSync(join(outcome.target, 'postgresql.conf'), 'latin1')
    expect(aside).toContain("archive_mode = 'off'")
    expect(aside).toContain(setAsideDirectory)
    expect(existsSync(join(outcome.target, 'linked'))).toBe(false)
  })

  test('a cluster comes back as it was at a restore point, and behind a transaction', async () => {
    const client = await cluster.connect()
    const { rows } = await client.query<{ xid: string }>('select xmin::text as xid from booking where id = 8')
    await client.end()
    const named = await restore('--name', 'before deploy', '--start', '--postgres-bin', bin)
    expect(named).toMatchObject({ status: 0, stderr: '' })
    expect(await idsIn(named.target)).toEqual(commits.slice(0, pointAfter).map(({ id }) => id))
    const numbered = await restore('--xid', rows[0]!.xid, '--start', '--postgres-bin', bin)
    expect(numbered).toMatchObject({ status: 0, stderr: '' })
    expect(await idsIn(numbered.target)).toEqual(commits.slice(0, 8).map(({ id }) => id))
  })

  test.each([
    ['--name', 'never made'],
    ['--xid', '999999'],
  ])('%s of a record that the vault has not is refused, and nothing is written', async (option, value) => {
    const outcome = await restore(option, value)
    expect(outcome.status).toBe(5)
    expect(outcome.stderr).toContain('has no such record')
    expect(existsSync(outcome.target)).toBe(false)
  })

  test.skipIf(!hasDebianServer)(
    'the programs of another major version are refused, and nothing is written',
    async () => {
      const foreignMajor = major === 18 ? 15 : 18
      const foreignBin = join((await servers.binariesOf(foreignMajor)).directory, 'bin')
      const outcome = await restore('--start', '--postgres-bin', foreignBin)
      expect(outcome.status).toBe(2)
      expect(outcome.stderr).toContain(
        `is of PostgreSQL ${foreignMajor}, and the cluster of PostgreSQL ${major}`,
      )
      expect(outcome.stderr).toContain(`pass the directory of PostgreSQL ${major}'s programs`)
      expect(existsSync(outcome.target)).toBe(false)
    },
  )

  test('without a target, everything that the vault holds comes back', async () => {
    const outcome = await restore('--start', '--postgres-bin', bin)
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(await idsIn(outcome.target)).toEqual(commits.map(({ id }) => id))
  })

  test('the server that an operator starts recovers and is promoted by itself', async () => {
    const { time } = commits[3]!
    const outcome = await restore('--point-in-time', time)
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.records().at(-1)).toMatchObject({ type: 'recovery-files', proof: 'later-transaction' })
    expect(await idsIn(outcome.target)).toEqual(idsUpTo(time))
  })

  test.each([
    ['after the last commit', () => '2100-01-01T00:00:00Z', 'the last transaction of timeline 1 ended at'],
    ['of the last commit', () => commits.at(-1)!.time, 'a time is reached only if a later one ended'],
    ['before the base', () => commits[0]!.time, 'after the target'],
  ])('a time %s is refused, and nothing is written', async (_, time, message) => {
    const outcome = await restore('--point-in-time', time())
    expect(outcome.status).toBe(5)
    expect(outcome.stderr).toContain(message)
    expect(existsSync(outcome.target)).toBe(false)
  })

  test('a drill recovers the base: as it is now with all WAL, and at an earlier time as of its end', async () => {
    const drill = await holdfast([
      ...[
        'drill',
        '--source',
        source,
        '--bucket',
        bucket,
        '--postgres-bin',
        bin,
        '--scratch',
        servers.directory,
      ],
      ...['--probe', 'SELECT count(*) >= 3 FROM booking', '--json'],
    ])
    expect(drill.records().flatMap((record) => record['findings'] ?? [])).toEqual([])
    expect(drill).toMatchObject({ status: 0, stderr: '' })
    expect(existsSync(marker())).toBe(false)
  })

  test('a time without a zone, or with the short name of one, is refused', async () => {
    for (const text of ['2026-04-24 10:15:00', '2026-04-24 10:15:00 CEST'])
      expect((await restore('--point-in-time', text)).status).toBe(2)
  })
})

test('a time before the first base brings the cluster back as it was at rest, and nothing else does', async () => {
  const source = 'rental-rest'
  const archiveFolder = makeServerFolder(servers, join(servers.directory, 'archive-rest'))
  const settings = { archive_mode: 'on', archive_command: `cp %p ${archiveFolder}/%f # wal-push` }
  const { cluster, dataDirectory } = await startNewServer(servers, { major: 18, name: 'data-rest', settings })
  const backUp = async (...args: string[]) => {
    const command = ['backup', dataDirectory, '--kind', 'postgres', '--source', source, '--bucket', bucket]
    const { status, stderr } = await holdfast([...command, ...args])
    expect({ status, stderr }).toMatchObject({ status: 0 })
  }
  await cluster.stop()
  await backUp()
  await sleep(50)
  const atRest = new Date().toISOString()
  await sleep(50)
  const running = await startServer(servers, { major: 18, dataDirectory, settings })
  try {
    await backUp('--connect', `host=${running.socketDirectory} user=postgres dbname=postgres`)
    const client = await running.connect()
    const { rows } = await client.query<{ id: string; name: string }>(
      'select system_identifier::text as id, pg_walfile_name(pg_switch_wal() - 1) as name from pg_control_system()',
    )
    await client.end()
    while (!existsSync(join(archiveFolder, rows[0]!.name))) await sleep(20)
    await sleep(300)
    const line = { source, systemId: rows[0]!.id, postgresMajor: 18 }
    await new WalArchive({ store, clock: wallClock, random: Math.random }, line, archiveFolder).upload()
  } finally {
    await running.stop('immediate')
  }
  const target = join(servers.directory, 'restored-rest')
  const restore = (...args: string[]) =>
    holdfast(['restore', '--source', source, '--bucket', bucket, '--target', target, '--json', ...args])
  // It needs no recovery, and the cluster was never as the vault's first snapshot tells before that.
  expect(await restore('--point-in-time', atRest, '--start', '--postgres-bin', '/')).toMatchObject({
    status: 2,
  })
  expect(await restore('--point-in-time', '2020-01-01T00:00:00Z')).toMatchObject({ status: 5 })
  expect(existsSync(target)).toBe(false)
  const outcome = await restore('--point-in-time', atRest)
  expect(outcome).toMatchObject({ status: 0, stderr: '' })
  expect(outcome.records().map(({ type }) => type)).not.toContain('recovery-files')
  expect(readFileSync(join(target, 'postgresql.conf'), 'latin1')).not.toContain(setAsideDirectory)
  const restored = await startServer(servers, { major: 18, dataDirectory: target, settings: {} })
  await restored.stop()
})
