// The WAL of real servers, streamed into a vault that is away at times, across restarts and timelines.
import { mkdtempSync, readFileSync, rmSync, writeFileSync, chownSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { HoldfastError } from '../../core/errors.ts'
import { parseLsn, segmentName } from '../../core/wal/lsn.ts'
import { walRuns } from '../../core/wal/wal-coverage.ts'
import { listWal } from '../../core/wal/wal-list.ts'
import type { WalLineList } from '../../core/wal/wal-list.ts'
import { decodeWalPart } from '../../core/wal/wal-part.ts'
import { streamWithHeartbeat } from '../../engine/postgres/heartbeat.ts'
import type { StreamEvent } from '../../engine/postgres/timeline-stream.ts'
import type { Cluster } from '../../lab/postgres/cluster.ts'
import { wallClock } from '../../restore-cli/wall-clock.ts'
import { MemoryStore } from '../fixtures/memory-store.ts'
import {
  hasDebianServer,
  makeTestServers,
  startNewServer,
  startServer,
} from '../fixtures/postgres-servers.ts'
import type { TestServers } from '../fixtures/postgres-servers.ts'

const majors = hasDebianServer ? ([18, 15] as const) : ([18] as const)
const source = 'rental-db'
const slot = 'holdfast_test'
let servers: TestServers

beforeAll(async () => {
  servers = await makeTestServers(mkdtempSync(join(tmpdir(), 'hf-stream-')))
})
afterAll(() => rmSync(servers.directory, { recursive: true, force: true }))

/** A vault that is away while it is told to be. */
class Vault extends MemoryStore {
  isAway = false

  override putIfAbsent(
    ...args: Parameters<MemoryStore['putIfAbsent']>
  ): ReturnType<MemoryStore['putIfAbsent']> {
    if (this.isAway)
      return Promise.reject(new HoldfastError('unreachable', 'the vault is away', { retryable: true }))
    return super.putIfAbsent(...args)
  }

  async lines(): Promise<WalLineList[]> {
    return listWal(this, source)
  }

  /** Where the coverage of a timeline ends, up to the first gap: uploads may end out of order. */
  async end(timeline = 1): Promise<bigint> {
    const line = (await this.lines()).find((candidate) => candidate.timeline === timeline)
    return walRuns(line?.parts ?? [])[0]?.end ?? 0n
  }
}

class Stream {
  readonly events: StreamEvent[] = []
  readonly done: Promise<unknown>
  private readonly stopping = new AbortController()

  constructor(
    vault: Vault,
    cluster: Cluster,
    changes: { createsSlot?: boolean; applicationName?: string } = {},
  ) {
    const host = encodeURIComponent(cluster.socketDirectory)
    onTestFinished(() => this.stop())
    this.done = streamWithHeartbeat({
      store: vault,
      // Waits of the retries would be minutes.
      clock: { ...wallClock, sleep: (ms, signal) => wallClock.sleep(Math.min(ms, 50), signal) },
      random: Math.random,
      signal: this.stopping.signal,
      source,
      slot,
      address: `postgresql:///postgres?host=${host}&user=postgres`,
      createsSlot: false,
      everyMs: 100,
      applicationName: 'holdfast',
      heartbeatMs: 0,
      onEvent: (event) => this.events.push(event),
      ...changes,
    }).catch((error: unknown) => error)
  }

  async reach(kind: StreamEvent['kind']): Promise<void> {
    while (!this.events.some((event) => event.kind === kind)) await sleep(20)
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error('stopped'))
    await this.done
  }
}

async function lsnOf(client: pg.Client, expression: string): Promise<bigint> {
  const { rows } = await client.query<{ lsn: string }>(`select (${expression})::text as lsn`)
  return parseLsn(rows[0]!.lsn)
}

const slotLsn = (client: pg.Client): Promise<bigint> =>
  lsnOf(client, `select restart_lsn from pg_replication_slots where slot_name = '${slot}'`)

async function untilReached(vault: Vault, lsn: bigint, timeline = 1): Promise<void> {
  while ((await vault.end(timeline)) < lsn) await sleep(20)
}

