import { expect, test } from 'vitest'
import { expiry } from '../../../checks/checks/expiry.ts'
import { freshness } from '../../../checks/checks/freshness.ts'
import { tamper } from '../../../checks/checks/tamper.ts'
import { StateDirectory } from '../../../checks/source-state.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { receiptPrefix } from '../../../core/store/vault-keys.ts'
import { NotarizedSource } from '../../fixtures/notarized-source.ts'
import { TestSigner } from '../../fixtures/test-signer.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'
import { CheckedSource, hourMs } from './source-checks.ts'

async function notarized(): Promise<{ source: NotarizedSource; checked: CheckedSource }> {
  const source = new NotarizedSource()
  await source.advance('a')
  await source.advance('b')
  await source.notarize()
  const checked = new CheckedSource(source.store)
  checked.checks = [freshness, tamper]
  checked.notaryKeys = source.signer.keys
  return { source, checked }
}

test('where a notary works, only a snapshot that it attested makes a source look backed up', async () => {
  const { source, checked } = await notarized()
  expect((await checked.run()).red).toEqual({})
  source.store.nowMs += 27 * hourMs
  const id = await source.advance('c')
  const night = await checked.run()
  expect(night.red).toEqual({ freshness: 'failed' })
  expect(night.findings('freshness')[1]).toBe(`${id}: the notary has not attested it`)
  await source.notarize()
  expect((await checked.run()).red).toEqual({})
})

test('without the key of the notary, and before its first receipt, receipts do not count', async () => {
  const { source, checked } = await notarized()
  checked.notaryKeys = null
  expect((await checked.run()).red).toEqual({})
  checked.notaryKeys = source.signer.keys
  source.store.versions = source.store.versions.filter(({ key }) => !key.startsWith(receiptPrefix('files')))
  expect((await checked.run()).red).toEqual({})
})

test('a receipt that another key has signed attests nothing, and is a trace of tampering', async () => {
  const { checked } = await notarized()
  checked.notaryKeys = new TestSigner().keys
  const night = await checked.run()
  expect(night.red).toEqual({ freshness: 'failed', tamper: 'failed' })
  expect(night.findings('tamper')[0]).toMatch(/^receipts\/files\/.*no trusted key has signed it/)
})

test('with a state, a run reads the receipts of new snapshots and of the newest attested one', async () => {
  const { source, checked } = await notarized()
  checked.states = new StateDirectory(makeFolder(), 'vault')
  await checked.run()
  await source.advance('c')
  await source.notarize()
  const before = source.store.requests.get
  expect((await checked.run()).red).toEqual({})
  // The manifest, the footer of its pack, its receipt, and the receipt of the one before it.
  expect(source.store.requests.get - before).toBe(4)
})

test('a flagged snapshot keeps no source fresh and no lock long, until an operator accepts it', async () => {
  const { source, checked } = await notarized()
  checked.checks = [freshness, expiry]
  checked.states = new StateDirectory(makeFolder(), 'vault')
  expect((await checked.run()).red).toEqual({})
  source.store.nowMs += 35 * dayMs
  source.loseCache()
  const stranger = await source.advance('c')
  await source.notarize()
  const night = await checked.run()
  expect(night.red).toEqual({ freshness: 'failed', expiry: 'failed' })
  expect(night.findings('freshness')[1]).toBe(`${stranger}: the notary flags it: other-parent`)
  expect((await checked.run({ accepted: new Set([stranger]) })).red).toEqual({})
  source.store.nowMs += 60_000
  await source.notarize({ accept: [stranger] })
  expect((await checked.run()).red).toEqual({})
})
