import { beforeEach, describe, expect, test } from 'vitest'
import type { WalNotaryResult } from '../../../../checks/notary/wal/wal-notary.ts'
import { dayMs } from '../../../../core/snapshot/retention.ts'
import { lsnHex } from '../../../../core/wal/lsn.ts'
import { parseWalReceiptKey, walReceiptKey } from '../../../../core/wal/wal-keys.ts'
import { readNewestWalReceipt } from '../../../../core/wal/wal-receipt.ts'
import { flip } from '../../../fixtures/faulty-store.ts'
import { NotarizedWal, partBytes } from '../../../fixtures/notarized-wal.ts'
import { TestSigner } from '../../../fixtures/test-signer.ts'

const begin = 0x200_0000n

function runsOf({ receipt }: WalNotaryResult): string[] {
  return receipt.lines.flatMap(({ runs }) =>
    runs.map(([start, end]) => {
      const part = (lsn: string) => String((BigInt(`0x${lsn}`) - begin) / partBytes)
      return `${part(start)}-${part(end)}`
    }),
  )
}

function flagsOf({ receipt }: WalNotaryResult): string[] {
  return receipt.flags.map(({ kind }) => kind)
}

const isReceipt = ({ key }: { key: string }) => parseWalReceiptKey(key) !== null

let wal: NotarizedWal
beforeEach(async () => {
  wal = new NotarizedWal()
  await wal.archive(4)
})

