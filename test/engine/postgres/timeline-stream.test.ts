import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, expect, test } from 'vitest'
import { walRuns } from '../../../core/wal/wal-coverage.ts'
import { listWal } from '../../../core/wal/wal-list.ts'
import type { ReplicationConnection, WalListener } from '../../../engine/postgres/replication.ts'
import { TimelineStream } from '../../../engine/postgres/timeline-stream.ts'
import { ManualClock, seededRandom } from '../../fixtures/manual-clock.ts'
import { MemoryStore } from '../../fixtures/memory-store.ts'
import { WalLog } from '../../fixtures/wal-log.ts'

/** A vault that acknowledges an upload only when the test lets it. */
class SlowVault extends MemoryStore {
  readonly held: (() => void)[] = []

  override async putIfAbsent(
    ...args: Parameters<MemoryStore['putIfAbsent']>
  ): ReturnType<MemoryStore['putIfAbsent']> {
    await new Promise<void>((resolve) => this.held.push(resolve))
    return super.putIfAbsent(...args)
  }
}

/** A server that keeps what the stream reports as flushed. */
class Server {
  listener: WalListener | null = null
  endTimeline: () => void = () => {}
  readonly flushed: bigint[] = []

  stream(...[, listener]: Parameters<ReplicationConnection['stream']>): Promise<null> {
    this.listener = listener
    return new Promise((resolve) => (this.endTimeline = () => resolve(null)))
  }

  sendStatus({ flushed }: Parameters<ReplicationConnection['sendStatus']>[0]): void {
    this.flushed.push(flushed)
  }

  pause(): void {}

  /** Asks for a reply, and returns what it says. */
  async askFlushed(end: bigint): Promise<bigint> {
    const before = this.flushed.length
    this.listener!.keepalive(end, true)
    while (this.flushed.length === before) await sleep(10)
    return this.flushed.at(-1)!
  }
}

const source = 'rental-db'
const segmentBytes = 2 ** 20
let log: WalLog
let vault: SlowVault
let server: Server
let stream: TimelineStream

beforeEach(() => {
  log = new WalLog({ segmentBytes })
  log.insert(segmentBytes)
  log.commit(1000n)
  log.switch()
  vault = new SlowVault()
  server = new Server()
  stream = new TimelineStream(
    {
      ...{ store: vault, clock: new ManualClock(), random: seededRandom(1) },
      ...{ everyMs: 2000, onEvent: () => {} },
    },
    server,
    {
      ...{ systemId: '7512345678901234567', timeline: 1, segmentBytes },
      ...{ serverVersion: 150018, senderTimeoutMs: 60_000 },
    },
    { source, position: { timeline: 1, lsn: log.start } },
  )
})

test('the server hears of a flush only when the vault has everything up to there', async () => {
  const ended = stream.run('holdfast')
  server.listener!.data(log.start, log.bytes)
  while (vault.held.length < 2) await sleep(10)
  expect(await server.askFlushed(log.end)).toBe(log.start)

  const [first, second] = vault.held
  second!()
  while (vault.versions.length < 1) await sleep(10)
  expect(await server.askFlushed(log.end)).toBe(log.start)

  first!()
  while (stream.confirmed < log.end) await sleep(10)
  expect(await server.askFlushed(log.end)).toBe(log.end)
  const [line] = await listWal(vault, source)
  expect(walRuns(line!.parts)).toMatchObject([{ start: log.start, end: log.end }])
  server.endTimeline()
  expect(await ended).toBeNull()
})

test('a timeline ends only when the vault has all of it', async () => {
  const ended = stream.run('holdfast')
  server.listener!.data(log.start, log.bytes)
  server.endTimeline()
  while (vault.held.length < 2) await sleep(10)
  expect(await Promise.race([ended, sleep(50, 'not yet')])).toBe('not yet')
  for (const release of vault.held) release()
  expect(await ended).toBeNull()
  expect(stream.confirmed).toBe(log.end)
})
