import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { NotaryResult } from '../../../checks/notary/notary.ts'
import { HoldfastError } from '../../../core/errors.ts'
import { readReceipts } from '../../../core/snapshot/receipt-list.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { manifestKey, parsePackKey, parseReceiptKey, receiptKey } from '../../../core/store/vault-keys.ts'
import { flip } from '../../fixtures/faulty-store.ts'
import { NotarizedSource } from '../../fixtures/notarized-source.ts'

function outcomes({ receipts }: NotaryResult): [id: string, outcome: string, flags: string[]][] {
  return receipts.map(({ ref, receipt }) => [ref.id, receipt.outcome, receipt.flags.map(({ kind }) => kind)])
}

function findingsOf({ receipts }: NotaryResult): string[] {
  return receipts.at(-1)!.receipt.findings.map(({ kind }) => kind)
}

const packsOf = ({ store }: NotarizedSource) => store.versions.filter(({ key }) => parsePackKey(key) !== null)

describe('the notary', () => {
  test('writes a receipt for each new snapshot, once, and each can be verified', async () => {
    const source = new NotarizedSource()
    const ids = [await source.advance('a'), await source.advance('b')]
    expect(outcomes(await source.notarize())).toEqual(ids.map((id) => [id, 'attested', []]))
    expect((await source.notarize()).receipts).toEqual([])
    const third = await source.advance('c')
    expect(outcomes(await source.notarize())).toEqual([[third, 'attested', []]])
    const receipts = await readReceipts(source.store, 'files', source.signer.keys)
    expect(receipts.size).toBe(3)
    expect(receipts.rejectedCount).toBe(0)
    const { receipt } = receipts.of(await source.snapshot(third))!
    expect(receipt).toMatchObject({
      snapshot: { complete: true, files: 3 },
      guarantee: { mode: 'COMPLIANCE', days: 30 },
      findingCount: 0,
      checkedMs: source.store.nowMs,
    })
    // The first packs are the earliest to end: they were uploaded two minutes before the third snapshot.
    expect(receipt.lockedUntilMs).toBe(source.store.nowMs - 120_000 + 40 * dayMs)
  })

  test('reads and asks for what is new alone', async () => {
    const source = new NotarizedSource()
    for (let index = 0; index < 5; index++) await source.advance(`f${index}`)
    await source.notarize()
    await source.advance('g')
    source.store.requests = { put: 0, get: 0, head: 0, list: 0 }
    const { receipts } = await source.notarize()
    const { packs, packsRead } = { ...receipts[0]!.receipt, packs: receipts[0]!.receipt.snapshot!.packs }
    expect(packs).toBeGreaterThan(packsRead)
    // The manifest, and the new packs.
    expect(source.store.requests.head).toBe(1 + packsRead)
  })

  test('asks for the locks of earlier packs again, if they may end too early', async () => {
    const source = new NotarizedSource()
    await source.advance('a')
    await source.notarize()
    source.store.nowMs += 9 * dayMs
    await source.advance('b')
    // The writer reuses packs that stay locked for 30 more days; this vault now guarantees 32.
    source.store.requests.head = 0
    const result = await source.notarize({ guaranteedDays: 32 })
    expect(outcomes(result)).toMatchObject([[expect.anything(), 'refused', []]])
    expect(findingsOf(result)).toContain('short-lock')
    expect(source.store.requests.head).toBe(1 + result.receipts[0]!.receipt.snapshot!.packs)
  })

  test('refuses a snapshot whose pack is lost, says which, and asks the writer for it', async () => {
    const source = new NotarizedSource()
    await source.advance('a')
    const lost = packsOf(source)[0]!
    source.store.versions.splice(source.store.versions.indexOf(lost), 1)
    const result = await source.notarize()
    expect(outcomes(result)).toMatchObject([[expect.anything(), 'refused', []]])
    expect(result.feedbackPacks).toBe(1)
    const [body] = source.feedback.objects.values()
    expect(JSON.parse(Buffer.from(body!).toString())).toMatchObject({ source: 'files', packs: [lost.key] })
  })

  test.each([
    ['not locked', { lock: null }, 'unlocked'],
    ['locked too shortly', { lock: { mode: 'COMPLIANCE', days: 29 } }, 'short-lock'],
    ['locked in GOVERNANCE', { lock: { mode: 'GOVERNANCE', days: 40 } }, 'other-lock'],
    ['in an archive', { archive: 'GLACIER' }, 'archived'],
  ] as const)('refuses a snapshot of which a pack is %s', async (_, change, kind) => {
    const source = new NotarizedSource()
    await source.advance('a')
    Object.assign(packsOf(source)[0]!, change)
    const result = await source.notarize()
    expect(result.receipts[0]!.receipt.outcome).toBe('refused')
    expect(findingsOf(result)).toContain(kind)
    expect(result.feedbackPacks).toBe(1)
  })

  test('refuses a snapshot whose manifest is not locked, although its writer claims no lock', async () => {
    const source = new NotarizedSource()
    source.store.retention = null
    source.store.nowMs += 60_000
    await source.backup({ allowUnlocked: true })
    source.store.retention = { mode: 'COMPLIANCE', days: 40 }
    expect(findingsOf(await source.notarize())).toContain('unlocked')
  })

  test('refuses a pack with other bytes, by reading it', async () => {
    const source = new NotarizedSource()
    await source.advance('a')
    const pack = packsOf(source)[0]!
    pack.body = flip(pack.body, 20)
    const result = await source.notarize()
    expect(result.receipts[0]!.receipt.outcome).toBe('refused')
  })

  test('refuses garbage below the manifests once, and attests the snapshots around it', async () => {
    const source = new NotarizedSource()
    const first = await source.advance('a')
    source.store.nowMs += 60_000
    const garbage = first.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
    source.store.add(manifestKey('files', garbage), Buffer.from('x'))
    const second = await source.advance('b')
    expect(outcomes(await source.notarize())).toEqual([
      [first, 'attested', []],
      [garbage, 'refused', []],
      [second, 'attested', []],
    ])
    expect((await source.notarize()).receipts).toEqual([])
  })

  test('flags a snapshot that is less than half of the last good one, until an operator accepts it', async () => {
    const source = new NotarizedSource()
    for (let index = 0; index < 5; index++) await source.advance(`f${index}`)
    await source.notarize()
    for (let index = 0; index < 3; index++) rmSync(join(source.directory, `f${index}`))
    const collapsed = await source.advance('f4', 'other')
    const next = await source.advance('f4', 'more')
    // The second bogus snapshot is compared with the last good one too, and not with the first bogus one.
    expect(outcomes(await source.notarize())).toEqual([
      [collapsed, 'attested', ['collapsed']],
      [next, 'attested', ['collapsed']],
    ])
    const accepted = await source.notarize({ accept: [next] })
    expect(outcomes(accepted)).toEqual([[next, 'attested', []]])
    expect(accepted.receipts[0]!.receipt.acceptedFlags).toMatchObject([{ kind: 'collapsed' }])
    expect(outcomes(await source.notarize())).toEqual([])
    const after = await source.advance('f4', 'even more')
    expect(outcomes(await source.notarize())).toEqual([[after, 'attested', []]])
  })

  test('refuses to accept a snapshot that is not there', async () => {
    const source = new NotarizedSource()
    await source.advance('a')
    await expect(source.notarize({ accept: ['01KN35E000B6GR48QH7ECGPZ10'] })).rejects.toMatchObject({
      code: 'not-found',
    })
  })

  test('flags a snapshot that begins a chain of its own', async () => {
    const source = new NotarizedSource()
    await source.advance('a')
    await source.notarize()
    source.loseCache()
    const stranger = await source.advance('b')
    expect(outcomes(await source.notarize())).toEqual([[stranger, 'attested', ['other-parent']]])
  })

  test('flags every snapshot that continues a flagged one, until an operator accepts one', async () => {
    const source = new NotarizedSource()
    await source.advance('a')
    await source.notarize()
    source.loseCache()
    const first = await source.advance('b')
    expect(outcomes(await source.notarize())).toEqual([[first, 'attested', ['other-parent']]])
    const second = await source.advance('c')
    const third = await source.advance('d')
    expect(outcomes(await source.notarize())).toEqual([
      [second, 'attested', ['other-parent']],
      [third, 'attested', ['other-parent']],
    ])
    // The newest receipt counts.
    source.store.nowMs += 60_000
    expect(outcomes(await source.notarize({ accept: [third] }))).toEqual([[third, 'attested', []]])
    const next = await source.advance('e')
    expect(outcomes(await source.notarize())).toEqual([[next, 'attested', []]])
  })

  test('flags no snapshot of the source because a flagged one lies before it', async () => {
    const source = new NotarizedSource()
    await source.advance('a')
    await source.notarize()
    const kept = `${source.cacheDirectory}-kept`
    renameSync(source.cacheDirectory, kept)
    const stranger = await source.advance('b')
    source.loseCache()
    renameSync(kept, source.cacheDirectory)
    const next = await source.advance('c')
    expect(outcomes(await source.notarize())).toEqual([
      [stranger, 'attested', ['other-parent']],
      [next, 'attested', []],
    ])
  })

  test('flags no snapshot that continues a refused one, which continues the last attested one', async () => {
    const source = new NotarizedSource()
    await source.advance('a')
    await source.notarize()
    const refused = await source.advance('b', 'another')
    const lost = packsOf(source).at(-1)!
    source.store.versions.splice(source.store.versions.indexOf(lost), 1)
    expect(outcomes(await source.notarize())).toEqual([[refused, 'refused', []]])
    source.store.nowMs += 60_000
    const { snapshot } = await source.backup({ feedback: [lost.key] })
    expect(outcomes(await source.notarize())).toEqual([[snapshot!.id, 'attested', []]])
  })

  test('flags a snapshot that continues a refused one, if that one begins a chain of its own', async () => {
    const source = new NotarizedSource()
    await source.advance('a')
    await source.notarize()
    source.loseCache()
    const stranger = await source.advance('b', 'another')
    packsOf(source).at(-1)!.lock = null
    expect(outcomes(await source.notarize())).toEqual([[stranger, 'refused', ['other-parent']]])
    source.store.nowMs += 60_000
    const { snapshot } = await source.backup({ feedback: packsOf(source).map(({ key }) => key) })
    expect(outcomes(await source.notarize())).toEqual([[snapshot!.id, 'attested', ['other-parent']]])
  })

  test('believes no receipt of another key, and examines the snapshot itself', async () => {
    const source = new NotarizedSource()
    const id = await source.advance('a')
    const stranger = new NotarizedSource()
    await source.notarize({ signer: stranger.signer, keys: stranger.signer.keys })
    source.store.nowMs += 60_000
    const result = await source.notarize()
    expect(outcomes(result)).toEqual([[id, 'attested', []]])
    expect(result.receiptsRejected).toBe(1)
  })

  test('goes on after a killed run with the snapshots that have no receipt yet', async () => {
    const source = new NotarizedSource()
    const ids = [await source.advance('a'), await source.advance('b'), await source.advance('c')]
    let written = 0
    source.store.beforePut = () => {
      if (++written > 1) throw new Error('killed')
    }
    await expect(source.notarize()).rejects.toThrow('killed')
    source.store.beforePut = () => {}
    expect(outcomes(await source.notarize())).toEqual(ids.slice(1).map((id) => [id, 'attested', []]))
  })

  test('repeats an upload without a reply under a new name with a new signature', async () => {
    const source = new NotarizedSource()
    const id = await source.advance('a')
    let failures = 0
    source.store.afterPut = () => {
      if (failures++ === 0) throw new HoldfastError('unreachable', 'no reply', { retryable: true })
    }
    await source.notarize()
    const keys = source.store.versions.filter(({ key }) => parseReceiptKey(key) !== null)
    expect(keys).toHaveLength(2)
    expect(new Set(keys.map(({ key }) => key)).size).toBe(2)
    const receipts = await readReceipts(source.store, 'files', source.signer.keys)
    expect(receipts.rejectedCount).toBe(0)
    expect(receipts.of(await source.snapshot(id))?.receipt.outcome).toBe('attested')
  })

  test('examines the newest snapshots first if there are too many for a run, and counts the others', async () => {
    const source = new NotarizedSource()
    const ids = [await source.advance('a'), await source.advance('b'), await source.advance('c')]
    const result = await source.notarize({ maxExamined: 2 })
    expect(result.notExamined).toBe(1)
    expect(outcomes(result)).toEqual(ids.slice(1).map((id) => [id, 'attested', []]))
  })

  test('examines the newest snapshot again while its receipt refuses it, and every one that is named again', async () => {
    const source = new NotarizedSource()
    const id = await source.advance('a')
    const pack = packsOf(source)[0]!
    const { lock } = pack
    pack.lock = { mode: 'COMPLIANCE', days: 29 }
    expect(outcomes(await source.notarize())).toEqual([[id, 'refused', []]])
    // As after an extension by the custodian.
    pack.lock = lock
    source.store.nowMs += 60_000
    expect(outcomes(await source.notarize())).toEqual([[id, 'attested', []]])
    expect((await source.notarize()).receipts).toEqual([])
    source.store.nowMs += 60_000
    expect(outcomes(await source.notarize({ again: true }))).toEqual([[id, 'attested', []]])
  })

  test('does nothing for a manifest that was written over another', async () => {
    const source = new NotarizedSource()
    const id = await source.advance('a')
    source.store.add(manifestKey('files', id), Buffer.from('overlay'))
    expect(outcomes(await source.notarize())).toEqual([[id, 'attested', []]])
    const receipts = await readReceipts(source.store, 'files', source.signer.keys)
    expect([...receipts].map(({ receipt }) => receipt.manifest.versionId)).toEqual([
      source.store.versions.find(({ key }) => key === manifestKey('files', id))!.versionId,
    ])
  })

  test('is not misled by an object that only lies where a receipt would', async () => {
    const source = new NotarizedSource()
    const id = await source.advance('a')
    source.store.add(receiptKey('files', id, id), Buffer.from('garbage'))
    const result = await source.notarize()
    expect(outcomes(result)).toEqual([[id, 'attested', []]])
    expect(result.receiptsRejected).toBe(1)
  })
})
