import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxReceiptBytes, maxReceiptFindings, maxReceiptFlags } from '../../../core/limits.ts'
import { decodeReceipt, encodeReceipt, isGood, receiptType } from '../../../core/snapshot/receipt.ts'
import type { Receipt } from '../../../core/snapshot/receipt.ts'
import { signEnvelope } from '../../../core/signature.ts'
import { HandmadeVault, sha256Of } from '../../fixtures/handmade-vault.ts'
import { handmadeReceipt } from '../../fixtures/handmade-receipt.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { refusalOf } from '../../fixtures/refusal.ts'
import { TestSigner } from '../../fixtures/test-signer.ts'

const vault = new HandmadeVault()
const signer = new TestSigner()
const snapshot = await vault.commitManifest(vault.manifest(sha256Of(Buffer.from('root')), []))
const receipt = handmadeReceipt(snapshot, vault.store.nowMs, {
  flags: [{ kind: 'other-host', detail: 'the host is b, and was a' }],
  findings: [{ kind: 'lost', key: 'sources/files/packs/x', detail: 'it is missing' }],
  findingCount: 1,
  generations: [{ name: '20260401T000000Z-compliance-40d', lockedUntilMs: 1 }],
})
const name = { source: 'files', manifestId: snapshot.id, id: receipt.id }

/** A receipt with other fields, which its writer would refuse, signed all the same. */
async function signed(fields: Record<string, unknown>): Promise<Buffer> {
  return signEnvelope(signer, receiptType, Buffer.from(JSON.stringify({ ...receipt, ...fields })))
}

describe('a receipt', () => {
  test('is the same when it is read again, and names the key that signed it', async () => {
    const bytes = await encodeReceipt(receipt, signer)
    expect(decodeReceipt(bytes, name, signer.keys)).toEqual({ receipt, keyId: signer.keyId })
    expect(decodeReceipt(bytes, name, null)).toEqual({ receipt, keyId: null })
  })

  test('is refused if another key signed it', async () => {
    const bytes = await encodeReceipt(receipt, new TestSigner())
    expect(refusalOf(() => decodeReceipt(bytes, name, signer.keys))?.message).toContain('no trusted key')
  })

  test('is refused under any other key, so that a copy replaces no newer receipt', async () => {
    const bytes = await encodeReceipt(receipt, signer)
    const others = [
      { ...name, source: 'other' },
      { ...name, manifestId: receipt.id },
      { ...name, id: snapshot.id },
    ]
    for (const otherName of others)
      expect(refusalOf(() => decodeReceipt(bytes, otherName, signer.keys))?.message).toContain('claims to be')
  })

  test('of a later version is refused by its version', async () => {
    const bytes = await signed({ formatVersion: 2, somethingNew: true })
    expect(refusalOf(() => decodeReceipt(bytes, name, signer.keys))?.code).toBe('unsupported-format')
  })

  test.each([
    ['kind', 'report'],
    ['outcome', 'fine'],
    ['flags', Array(maxReceiptFlags + 1).fill(receipt.flags[0])],
    ['findings', Array(maxReceiptFindings + 1).fill(receipt.findings[0])],
    ['findingCount', -1],
    ['source', '../x'],
    ['guarantee', { mode: 'COMPLIANCE', days: 1e9 }],
    ['checkedMs', 'now'],
    ['extra', 1],
  ])('with another %s is refused, although it is signed', async (field, value) => {
    const bytes = await signed({ [field]: value })
    expect(refusalOf(() => decodeReceipt(bytes, name, signer.keys))?.code).toBe('damaged')
  })

  test('is refused if it is too large, before it is parsed', () => {
    const refusal = refusalOf(() => decodeReceipt(Buffer.alloc(maxReceiptBytes + 1), name, signer.keys))
    expect(refusal?.message).toContain(`${maxReceiptBytes + 1} bytes`)
  })

  test('with as much as it may hold fits into its limit', async () => {
    const text = '\u0001'.repeat(300)
    const full: Receipt = {
      ...receipt,
      flags: Array(maxReceiptFlags).fill({ kind: 'collapsed', detail: text }) as Receipt['flags'],
      acceptedFlags: Array(maxReceiptFlags).fill({ kind: 'collapsed', detail: text }) as Receipt['flags'],
      findings: Array(maxReceiptFindings).fill({
        kind: text,
        key: text,
        detail: text,
      }) as Receipt['findings'],
    }
    const bytes = await encodeReceipt(full, signer)
    expect(bytes.length).toBeLessThanOrEqual(maxReceiptBytes)
    expect(decodeReceipt(bytes, name, signer.keys).receipt).toEqual(full)
  })

  test('with any flipped bit is refused', async () => {
    const bytes = await encodeReceipt(receipt, signer)
    fc.assert(
      fc.property(fc.nat(bytes.length - 2), fc.nat(7), (offset, bit) => {
        const flipped = Buffer.from(bytes)
        flipped[offset]! ^= 1 << bit
        let result: unknown
        const refusal = refusalOf(() => (result = decodeReceipt(flipped, name, signer.keys).receipt))
        // A flip in the unused bits of base64 changes nothing that is signed.
        if (refusal === null) expect(result).toEqual(receipt)
      }),
      { numRuns: propertyRuns },
    )
  })
})

describe('a good snapshot', () => {
  test('is attested, complete and not collapsed', () => {
    const good = handmadeReceipt(snapshot, 0)
    expect(isGood(good)).toBe(true)
    expect(isGood({ ...good, flags: [{ kind: 'other-host', detail: '' }] })).toBe(true)
    expect(isGood({ ...good, outcome: 'refused' })).toBe(false)
    expect(isGood({ ...good, snapshot: null })).toBe(false)
    expect(isGood({ ...good, snapshot: { ...good.snapshot!, complete: false } })).toBe(false)
    expect(isGood({ ...good, flags: [{ kind: 'collapsed', detail: '' }] })).toBe(false)
    expect(isGood({ ...good, acceptedFlags: [{ kind: 'collapsed', detail: '' }] })).toBe(true)
  })
})
