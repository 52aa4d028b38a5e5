// The custodian's ports and its command, with the very roles that the program makes, in the rendered vault.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256Hex } from '../../core/digest.ts'
import { encodeReceipt } from '../../core/snapshot/receipt.ts'
import { listSnapshots, loadSnapshot } from '../../core/snapshot/snapshot.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import type { ObjectRef } from '../../core/store/object-store.ts'
import { packKey, receiptKey } from '../../core/store/vault-keys.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { startVaultCloud } from '../checks/custodian/vault-cloud.ts'
import type { OpenPorts, VaultCloud } from '../checks/custodian/vault-cloud.ts'
import { handmadeReceipt } from '../fixtures/handmade-receipt.ts'
import { TestSigner } from '../fixtures/test-signer.ts'
import { makeFolder, runCommand } from '../restore-cli/command-line.ts'
import type { Outcome } from '../restore-cli/command-line.ts'

const lockDays = exampleConfig.promiseDays + exampleConfig.generationDays
let vault: VaultCloud
let custodian: OpenPorts

beforeAll(async () => {
  vault = await startVaultCloud()
  custodian = vault.openAs('holdfast-custodian')
})

afterAll(async () => {
  expect(vault.cloud.sandbox.defects).toEqual([])
  await vault.stop()
})

async function upload(name: string): Promise<ObjectRef> {
  const key = `sources/rental-db/manifests/${name}`
  const { store } = vault.openAs('holdfast-writer-rental-db')
  // A read first, because a PUT has no second attempt after a turned clock.
  await store.lockDefault()
  const { versionId } = await store.putIfAbsent(key, Buffer.from(name), sha256Hex(Buffer.from(name)))
  return { key, versionId }
}

const inDays = (days: number): number => Math.floor(vault.cloud.clock.nowMs() / 1000) * 1000 + days * dayMs

test('the custodian moves the end of a lock later, and never earlier nor beyond the cap', async () => {
  const ref = await upload('extended')
  const { extender } = custodian
  const untilMs = inDays(lockDays + 5)
  await extender.extendLock(ref, { mode: 'COMPLIANCE', untilMs })
  await extender.extendLock(ref, { mode: 'COMPLIANCE', untilMs })
  expect((await custodian.store.headVersion(ref)).lock).toEqual({ mode: 'COMPLIANCE', untilMs })
  for (const days of [lockDays, exampleConfig.retentionCapDays + 2])
    await expect(
      extender.extendLock(ref, { mode: 'COMPLIANCE', untilMs: inDays(days) }),
    ).rejects.toMatchObject({ code: 'denied' })
  expect((await custodian.store.headVersion(ref)).lock).toEqual({ mode: 'COMPLIANCE', untilMs })
})

test('no other role extends a lock or deletes a version whose lock has ended', async () => {
  const ref = await upload('others')
  vault.cloud.clock.turn((lockDays + 1) * dayMs)
  for (const role of [
    'holdfast-notary',
    'holdfast-restorer',
    'holdfast-drill',
    'holdfast-writer-rental-db',
  ]) {
    const { extender, pruner } = vault.openAs(role)
    const untilMs = inDays(lockDays)
    await expect(extender.extendLock(ref, { mode: 'COMPLIANCE', untilMs })).rejects.toMatchObject({
      code: 'denied',
    })
    await expect(pruner.deleteVersion(ref)).rejects.toMatchObject({ code: 'denied' })
  }
})

test('the custodian deletes a version once its lock has ended, by its id, and leaves no delete marker', async () => {
  const ref = await upload('expired')
  const { pruner } = custodian
  await expect(pruner.deleteVersion(ref)).rejects.toMatchObject({ code: 'denied' })
  vault.cloud.clock.turn((lockDays + 1) * dayMs)
  await pruner.deleteVersion(ref)
  await pruner.deleteVersion(ref)
  for await (const version of custodian.store.listVersions(ref.key)) expect.unreachable(version.versionId)
  await expect(pruner.deleteVersion({ ...ref, versionId: '' })).rejects.toMatchObject({ code: 'internal' })
})

interface SourceRecord {
  source: string
  lastGood: { id: string } | null
  extensions: { versions: number }
  prunes: { versions: number }
}

const home = makeFolder()
const source = join(home, 'uploads')

function holdfast(role: string, ...args: string[]): Promise<Outcome> {
  return runCommand([...args, '--bucket', exampleConfig.vaultBucket, '--no-assume-role', '--json'], {
    env: { HOME: home, ...vault.environmentOf(role) },
  })
}

const backUp = (): Promise<Outcome> =>
  holdfast('holdfast-writer-uploads', 'backup', source, '--source', 'uploads')

async function keep(
  ...args: string[]
): Promise<{ status: number | null; records: SourceRecord[]; run: object }> {
  const { status, stderr, records } = await holdfast('holdfast-custodian', 'custodian', ...args)
  const everyRecord = records() as unknown as (SourceRecord & { type: string })[]
  expect(everyRecord.at(-1), stderr).toMatchObject({ type: 'custodian' })
  return { status, records: everyRecord.slice(0, -1), run: everyRecord.at(-1)! }
}

