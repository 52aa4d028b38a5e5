import { beforeEach, describe, expect, test } from 'vitest'
import type { WalPartFacts } from '../../../core/wal/wal-part.ts'
import { readHistory, readSegment } from '../../../engine/wal/segment-reader.ts'
import { uploadWalHistory, uploadWalPart } from '../../../engine/wal/wal-upload.ts'
import { ManualClock, seededRandom } from '../../fixtures/manual-clock.ts'
import { MemoryStore } from '../../fixtures/memory-store.ts'
import { WalLog } from '../../fixtures/wal-log.ts'

const segmentBytes = 2 ** 20
const start = 0x100_0000n
const line = { source: 'rental-db', systemId: '7512345678901234567', timeline: 1 }
const facts: WalPartFacts = {
  segmentBytes,
  postgresMajor: 15,
  lastCommit: null,
  lastAbort: null,
  isExamined: true,
  idleAtUs: null,
}
const log = new WalLog()
while (log.end < start + 2n * BigInt(segmentBytes)) log.insert(5000)
const bytes = log.bytes
let store: MemoryStore
let environment: Parameters<typeof uploadWalPart>[0]

beforeEach(() => {
  store = new MemoryStore()
  environment = { store, clock: new ManualClock(), random: seededRandom(1) }
})

async function put(from: number, to: number, { timeline = 1, content = bytes } = {}): Promise<void> {
  const part = { start: start + BigInt(from), bytes: content.subarray(from, to) }
  await uploadWalPart(environment, { ...line, timeline }, facts, part)
}

const read = (timeline = 1, from = start) =>
  readSegment(store, { ...line, timeline, start: from, segmentBytes })

describe('a segment', () => {
  test('comes back from a whole one, and from parts in any order that overlap', async () => {
    await put(0, segmentBytes)
    expect((await read())?.equals(bytes.subarray(0, segmentBytes))).toBe(true)
    store.versions = []
    await put(500_000, segmentBytes)
    await put(300_000, 600_000)
    await put(0, 400_000)
    await put(0, 400_000)
    expect((await read())?.equals(bytes.subarray(0, segmentBytes))).toBe(true)
  })

  test('at the end of the log is filled with zeros', async () => {
    await put(0, 70_000)
    const segment = await read()
    expect(segment!.subarray(0, 70_000).equals(bytes.subarray(0, 70_000))).toBe(true)
    expect(segment!.subarray(70_000).equals(Buffer.alloc(segmentBytes - 70_000))).toBe(true)
    expect(await read(1, start + BigInt(segmentBytes))).toBeNull()
  })

  test.each([
    [
      'in it',
      [
        [0, 1000],
        [2000, segmentBytes],
      ],
    ],
    ['at its begin', [[1000, segmentBytes]]],
    [
      'at its end, before a later one',
      [
        [0, 1000],
        [segmentBytes, segmentBytes + 10],
      ],
    ],
    ['of all of it, before a later one', [[segmentBytes, segmentBytes + 10]]],
  ])('with a gap %s is damaged, and not the end of the log', async (_, ranges) => {
    for (const [from, to] of ranges) await put(from!, to!)
    await expect(read()).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringMatching(/the vault has nothing from .* and later WAL/) as string,
    })
  })

  test('of which the vault has other bytes too is a conflict', async () => {
    await put(0, 1000)
    const forked = Buffer.from(bytes)
    forked[999]! ^= 1
    await put(0, 1000, { content: forked })
    await expect(read()).rejects.toMatchObject({ code: 'conflict' })
  })

  test('of another cluster, or under another position, is damaged', async () => {
    const foreign = new WalLog({ systemId: 5n })
    foreign.insert(5000)
    await put(0, 5000, { content: foreign.bytes })
    await expect(read()).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringContaining('of another cluster') as string,
    })
  })

  test('of which an object was changed is damaged', async () => {
    await put(0, segmentBytes)
    store.versions[0]!.body[store.versions[0]!.body.length - 9]! ^= 1
    await expect(read()).rejects.toMatchObject({ code: 'damaged' })
  })

  test('in which a timeline began takes the bytes before from the timeline before', async () => {
    const history = Buffer.from('1\t0/1001000\tno recovery target specified\n')
    await put(0, 0x1000)
    await put(0x1000, 9000, { timeline: 2 })
    await expect(read(2)).rejects.toMatchObject({ code: 'damaged' })
    await uploadWalHistory(environment, { ...line, timeline: 2 }, history)
    expect((await read(2))!.subarray(0, 9000).equals(bytes.subarray(0, 9000))).toBe(true)
    expect((await readHistory(store, { ...line, timeline: 2 }))!.bytes.equals(history)).toBe(true)
    expect(await readHistory(store, { ...line, timeline: 3 })).toBeNull()
    await uploadWalHistory(environment, { ...line, timeline: 2 }, Buffer.from('1\t0/1002000\tx\n'))
    await expect(readHistory(store, { ...line, timeline: 2 })).rejects.toMatchObject({ code: 'conflict' })
  })
})
