import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../../../core/errors.ts'
import { ClusterWal } from '../../../core/recovery/cluster-wal.ts'
import { chooseRecovery } from '../../../core/recovery/recovery-choice.ts'
import type { Base, RecoveryChoice } from '../../../core/recovery/recovery-choice.ts'
import type { RecoveryTarget } from '../../../core/recovery/recovery-target.ts'
import type { BaseBackup } from '../../../core/snapshot/base-backup.ts'
import { lsnHex } from '../../../core/wal/lsn.ts'
import { RecordWalk } from '../../../core/wal/record-walk.ts'
import { handmadeBase } from '../../fixtures/handmade-base.ts'
import { HandmadeWal } from '../../fixtures/handmade-wal.ts'
import { WalLog } from '../../fixtures/wal-log.ts'
import { slowPropertyRuns } from '../../fixtures/property-runs.ts'

const segment = 0x200_0000n
const second = 1_000_000n
/** The end of the base. */
const stop = BigInt(handmadeBase().stopTime)

function base(changes: Partial<BaseBackup> = {}, id = '01KN35E000B6GR48QH7ECGPZ10'): Base {
  const ref = { id, source: 'rental-db', key: '', versionId: 'v1', timeMs: 0, bytes: 1, isHidden: false }
  return { ref: { ...ref, flags: [] }, postgres: handmadeBase(changes) }
}

function at(seconds: number): RecoveryTarget {
  return { kind: 'time', timeUs: stop + BigInt(seconds) * second }
}

async function choose(
  wal: HandmadeWal,
  target: RecoveryTarget,
  { bases = [base()], timeline }: { bases?: Base[]; timeline?: number } = {},
): Promise<RecoveryChoice> {
  const clusters = await ClusterWal.readAll(wal.store, wal.source)
  return chooseRecovery(bases, clusters, { target, ...(timeline === undefined ? {} : { timeline }) })
}

async function refusal(choice: Promise<unknown>): Promise<HoldfastError> {
  const error: unknown = await choice.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof HoldfastError) return error
  throw new Error('it was not refused', { cause: error })
}

/** Parts of 4 KiB, one after the other, each with a commit so many seconds after the base. */
async function linear(...commits: (number | null)[]): Promise<HandmadeWal> {
  const wal = new HandmadeWal()
  for (const [index, seconds] of commits.entries()) {
    const start = segment + BigInt(index) * 4096n
    const commitUs = seconds === null ? null : stop + BigInt(seconds) * second
    await wal.add({ start, end: start + 4096n, commitUs })
  }
  return wal
}