describe('the notary on WAL', () => {
  test('attests a range, once, and its receipt can be verified', async () => {
    const first = await wal.notarize()
    expect(runsOf(first)).toEqual(['0-4'])
    expect(first.receipt).toMatchObject({
      flagCount: 0,
      partsRead: 4,
      guarantee: { mode: 'COMPLIANCE', days: 30 },
    })
    await wal.archive(2)
    const second = await wal.notarize()
    expect(runsOf(second)).toEqual(['0-6'])
    expect(second.receipt.partsRead).toBe(2)
    expect(await wal.notarize()).toMatchObject({ isNew: false })
    expect(wal.store.versions.filter(isReceipt)).toHaveLength(2)
    const { receipt } = await readNewestWalReceipt(wal.store, wal.source, wal.signer.keys)
    expect(receipt).toEqual(second.receipt)
  })

  test('asks and reads for new parts alone', async () => {
    await wal.archive(3000)
    await wal.notarize()
    await wal.archive(10)
    wal.store.requests = { put: 0, get: 0, head: 0, list: 0 }
    await wal.notarize()
    // The receipt and ten parts; the receipt.
    expect(wal.store.requests).toMatchObject({ get: 11, head: 10, put: 1 })
  })

  test.each([
    ['not locked', { lock: null }, 'unlocked'],
    ['locked too shortly', { lock: { mode: 'COMPLIANCE', days: 29 } }, 'short-lock'],
    ['locked in GOVERNANCE', { lock: { mode: 'GOVERNANCE', days: 40 } }, 'other-lock'],
    ['in an archive', { archive: 'GLACIER' }, 'archived'],
    ['uploaded in parts', { isMultipart: true }, 'in-parts'],
  ] as const)('flags a part that is %s, in later runs too, until it is mended', async (_, change, kind) => {
    const part = await wal.archive()
    const before = { ...part }
    Object.assign(part, change)
    await wal.archive()
    const flagged = await wal.notarize()
    expect(runsOf(flagged)).toEqual(['0-4', '5-6'])
    expect(flagged.receipt.flags).toEqual([
      expect.objectContaining({ kind, key: part.key, versionId: part.versionId }),
    ])
    wal.store.nowMs += 8 * dayMs
    expect(flagsOf(await wal.notarize())).toEqual([kind])
    wal.store.versions[wal.store.versions.indexOf(part)] = before
    const good = await wal.notarize()
    expect([runsOf(good), flagsOf(good)]).toEqual([['0-6'], []])
  })

  test('flags a part with other bytes, by reading it', async () => {
    const part = await wal.archive()
    part.body = flip(part.body, part.body.length - 20)
    const flagged = await wal.notarize()
    expect([runsOf(flagged), flagsOf(flagged)]).toEqual([['0-4'], ['damaged']])
  })

  test('flags one byte under a key of the WAL, and a gap ends a range', async () => {
    wal.end += partBytes
    const part = await wal.archive()
    part.body = Buffer.from('x')
    await wal.archive()
    const flagged = await wal.notarize()
    expect([runsOf(flagged), flagsOf(flagged)]).toEqual([['0-4', '6-7'], ['damaged']])
  })

  test('a part that arrives late closes a gap', async () => {
    const gap = wal.end
    wal.end += partBytes
    await wal.archive(2)
    expect(runsOf(await wal.notarize())).toEqual(['0-4', '5-7'])
    await wal.archive(1, { start: gap, end: gap + partBytes })
    expect(runsOf(await wal.notarize())).toEqual(['0-7'])
  })

  test('flags a second version of a key, and attests the first', async () => {
    const { key, body } = wal.store.versions.at(-1)!
    await wal.notarize()
    wal.store.nowMs += 60_000
    const second = wal.store.add(key, flip(body, 200))
    const flagged = await wal.notarize()
    expect(runsOf(flagged)).toEqual(['0-4'])
    expect(flagged.receipt.flags).toMatchObject([{ versionId: second.versionId }])
  })

  test.each([
    ['the same range', 1n, begin],
    ['a longer range, which a restore would prefer', 3n, begin + partBytes],
  ])('flags both of two parts that have other bytes in %s', async (_, parts, start) => {
    await wal.notarize()
    await wal.archive(1, { start, end: start + parts * partBytes, seed: 12345 })
    const flagged = await wal.notarize()
    expect(new Set(flagsOf(flagged))).toEqual(new Set(['other-bytes']))
    expect(runsOf(flagged)).not.toContain('0-4')
    expect(flagsOf(await wal.notarize())).toEqual(flagsOf(flagged))
  })

  test('a segment with the bytes of the parts of a stream is no conflict', async () => {
    const content = Buffer.alloc(Number(partBytes) * 2, 'wal')
    const start = wal.end
    await wal.archive(1, { content: content.subarray(0, Number(partBytes)) })
    await wal.archive(1, { content: content.subarray(Number(partBytes)) })
    await wal.notarize()
    await wal.archive(1, { start, content, end: start + 2n * partBytes })
    const result = await wal.notarize()
    expect([runsOf(result), flagsOf(result)]).toEqual([['0-6'], []])
  })

  test('names two clusters that write under one source, and not the one that an upgrade left', async () => {
    await wal.archive(1, { systemId: '7578012345678900001' })
    await wal.archive(1, { systemId: '7578012345678900001' })
    expect(flagsOf(await wal.notarize())).toEqual([])
    await wal.archive(1)
    await wal.archive(1, { systemId: '7578012345678900001' })
    await wal.archive(1)
    const flagged = await wal.notarize()
    expect(flagged.receipt.flags).toMatchObject([
      { kind: 'other-cluster', detail: expect.stringMatching('7578012345678900001') as string },
    ])
  })

  test('notices within a week that an attested part is gone, and not that the custodian pruned the oldest', async () => {
    await wal.notarize()
    const gone = wal.store.versions.splice(1, 1)[0]!
    wal.store.versions.splice(0, 1)
    wal.store.nowMs += 8 * dayMs
    const flagged = await wal.notarize()
    expect([runsOf(flagged), flagsOf(flagged)]).toEqual([['2-4'], []])
    wal.store.versions.splice(0, 0, gone)
    wal.store.nowMs += 8 * dayMs
    await wal.notarize()
    wal.store.versions.splice(1, 1)
    wal.store.nowMs += 8 * dayMs
    const lost = await wal.notarize()
    expect(lost.receipt.flags).toMatchObject([
      { kind: 'lost', range: [lsnHex(begin + 2n * partBytes), lsnHex(begin + 3n * partBytes)] },
    ])
    expect(flagsOf(await wal.notarize())).toEqual(['lost'])
  })

  test('notices a timeline that is hidden before its locks end', async () => {
    await wal.notarize()
    wal.store.versions = wal.store.versions.filter(isReceipt)
    expect(flagsOf(await wal.notarize())).toEqual(['lost'])
    wal.store.nowMs += 41 * dayMs
    expect(flagsOf(await wal.notarize())).toEqual([])
  })

  test('goes on where the limit of one run ended it', async () => {
    await wal.archive(600)
    const first = await wal.notarize({ maxPartsRead: 200 })
    expect(runsOf(first)).toEqual(['0-256'])
    expect(first.receipt.completeMs).toBe(0)
    await wal.notarize({ maxPartsRead: 200 })
    const last = await wal.notarize({ maxPartsRead: 200 })
    expect(runsOf(last)).toEqual(['0-604'])
    expect(last.receipt.completeMs).toBeGreaterThan(0)
  })

  test('believes no receipt of another key, and none under another name', async () => {
    await wal.notarize()
    const thief = new NotarizedWal(wal.store)
    const forged = await thief.notarize({ signer: new TestSigner(), keys: new TestSigner().keys })
    expect(forged.isNew).toBe(true)
    const mine = await wal.notarize()
    expect(mine).toMatchObject({ receiptsRejected: 1, isNew: false })
    const [first] = wal.store.versions.filter(isReceipt)
    const id = '7ZZZZZZZZZZZZZZZZZZZZZZZZZ'
    wal.store.add(walReceiptKey({ source: wal.source, id }), first!.body)
    expect((await wal.notarize()).receiptsRejected).toBe(2)
  })

  test('a source without WAL gets no receipt', async () => {
    const files = new NotarizedWal()
    await expect(files.notarize()).rejects.toThrow('the source has no WAL')
    expect(files.store.versions).toEqual([])
  })
})