describe.each(majors)('PostgreSQL %d', (major) => {
  let cluster: Cluster
  let client: pg.Client
  let dataDirectory: string
  const vault = new Vault()
  // A session decides whether it waits for the standby, because a server takes a changed list of standbys at any time.
  const settings = {
    max_slot_wal_keep_size: '64MB',
    synchronous_standby_names: 'vault',
    synchronous_commit: 'local',
    // The receiver reports in a quarter of this time.
    wal_sender_timeout: '8s',
  }

  beforeAll(async () => {
    ;({ cluster, dataDirectory } = await startNewServer(servers, { major, name: `data-${major}`, settings }))
    client = await cluster.connect()
    await client.query('create table bookings (id serial, note text)')
  })
  afterAll(() => cluster.stop('immediate'))

  /** Waits until the server has a later report of the receiver: a report in between could confirm too much. */
  async function untilReported(): Promise<void> {
    const observer = await cluster.connect()
    try {
      const count = async (condition: string): Promise<number> =>
        (await observer.query(`select from pg_stat_replication where ${condition}`)).rowCount ?? 0
      const { rows } = await observer.query<{ since: string }>('select clock_timestamp()::text as since')
      while ((await count(`reply_time > '${rows[0]!.since}'`)) === 0) await sleep(20)
    } finally {
      await observer.end()
    }
  }

  const book = (count: number): Promise<unknown> =>
    client.query(`insert into bookings (note) select repeat('x', 500) from generate_series(1, ${count})`)

  test('a slot that is not there is made only on request', async () => {
    const stream = new Stream(vault, cluster)
    expect(await stream.done).toMatchObject({ code: 'not-found', message: `the server has no slot ${slot}` })
  })

  test('the parts have the bytes of the server, and the times of its commits', async () => {
    const stream = new Stream(vault, cluster, { createsSlot: true })
    await stream.reach('started')
    await book(40_000)
    const end = await lsnOf(client, 'pg_current_wal_flush_lsn()')
    await untilReached(vault, end)
    await stream.stop()

    const [line] = await vault.lines()
    const first = line!.parts[0]!
    expect(first.start % 2n ** 24n).toBe(0n)
    const decoded = await Promise.all(
      line!.parts.map(async (ref) => {
        const { body } = vault.versions.find(({ key }) => key === ref.key)!
        return decodeWalPart(body, ref)
      }),
    )
    const segmentBytes = 2 ** 24
    const segment = readFileSync(join(dataDirectory, 'pg_wal', segmentName(1, first.start, segmentBytes)))
    const streamed = Buffer.concat(decoded.map(({ bytes }) => bytes)).subarray(0, segmentBytes)
    expect(streamed.equals(segment.subarray(0, streamed.length))).toBe(true)
    expect(decoded.every(({ part }) => part.postgresMajor === major)).toBe(true)
    expect(decoded.slice(1).every(({ part }) => part.isExamined)).toBe(true)
    expect(decoded.filter(({ part }) => part.lastCommit !== null).length).toBeGreaterThan(0)
  })

  test('a later stream goes on at the slot, without a gap; the slot never has what the vault lacks', async () => {
    await book(1000)
    const stream = new Stream(vault, cluster)
    await untilReached(vault, await lsnOf(client, 'pg_current_wal_flush_lsn()'))
    vault.isAway = true
    const before = await vault.end()
    await book(30_000)
    await stream.reach('waiting')
    await untilReported()
    expect(await slotLsn(client)).toBeLessThanOrEqual(before)
    vault.isAway = false
    const end = await lsnOf(client, 'pg_current_wal_flush_lsn()')
    await untilReached(vault, end)
    while ((await slotLsn(client)) < end) await sleep(20)
    expect(await slotLsn(client)).toBeLessThanOrEqual(await vault.end())
    await stream.stop()
  })

  test('a synchronous standby confirms a commit only when the vault has it', async () => {
    await client.query('set synchronous_commit = on')
    const stream = new Stream(vault, cluster, { applicationName: 'vault' })
    await book(1)
    vault.isAway = true
    let isConfirmed = false
    const commit = book(1).then(() => (isConfirmed = true))
    await stream.reach('waiting')
    await untilReported()
    expect(isConfirmed).toBe(false)
    vault.isAway = false
    await commit
    await client.query('set synchronous_commit = local')
    await stream.stop()
  })

  test('a promotion in the middle of a stream is followed to the next timeline, with its history', async () => {
    await client.end()
    await cluster.stop('fast')
    const signalFile = join(dataDirectory, 'standby.signal')
    writeFileSync(signalFile, '')
    if (servers.user !== null) chownSync(signalFile, servers.user.uid, servers.user.gid)
    cluster = await startServer(servers, { major, dataDirectory, settings })
    client = await cluster.connect()
    const stream = new Stream(vault, cluster)
    await stream.reach('started')
    await client.query('select pg_promote()')
    await stream.reach('timeline')
    await book(1000)
    await untilReached(vault, await lsnOf(client, 'pg_current_wal_flush_lsn()'), 2)
    await stream.stop()
    const lines = await vault.lines()
    expect(lines.map(({ timeline, histories }) => [timeline, histories.length])).toEqual([
      [1, 0],
      [2, 1],
    ])
    expect(await vault.end(1)).toBeLessThanOrEqual(await vault.end(2))
  })

  test('a server that has given up the WAL of the slot ends the stream with 14', async () => {
    for (let segment = 0; segment < 8; segment++) {
      await book(100)
      await client.query('select pg_switch_wal()')
    }
    await client.query('checkpoint')
    await book(1)
    await client.query('checkpoint')
    const stream = new Stream(vault, cluster)
    expect(await stream.done).toMatchObject({ code: 'objective-missed' })
    await client.end()
  })
})