describe('a time', () => {
  test('is reached by a later transaction, and no WAL past that one is needed', async () => {
    const choice = await choose(await linear(1, 5, null, 9, 12), at(5))
    expect(choice).toMatchObject({ proof: 'later-transaction', timeline: 1, endLsn: segment + 4n * 4096n })
    expect(choice.links).toHaveLength(4)
  })

  test('is not reached by a transaction of just that time, because PostgreSQL fails there', async () => {
    const error = await refusal(choose(await linear(1, 5, null), at(5)))
    expect(error.code).toBe('no-recovery-point')
    expect(error.message).toContain('the last transaction of timeline 1 ended at 2026-11-23T12:00:05Z')
    expect(error.message).toContain('the vault has no WAL past 0/2003000 of timeline 1')
  })

  test('is reached by an abort', async () => {
    const wal = await linear(1)
    await wal.add({ start: segment + 4096n, end: segment + 8192n, abortUs: stop + 9n * second })
    expect(await choose(wal, at(5))).toMatchObject({ proof: 'later-transaction' })
  })

  test('is reached if the server had no WAL past the end up to it', async () => {
    const wal = await linear(1)
    const end = segment + 4096n
    await wal.add({ start: end, end, idleAtUs: stop + 60n * second })
    await wal.add({ start: end - 8n, end: end - 8n, idleAtUs: stop + 900n * second })
    expect(await choose(wal, at(60))).toMatchObject({ proof: 'no-later-transaction', endLsn: end })
    const error = await refusal(choose(wal, at(61)))
    expect(error.message).toContain('the latest time that timeline 1 reaches is 2026-11-23T12:01:00Z')
  })

  test('in a gap is refused, with the gap', async () => {
    const wal = await linear(1, 5)
    await wal.add({ start: segment + 12288n, end: segment + 16384n, commitUs: stop + 20n * second })
    const error = await refusal(choose(wal, at(10)))
    expect(error.message).toContain('WAL of timeline 1 is missing from 0/2002000 to 0/2003000')
    expect((await choose(wal, at(4))).proof).toBe('later-transaction')
  })

  test('takes the newest base that ends at or before it', async () => {
    const wal = await linear(1, 5, 9, 20)
    const later = base(
      {
        stopTime: String(stop + 6n * second),
        startLsn: lsnHex(segment + 4104n),
        stopLsn: lsnHex(segment + 8000n),
      },
      '01KN35E000B6GR48QH7ECGPZ11',
    )
    const bases = [later, base()]
    expect((await choose(wal, at(6), { bases })).base).toBe(later)
    expect((await choose(wal, at(5), { bases })).base).toBe(bases[1])
  })

  test('before the first base is refused, with the time of that base', async () => {
    const error = await refusal(choose(await linear(1), at(-1)))
    expect(error.hint).toContain('the first base ends at 2026-11-23T12:00:00Z')
  })
})

describe('a record', () => {
  const { segmentBytes, systemId } = handmadeBase()

  /** WAL with a transaction before the end of the base, and restore points and another transaction behind it. */
  async function withRecords(): Promise<{ wal: HandmadeWal; log: WalLog; stopLsn: bigint }> {
    const log = new WalLog({ start: segment, segmentBytes, systemId: BigInt(systemId), magic: 0xd118 })
    log.insert(100)
    log.commit(stop - second)
    log.insert(5000)
    const stopLsn = log.end
    log.restorePoint('before deploy')
    log.insert(9000)
    log.commit(stop + second)
    log.insert(9000)
    const wal = new HandmadeWal()
    for (let at = 0; at < log.bytes.length; at += 4096)
      await wal.add({ start: segment + BigInt(at), content: log.bytes.subarray(at, at + 4096) })
    return { wal, log, stopLsn }
  }
  const ended = (stopLsn: bigint): Base[] => [
    base({ startLsn: lsnHex(segment + 40n), stopLsn: lsnHex(stopLsn) }),
  ]
  /** The numbers that the log gives its transactions. */
  const xids = (log: WalLog): number[] => {
    const numbers: number[] = []
    const walk = new RecordWalk(log, { transactionEnded: ({ xid }) => numbers.push(xid) })
    walk.feed(log.bytes)
    return numbers
  }

  test('is reached where the WAL has it, and nothing behind it is needed', async () => {
    const { wal, log, stopLsn } = await withRecords()
    const bases = ended(stopLsn)
    const [, later] = xids(log)
    const named = await choose(wal, { kind: 'name', name: 'before deploy' }, { bases })
    const numbered = await choose(wal, { kind: 'xid', xid: later! }, { bases })
    expect([named.proof, numbered.proof]).toEqual(['position', 'position'])
    expect(named.endLsn).toBeLessThan(numbered.endLsn)
    expect(numbered.endLsn).toBeLessThan(log.end)
  })

  test.each([
    ['of another name', { kind: 'name', name: 'before' }],
    ['of another transaction', { kind: 'xid', xid: 4 }],
  ] as const)('%s is refused', async (_, target) => {
    const { wal, stopLsn } = await withRecords()
    const error = await refusal(choose(wal, target, { bases: ended(stopLsn) }))
    expect(error.code).toBe('no-recovery-point')
    expect(error.message).toContain('has no such record')
  })

  test('before the end of the base is refused, because PostgreSQL fails there', async () => {
    const { wal, log, stopLsn } = await withRecords()
    const [earlier] = xids(log)
    const error = await refusal(choose(wal, { kind: 'xid', xid: earlier! }, { bases: ended(stopLsn) }))
    expect(error.message).toContain('after the target')
  })

  test('in a part that is damaged is refused', async () => {
    const { wal, stopLsn } = await withRecords()
    for (const version of wal.store.versions) version.body[version.body.length - 1]! ^= 1
    const error = await refusal(
      choose(wal, { kind: 'name', name: 'before deploy' }, { bases: ended(stopLsn) }),
    )
    expect(error.code).toBe('no-recovery-point')
  })
})

