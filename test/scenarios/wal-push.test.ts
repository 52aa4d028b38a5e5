// A real server archives into a vault, and each part says what the server itself says of its transactions.
import { mkdirSync, chownSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
import { parseLsn } from '../../core/wal/lsn.ts'
import { RecordWalk } from '../../core/wal/record-walk.ts'
import { walRuns } from '../../core/wal/wal-coverage.ts'
import { listWal } from '../../core/wal/wal-list.ts'
import { decodeWalPart } from '../../core/wal/wal-part.ts'
import { stagePostgres } from '../../lab/postgres/binaries.ts'
import { Cluster, initializeCluster } from '../../lab/postgres/cluster.ts'
import { findUnprivilegedUser } from '../../lab/postgres/unprivileged-user.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'
import { region, startWorld, vaultAccount } from '../lab/sandbox/world.ts'

const main = resolve(import.meta.dirname, '../../restore-cli/main.ts')
const sandbox = await startWorld()
const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
const directory = makeTemporaryDirectory(undefined, afterAll)
const user = await findUnprivilegedUser()
const store = openS3ObjectStore({
  bucket: 'locked',
  endpoint: sandbox.endpoint,
  region,
  environment: {},
  credentials: () => Promise.resolve({ accessKeyId, secretAccessKey }),
})
afterAll(() => store.close())

/** As an operator writes it, with the keys before it because the server's environment is empty. */
function archiveCommand(cache: string): string {
  const variables = {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    HOME: cache,
    XDG_RUNTIME_DIR: cache,
  }
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  const options = `--source rental-db --bucket locked --region ${region} --endpoint ${sandbox.endpoint} --cache-dir ${cache}`
  return `${settings.join(' ')} ${process.execPath} ${main} wal-push %p ${options}`
}

async function startCluster(): Promise<Cluster> {
  const binaries = await stagePostgres(join(directory, 'binaries'))
  const dataDirectory = join(directory, 'data')
  const cache = join(directory, 'cache')
  mkdirSync(cache, { mode: 0o700 })
  if (user !== null) chownSync(cache, user.uid, user.gid)
  await initializeCluster(binaries, dataDirectory, user)
  return Cluster.start({
    binaries,
    dataDirectory,
    user,
    settings: {
      archive_mode: 'on',
      archive_command: archiveCommand(cache),
      track_commit_timestamp: 'on',
      max_prepared_transactions: '5',
      fsync: 'off',
    },
  })
}

describe('a server whose archive_command is wal-push', () => {
  test('has all of its WAL in the vault, with the times of its commits', async () => {
    const cluster = await startCluster()
    const client = await cluster.connect()
    const read = async (sql: string): Promise<string> =>
      String(Object.values((await client.query<Record<string, unknown>>(sql)).rows[0]!)[0])
    await client.query('CREATE TABLE booking (id int, note text)')
    const committed = new Map<number, bigint>()
    const note = async (xid: string): Promise<void> => {
      const microseconds = await read(
        `SELECT (extract(epoch FROM pg_xact_commit_timestamp('${xid}'::xid)) * 1000000)::numeric(30,0)`,
      )
      committed.set(Number(xid), BigInt(microseconds) - 946_684_800_000_000n)
    }
    for (let round = 0; round < 60; round++) {
      await client.query('BEGIN')
      const xid = await read('SELECT pg_current_xact_id()')
      const rows = round % 12 === 5 ? 20_000 : 30
      await client.query(`INSERT INTO booking SELECT i, repeat('x', 100) FROM generate_series(1, ${rows}) i`)
      if (round % 5 === 1) await client.query('SAVEPOINT s; INSERT INTO booking VALUES (0); RELEASE s')
      if (round % 7 === 2) await client.query('ROLLBACK')
      else {
        await client.query('COMMIT')
        await note(xid)
      }
      if (round % 20 === 3) await client.query('SELECT pg_switch_wal()')
    }
    await client.query('BEGIN; INSERT INTO booking VALUES (1)')
    const prepared = await read('SELECT pg_current_xact_id()')
    await client.query("PREPARE TRANSACTION 'p'")
    await client.query("COMMIT PREPARED 'p'")
    await note(prepared)
    const end = parseLsn(await read('SELECT pg_switch_wal()'))
    const systemId = await read('SELECT system_identifier FROM pg_control_system()')
    const name = await read(`SELECT pg_walfile_name('${`0/${(end - 1n).toString(16)}`}')`)
    while ((await read('SELECT coalesce(last_archived_wal, $$$$) FROM pg_stat_archiver')) < name) {
      expect(await read('SELECT failed_count FROM pg_stat_archiver'), cluster.log).toBe('0')
      await sleep(100)
    }
    await client.end()

    const [line] = await listWal(store, 'rental-db')
    expect(line).toMatchObject({ systemId, timeline: 1 })
    const runs = walRuns(line!.parts)
    expect(runs).toHaveLength(1)
    expect(runs[0]!.end).toBeGreaterThanOrEqual(end)
    const walked = new Map<number, bigint>()
    const lsns = new Map<bigint, bigint>()
    const walk = new RecordWalk(
      { start: runs[0]!.start, segmentBytes: 2 ** 24 },
      {
        transactionEnded: (record) => {
          if (record.isCommit) walked.set(record.xid, record.timeUs)
          if (record.isCommit) lsns.set(record.lsn, record.timeUs)
        },
      },
    )
    for (const ref of line!.parts) {
      const { part, bytes } = await decodeWalPart(await store.getRange(ref, 0, ref.storedBytes), ref)
      walk.feed(bytes)
      const { lastCommit, isExamined } = walk.takeFacts()
      expect({ commit: part.lastCommit, isExamined: part.isExamined }).toEqual({
        commit: lastCommit,
        isExamined,
      })
      expect(part.isExamined).toBe(true)
    }
    expect(walk.isEnded).toBe(false)
    for (const [xid, timeUs] of committed) {
      // A prepared transaction's record has no number in its header: it is looked up by its time.
      if (xid === Number(prepared)) expect([...lsns.values()]).toContain(timeUs)
      else expect([xid, walked.get(xid)]).toEqual([xid, timeUs])
    }
    await cluster.stop()
  })
})
