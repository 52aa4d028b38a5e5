import { describe, expect, test } from 'vitest'
import { ReceiptList, readReceipts } from '../../../core/snapshot/receipt-list.ts'
import { receiptKey } from '../../../core/store/vault-keys.ts'
import { encodeReceipt } from '../../../core/snapshot/receipt.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import { HandmadeVault, sha256Of } from '../../fixtures/handmade-vault.ts'
import { handmadeReceipt, putReceipt } from '../../fixtures/handmade-receipt.ts'
import { TestSigner } from '../../fixtures/test-signer.ts'

const root = sha256Of(Buffer.from('root'))
const signer = new TestSigner()

async function commit(vault: HandmadeVault): Promise<Snapshot> {
  vault.store.nowMs += 10_000
  return vault.commitManifest(vault.manifest(root, []))
}

describe('the receipts of a source', () => {
  test('are read by snapshot, the newest one of each', async () => {
    const vault = new HandmadeVault()
    const { store } = vault
    const [first, second, third] = [await commit(vault), await commit(vault), await commit(vault)]
    await putReceipt(store, signer, first, { outcome: 'refused' })
    store.nowMs += 10_000
    const newest = await putReceipt(store, signer, first)
    const onlyOne = await putReceipt(store, signer, second)
    const receipts = await readReceipts(store, 'files', signer.keys)
    expect(receipts.of(first)?.receipt).toEqual(newest)
    expect(receipts.of(second)).toMatchObject({ receipt: onlyOne, keyId: signer.keyId })
    expect(receipts.of(third)).toBeNull()
    expect(receipts.size).toBe(2)
    expect(receipts.rejectedCount).toBe(0)
  })

  test('of another source are not read, and a source without any has an empty list', async () => {
    const vault = new HandmadeVault()
    await putReceipt(vault.store, signer, await commit(vault))
    expect((await ReceiptList.read(vault.store, 'files')).isEmpty).toBe(false)
    expect((await ReceiptList.read(vault.store, 'file')).isEmpty).toBe(true)
    expect((await readReceipts(vault.store, 'file', signer.keys)).size).toBe(0)
  })

  test('count for exactly the version of the manifest that was examined', async () => {
    const vault = new HandmadeVault()
    const snapshot = await commit(vault)
    await putReceipt(vault.store, signer, snapshot)
    const receipts = await readReceipts(vault.store, 'files', signer.keys)
    expect(receipts.of(snapshot)).not.toBeNull()
    expect(receipts.of({ ...snapshot, versionId: 'v999' })).toBeNull()
  })

  test('are not hidden by a delete marker, and not replaced by a version on top', async () => {
    const vault = new HandmadeVault()
    const { store } = vault
    const snapshot = await commit(vault)
    const receipt = await putReceipt(store, signer, snapshot)
    const key = receiptKey('files', snapshot.id, receipt.id)
    store.add(key, Buffer.alloc(0), { isDeleteMarker: true })
    store.nowMs += 10_000
    const overlay = { ...receipt, outcome: 'refused' as const }
    store.add(key, await encodeReceipt(overlay, signer))
    const receipts = await readReceipts(store, 'files', signer.keys)
    expect(receipts.of(snapshot)?.receipt).toEqual(receipt)
    expect(receipts.rejectedCount).toBe(0)
  })

  test('uploaded in parts do not count, because their time can be false', async () => {
    const vault = new HandmadeVault()
    const snapshot = await commit(vault)
    const receipt = handmadeReceipt(snapshot, vault.store.nowMs)
    const body = await encodeReceipt(receipt, signer)
    vault.store.add(receiptKey('files', snapshot.id, receipt.id), body, { isMultipart: true })
    expect((await readReceipts(vault.store, 'files', signer.keys)).of(snapshot)).toBeNull()
  })

  test('that can not be trusted are reported, and hide no valid older one', async () => {
    const vault = new HandmadeVault()
    const { store } = vault
    const snapshot = await commit(vault)
    const valid = await putReceipt(store, signer, snapshot)
    store.nowMs += 10_000
    await putReceipt(store, new TestSigner(), snapshot, { outcome: 'refused' })
    store.add(receiptKey('files', snapshot.id, snapshot.id), Buffer.from('garbage'))
    store.add(receiptKey('files', snapshot.id, valid.manifest.id.replace(/.$/, '0')), Buffer.alloc(0))
    const receipts = await readReceipts(store, 'files', signer.keys)
    expect(receipts.of(snapshot)?.receipt).toEqual(valid)
    expect(receipts.rejectedCount).toBe(3)
    expect(receipts.rejected.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining([expect.stringContaining('no trusted key has signed it')]),
    )
  })

  test('are read for some snapshots only, with one request for each', async () => {
    const vault = new HandmadeVault()
    const { store } = vault
    const [first, second] = [await commit(vault), await commit(vault)]
    await putReceipt(store, signer, first)
    await putReceipt(store, signer, second)
    store.requests.get = 0
    const receipts = await readReceipts(store, 'files', signer.keys, [second.id])
    expect(receipts.of(second)).not.toBeNull()
    expect(receipts.of(first)).toBeNull()
    expect(store.requests.get).toBe(1)
  })
})