test('a base whose own WAL is missing is none', async () => {
  const wal = new HandmadeWal()
  await wal.add({ start: segment, end: segment + 64n, commitUs: stop })
  const error = await refusal(choose(wal, { kind: 'end' }))
  expect(error.message).toContain(
    'the WAL that the base 01KN35E000B6GR48QH7ECGPZ10 itself needs is not in the vault',
  )
})

test('without a target, WAL that is missing before later WAL is named, because the cluster was newer', async () => {
  const wal = await linear(1, 2)
  expect(await choose(wal, { kind: 'end' })).toMatchObject({ endLsn: segment + 2n * 4096n, gap: null })
  const later = segment + 3n * 4096n
  await wal.add({ start: later, end: later + 4096n, commitUs: stop + 9n * second })
  expect(await choose(wal, { kind: 'end' })).toMatchObject({
    endLsn: segment + 2n * 4096n,
    gap: 'WAL of timeline 1 is missing from 0/2002000 to 0/2003000',
  })
  // The target lies before the missing WAL.
  expect(await choose(wal, at(1))).toMatchObject({ gap: null })
})

test("a standby's base is one state only past its minimum recovery point", async () => {
  const bases = [base({ minRecoveryLsn: lsnHex(segment + 6000n) })]
  expect((await refusal(choose(await linear(1), { kind: 'end' }, { bases }))).code).toBe('no-recovery-point')
  expect((await choose(await linear(1, 2), { kind: 'end' }, { bases })).proof).toBe('end')
})

test('a position is reached if the WAL goes past it', async () => {
  const wal = await linear(1, 2)
  expect(await choose(wal, { kind: 'lsn', lsn: segment + 8191n })).toMatchObject({ proof: 'position' })
  expect((await refusal(choose(wal, { kind: 'lsn', lsn: segment + 8192n }))).code).toBe('no-recovery-point')
  expect((await refusal(choose(wal, { kind: 'lsn', lsn: segment + 0x11fn }))).message).toContain(
    'after the target',
  )
})

describe('hostile WAL', () => {
  test('a damaged part is as one that is missing, and hides no other one of its range', async () => {
    const wal = await linear(1, 5, 9)
    const damage = (key: string): void => {
      const version = wal.store.versions.find((candidate) => candidate.key === key)!
      version.body = Buffer.from(version.body.map((byte, index) => (index === 60 ? byte ^ 1 : byte)))
    }
    damage(wal.store.versions[2]!.key)
    expect((await refusal(choose(wal, at(5)))).code).toBe('no-recovery-point')
    await wal.add({ start: segment + 8192n, end: segment + 12288n, commitUs: stop + 9n * second })
    expect(await choose(wal, at(5))).toMatchObject({ proof: 'later-transaction' })
  })

  test('another cluster under the source changes nothing', async () => {
    const wal = await linear(1, 5)
    await wal.add({ start: segment, end: segment + 4096n, commitUs: stop + 99n * second, systemId: '7' })
    expect((await refusal(choose(wal, at(6)))).code).toBe('no-recovery-point')
    expect(await choose(wal, at(4))).toMatchObject({ proof: 'later-transaction' })
  })

  test('keys that are none of WAL are ignored', async () => {
    const wal = await linear(1, 5)
    for (const name of ['history-x', '..', '0-1', `${'F'.repeat(16)}-${'0'.repeat(16)}-x`])
      wal.store.add(`sources/rental-db/wal/7/00000001/${name}`, Buffer.from('x'))
    expect(await choose(wal, at(4))).toMatchObject({ proof: 'later-transaction' })
  })
})

