import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32cEnd, crc32cStart, crc32cUpdate } from '../../../core/wal/crc32c.ts'
import { RecordWalk } from '../../../core/wal/record-walk.ts'
import { readSegmentHeader } from '../../../core/wal/wal-page.ts'
import { slowPropertyRuns } from '../../fixtures/property-runs.ts'
import { WalLog } from '../../fixtures/wal-log.ts'

interface SeenEnd {
  lsn: bigint
  timeUs: bigint
  isCommit: boolean
}

/** 3 MiB over three segments, with records of all lengths, a switch, and the commits and aborts in it. */
function makeLog(): { log: WalLog; ends: SeenEnd[] } {
  const log = new WalLog()
  const ends: SeenEnd[] = []
  for (let index = 0; index < 300; index++) {
    log.insert(index % 7 === 0 ? 20_000 : index % 90)
    const timeUs = BigInt(1_000_000 + index)
    if (index % 3 === 0) ends.push({ lsn: log.commit(timeUs, (index % 11) * 900), timeUs, isCommit: true })
    if (index % 10 === 0) ends.push({ lsn: log.abort(timeUs), timeUs, isCommit: false })
    if (index === 150) log.switch()
  }
  return { log, ends }
}

function walk(log: WalLog, cut: (bytes: Buffer) => Buffer[] = (bytes) => [bytes]) {
  const ends: SeenEnd[] = []
  const records = new RecordWalk(log, {
    transactionEnded: ({ lsn, timeUs, isCommit }) => ends.push({ lsn, timeUs, isCommit }),
  })
  for (const chunk of cut(log.bytes)) records.feed(chunk)
  return { records, ends, facts: records.takeFacts() }
}