test('`custodian` keeps the last snapshot of a silent source restorable, and prunes what came before it', async () => {
  mkdirSync(source)
  writeFileSync(join(source, 'first'), 'of the first day')
  expect(await backUp()).toMatchObject({ status: 0 })
  writeFileSync(join(source, 'second'), 'of the second day')
  expect(await backUp()).toMatchObject({ status: 0 })
  const options = ['--source', 'uploads', '--promise-days', String(exampleConfig.promiseDays)]
  const planned = await keep(...options)
  expect(planned).toMatchObject({
    status: 0,
    records: [{ source: 'uploads', liveSnapshots: 2, extensions: { versions: 0 }, prunes: { versions: 0 } }],
    run: { ok: true, applied: false, done: null },
  })
  const { id } = planned.records[0]!.lastGood!
  for (let days = 0; days < 120; days += 20) {
    vault.cloud.clock.turn(20 * dayMs)
    const { status, records, run } = await keep(...options, '--apply')
    expect(status).toBe(0)
    expect(records).toMatchObject([{ lastGood: { id }, problems: [] }])
    expect(run).toMatchObject({ ok: true, applied: true })
  }
  const snapshots = await holdfast('holdfast-restorer', 'snapshots', '--source', 'uploads')
  expect(snapshots.records()).toMatchObject([{ id }])
  const target = join(home, 'target')
  const restored = await holdfast('holdfast-restorer', 'restore', '--source', 'uploads', '--target', target)
  expect(restored).toMatchObject({ status: 0 })
  const verified = await holdfast('holdfast-drill', 'verify', '--source', 'uploads', '--min-lock-days', '10')
  expect(verified.records().at(-1)).toMatchObject({ type: 'verify', missed: [] })
})

test('`custodian` trusts the receipts of the notary alone, not a newer snapshot of a stolen writer', async () => {
  const notary = vault.openAs('holdfast-notary')
  const [ref] = await listSnapshots(notary.store, 'uploads')
  const snapshot = await loadSnapshot(notary.store, ref!)
  const signer = new TestSigner()
  const receipt = handmadeReceipt(snapshot, vault.cloud.clock.nowMs())
  const body = await encodeReceipt(receipt, signer)
  await notary.store.putIfAbsent(receiptKey('uploads', snapshot.id, receipt.id), body, sha256Hex(body))
  const keyFile = join(home, 'notary.pem')
  writeFileSync(keyFile, signer.pem)
  writeFileSync(join(source, 'third'), 'bogus')
  expect(await backUp()).toMatchObject({ status: 0 })
  const options = ['--source', 'uploads', '--promise-days', '30']
  const trusting = await keep(...options)
  expect(trusting.records).toMatchObject([{ lastGood: { confirmation: 'unattested' } }])
  const attested = await keep(...options, '--notary-key', keyFile)
  expect(attested.records).toMatchObject([{ lastGood: { id: snapshot.id, confirmation: 'good' } }])
})

test('`custodian` without --apply changes nothing, and names what it would do', async () => {
  vault.cloud.clock.turn(400 * dayMs)
  const words = await runCommand(
    ['custodian', '--bucket', exampleConfig.vaultBucket, '--no-assume-role', '--promise-days', '30'],
    { env: { HOME: home, ...vault.environmentOf('holdfast-custodian') } },
  )
  expect(words.stdout).toMatch(/^uploads$/m)
  expect(words.stdout).toMatch(/extends \d locks?, for [0-9A-Z]{26}$/m)
  expect(words.stdout).toMatch(/Nothing was changed\. Pass --apply to do this\.$/m)
  const again = await keep('--source', 'uploads', '--promise-days', '30')
  expect(again.records[0]!.extensions.versions).toBeGreaterThan(1)
})

test('`custodian` refuses a vault without a guaranteed retention, and ends with 6 for another role', async () => {
  expect(await holdfast('holdfast-custodian', 'custodian')).toMatchObject({ status: 2 })
  expect(await holdfast('holdfast-custodian', 'custodian', '--promise-days', '40')).toMatchObject({
    status: 9,
  })
  const denied = await holdfast('holdfast-drill', 'custodian', '--promise-days', '30', '--apply')
  expect(denied).toMatchObject({ status: 6 })
})

test('a source of which nothing is usable ends with 3, and nothing of it is pruned', async () => {
  const { store } = vault.openAs('holdfast-writer-rental-db')
  await store.lockDefault()
  const body = Buffer.from('a pack without a manifest')
  const key = packKey('rental-db', '20260401T000000Z-compliance-40d', ulid(), sha256Hex(body))
  await store.putIfAbsent(key, body, sha256Hex(body))
  vault.cloud.clock.turn(60 * dayMs)
  const options = ['--source', 'rental-db', '--promise-days', '30', '--apply']
  const { status, records, run } = await keep(...options)
  expect(status).toBe(3)
  expect(run).toMatchObject({ ok: false })
  expect(records).toMatchObject([
    { prunes: { versions: 0 }, withheld: 'the source has packs, and no usable snapshot' },
  ])
  const retired = await keep(...options, '--retired', 'rental-db')
  expect(retired).toMatchObject({ status: 0, run: { ok: true } })
  expect(retired.records[0]!.prunes.versions).toBeGreaterThan(0)
  for await (const version of custodian.store.listVersions(key)) expect.unreachable(version.versionId)
})