describe('timelines', () => {
  const branch = segment + 6000n
  async function failover(lostCommit: number | null, newCommit: number): Promise<HandmadeWal> {
    const wal = await linear(1, 5)
    await wal.addHistory(2, '1\t0/2001770\tno recovery target specified\n')
    if (lostCommit !== null)
      await wal.add({
        start: segment + 8192n,
        end: segment + 12288n,
        commitUs: stop + BigInt(lostCommit) * second,
      })
    await wal.add({
      timeline: 2,
      start: branch,
      end: segment + 12288n,
      commitUs: stop + BigInt(newCommit) * second,
    })
    return wal
  }

  test('after a failover, the line that reaches the time is followed', async () => {
    const choice = await choose(await failover(null, 30), at(20))
    expect(choice).toMatchObject({ timeline: 2, endLsn: segment + 12288n })
    expect(choice.links.map(({ part, end }) => [part.timeline, end])).toEqual([
      [1, segment + 4096n],
      [1, branch],
      [2, segment + 12288n],
    ])
  })

  test('a time before the branch is the same state on both', async () => {
    expect(await choose(await failover(40, 30), at(0))).toMatchObject({ timeline: 1 })
  })

  test('a time on both lines is refused until the user names one', async () => {
    const wal = await failover(40, 30)
    const error = await refusal(choose(wal, at(20)))
    expect(error).toMatchObject({ code: 'ambiguous', context: { timelines: ['1', '2'] } })
    expect(await choose(wal, at(20), { timeline: 1 })).toMatchObject({ timeline: 1, otherTimelines: [2] })
    expect(await choose(wal, at(20), { timeline: 2 })).toMatchObject({ timeline: 2 })
    expect((await refusal(choose(wal, at(20), { timeline: 3 }))).message).toContain(
      "timeline 3 doesn't follow",
    )
  })

  test('without a target, the line with the newest transaction is followed', async () => {
    expect(await choose(await failover(10, 30), { kind: 'end' })).toMatchObject({ timeline: 2 })
    expect(await choose(await failover(40, 30), { kind: 'end' })).toMatchObject({
      timeline: 1,
      otherTimelines: [2],
    })
  })

  test('two histories of one timeline are a conflict: it is not followed', async () => {
    const wal = await failover(null, 30)
    await wal.addHistory(2, '1\t0/2000770\tno recovery target specified\n')
    expect((await refusal(choose(wal, at(20)))).code).toBe('no-recovery-point')
  })
})

test('a time is reached if and only if the WAL without a gap has a later transaction', async () => {
  const part = fc.record({
    seconds: fc.option(fc.integer({ min: 0, max: 3 })),
    isThere: fc.integer({ min: 0, max: 9 }).map((number) => number > 0),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 0, max: 20 }),
      async (parts, seconds) => {
        const wal = new HandmadeWal()
        const times: (number | null)[] = []
        let [now, gap] = [0, false]
        for (const [index, { seconds: passed, isThere }] of parts.entries()) {
          now += passed ?? 0
          gap ||= !isThere
          const start = segment + BigInt(index) * 4096n
          const commitUs = passed === null ? null : stop + BigInt(now) * second
          if (isThere) await wal.add({ start, end: start + 4096n, commitUs })
          if (!gap) times.push(passed === null ? null : now)
        }
        const first = times.findIndex((time) => time !== null && time > seconds)
        const result = await choose(wal, at(seconds)).catch((error: unknown) => error as HoldfastError)
        if (first === -1) expect(result).toMatchObject({ code: 'no-recovery-point' })
        else expect(result).toMatchObject({ endLsn: segment + BigInt(first + 1) * 4096n })
      },
    ),
    { numRuns: slowPropertyRuns * 3 },
  )
})