describe('a walk', () => {
  const { log, ends } = makeLog()

  test('finds each commit and abort, over pages, segments and a switch', () => {
    const result = walk(log)
    expect(result.ends).toEqual(ends)
    expect(result.records.end).toBe(log.end)
    expect(result.records.isEnded).toBe(false)
    expect(result.facts).toEqual({
      lastCommit: { lsn: ends.findLast(({ isCommit }) => isCommit)!.lsn, timeUs: 1_000_297n },
      lastAbort: { lsn: ends.findLast(({ isCommit }) => !isCommit)!.lsn, timeUs: 1_000_290n },
      isExamined: true,
    })
  })

  test('finds the same in chunks of any size', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const result = walk(log, (bytes) => {
          const chunks: Buffer[] = []
          for (let at = 0, index = 0; at < bytes.length; index++) {
            const size = sizes[index % sizes.length]!
            chunks.push(bytes.subarray(at, (at += size)))
          }
          return chunks
        })
        expect(result.ends).toEqual(ends)
      }),
      { numRuns: slowPropertyRuns },
    )
  })

  test('goes on from a state, wherever another one stopped', () => {
    const { bytes } = log
    fc.assert(
      fc.property(fc.integer({ min: 1, max: bytes.length - 1 }), (at) => {
        const positions: bigint[] = []
        const first = new RecordWalk(log, { transactionEnded: ({ lsn }) => positions.push(lsn) })
        first.feed(bytes.subarray(0, at))
        const state = first.state
        // In the header of a page there is none: a writer cuts elsewhere, or takes the next part as unexamined.
        if (state === null) return
        const second = RecordWalk.resume(
          JSON.parse(JSON.stringify(state)) as typeof state,
          { start: log.start + BigInt(at), segmentBytes: log.segmentBytes },
          { transactionEnded: ({ lsn }) => positions.push(lsn) },
        )!
        second.feed(bytes.subarray(at))
        expect(positions).toEqual(ends.map(({ lsn }) => lsn))
        expect(second.takeFacts().isExamined).toBe(true)
      }),
      { numRuns: slowPropertyRuns },
    )
    expect(RecordWalk.resume(walk(log).records.state!, log)).toBeNull()
  })

  test('that begins in the middle reports so, and finds what begins later', () => {
    const at = 5000
    const positions: bigint[] = []
    const start = log.start + BigInt(at)
    const records = new RecordWalk(
      { start, segmentBytes: log.segmentBytes },
      {
        transactionEnded: ({ lsn }) => positions.push(lsn),
      },
    )
    records.feed(log.bytes.subarray(at))
    expect(records.takeFacts().isExamined).toBe(false)
    expect(ends.map(({ lsn }) => lsn).slice(-positions.length)).toEqual(positions)
    expect(positions.length).toBeGreaterThan(ends.length - 5)
  })

  test('finds restore points, over the border of a page too, for a listener that asks for them', () => {
    const named = new WalLog()
    const points = Array.from({ length: 300 }, (_, index) => {
      named.insert(37 + (index % 9))
      return { name: `before deploy ${index}`, lsn: named.restorePoint(`before deploy ${index}`, 7n) }
    })
    named.commit(9n)
    const positions: { name: string; lsn: bigint }[] = []
    const records = new RecordWalk(named, {
      restorePointMade: ({ name, lsn }) => positions.push({ name, lsn }),
    })
    for (let at = 0; at < named.bytes.length; at += 333) records.feed(named.bytes.subarray(at, at + 333))
    expect(positions).toEqual(points)
    expect(records.takeFacts()).toMatchObject({ lastCommit: { timeUs: 9n }, isExamined: true })
  })

  test('of a commit of which the last byte is missing finds nothing, until it comes', () => {
    const short = new WalLog()
    short.insert(10)
    const endOfFirst = short.end
    const lsn = short.commit(7n, 100)
    const { bytes } = short
    const records = new RecordWalk(short)
    records.feed(bytes.subarray(0, -1))
    expect(records.takeFacts()).toEqual({ lastCommit: null, lastAbort: null, isExamined: true })
    expect(records.end).toBe(endOfFirst)
    records.feed(bytes.subarray(-1))
    expect(records.takeFacts().lastCommit).toEqual({ lsn, timeUs: 7n })
  })

  test('takes the latest time, also if the clock was set back', () => {
    const back = new WalLog()
    back.commit(9n)
    const lsn = back.commit(10n, 0, 0x30)
    back.commit(5n)
    back.abort(4n, 0x40)
    expect(walk(back).facts).toMatchObject({ lastCommit: { lsn, timeUs: 10n }, lastAbort: { timeUs: 4n } })
  })

  test('ends at zeros, at a page of an older segment, and at a record with another checksum', () => {
    const short = new WalLog()
    short.commit(7n)
    const end = short.end
    short.insert(30_000)
    short.commit(8n)
    const { bytes } = short
    const zeros = Buffer.concat([bytes.subarray(0, Number(end - short.start)), Buffer.alloc(9000)])
    const recycled = Buffer.from(bytes)
    recycled.writeBigUInt64LE(0x50_0000n, 8192 + 8)
    const corrupt = Buffer.from(bytes)
    corrupt[corrupt.length - 1]! ^= 1
    for (const damagedBytes of [zeros, recycled, corrupt]) {
      const records = new RecordWalk(short)
      records.feed(damagedBytes)
      const facts = records.takeFacts()
      expect([facts.lastCommit?.timeUs, facts.isExamined, records.isEnded]).toEqual([7n, false, true])
      expect(records.state).toBeNull()
    }
  })

  test('of bytes that an attacker changed never throws, and never passes their end', () => {
    const { bytes } = log
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 30 }),
        (changes) => {
          const changed = Buffer.from(bytes)
          for (const [at, value] of changes) changed[at] = value
          const records = new RecordWalk(log)
          records.feed(changed)
          expect(records.end).toBeLessThanOrEqual(log.end)
        },
      ),
      { numRuns: slowPropertyRuns },
    )
  })

  test('of random bytes finds nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
        const records = new RecordWalk({ start: 0x100_0000n, segmentBytes: 2 ** 20 })
        records.feed(Buffer.from(bytes))
        expect(records.takeFacts().lastCommit).toBeNull()
      }),
      { numRuns: slowPropertyRuns },
    )
  })
})

describe('the header of a segment', () => {
  test('names the cluster', () => {
    const log = new WalLog({ systemId: 42n, timeline: 3, magic: 0xd118 })
    log.insert(1)
    expect(readSegmentHeader(log.bytes)).toEqual({
      systemId: '42',
      timeline: 3,
      start: log.start,
      segmentBytes: 2 ** 20,
      postgresMajor: 18,
    })
  })

  test.each([
    ['too few bytes', (bytes: Buffer) => bytes.subarray(0, 39)],
    ['another magic', (bytes: Buffer) => (bytes.writeUInt16LE(0x1234, 0), bytes)],
    ['a size of a segment that is none', (bytes: Buffer) => (bytes.writeUInt32LE(1000, 32), bytes)],
    ['pages of 4 KiB', (bytes: Buffer) => (bytes.writeUInt32LE(4096, 36), bytes)],
    ['a position in the middle', (bytes: Buffer) => (bytes.writeBigUInt64LE(0x100_2000n, 8), bytes)],
  ])('is none with %s', (_, change) => {
    const log = new WalLog()
    log.insert(1)
    expect(readSegmentHeader(change(log.bytes))).toBeNull()
  })
})

test('CRC-32C is that of RFC 3720', () => {
  const crcOf = (bytes: Buffer): number => crc32cEnd(crc32cUpdate(crc32cStart, bytes))
  expect(crcOf(Buffer.alloc(32))).toBe(0x8a9136aa)
  expect(crcOf(Buffer.from('123456789'))).toBe(0xe3069283)
})
