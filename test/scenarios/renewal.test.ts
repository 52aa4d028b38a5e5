// Backups that leave the renewal of locks to the custodian.
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { applyPlan } from '../../checks/custodian/deed.ts'
import type { SourcePlan } from '../../checks/custodian/custody-plan.ts'
import { planCustody } from '../../checks/custodian/plan-custody.ts'
import { notarize } from '../../checks/notary/notary.ts'
import { readFeedback } from '../../core/feedback.ts'
import type { Receipt } from '../../core/snapshot/receipt.ts'
import type { BackupOptions } from '../../engine/operations.ts'
import { dayMs, maxRenewalDays, renewedMs } from '../../core/snapshot/retention.ts'
import { CustodyStore, rules } from '../checks/custodian/custody-vault.ts'
import { contentOf, describeDirectory } from '../fixtures/directory-description.ts'
import { randomBytes } from '../fixtures/manual-clock.ts'
import { MemoryFeedback } from '../fixtures/notarized-source.ts'
import { ProtectedSource } from '../fixtures/protected-source.ts'
import { TestSigner } from '../fixtures/test-signer.ts'

const constantBytes = 50_000

/** A store that reports its clock, as the notary needs it. */
class TimedCustodyStore extends CustodyStore {
  override get serverTimeMs(): number {
    return this.nowMs
  }
}

class RenewedSource extends ProtectedSource {
  declare readonly store: TimedCustodyStore
  readonly signal = new AbortController().signal
  readonly signer = new TestSigner()
  readonly feedback = new MemoryFeedback()

  constructor() {
    super({ store: new TimedCustodyStore() })
    writeFileSync(join(this.directory, 'constant'), randomBytes(constantBytes, 1))
    writeFileSync(join(this.directory, 'log'), '')
  }

  pass(days: number): void {
    this.store.nowMs += days * dayMs
    this.clock.time = this.store.nowMs
  }

  /** A day: its change, the backup, and the custodian. Returns whether the constant content was uploaded. */
  async day(options: Partial<BackupOptions> = {}): Promise<boolean> {
    appendFileSync(join(this.directory, 'log'), 'another day')
    const { bytesNew, snapshot } = await this.backup({ renewal: 'extend', ...options })
    expect(snapshot).not.toBeNull()
    return bytesNew >= constantBytes
  }

  async custodian(): Promise<SourcePlan> {
    const { store, clock, random, signal, signer } = this
    const { keys } = signer
    const plan = await planCustody({ store, rules: { ...rules, renewal: 'extend' }, keys, signal })
    await applyPlan(plan, { store, extender: store, pruner: store, clock, random, signal })
    return plan.sources.find(({ name }) => name === this.source)!
  }

  /** The newest receipt of this night. */
  async notary(): Promise<Receipt> {
    const { store, clock, random, signal, signer, feedback, source } = this
    const { receipts } = await notarize({
      ...{ store, clock, random, signal, signer, feedback, source, keys: signer.keys },
      guaranteedDays: rules.promiseDays,
      toolVersion: 'test',
    })
    return receipts.at(-1)!.receipt
  }
}

describe('with a custodian that extends locks', () => {
  test('unchanged content is uploaded once in 90 days, and each snapshot is locked as guaranteed', async () => {
    const source = new RenewedSource()
    const uploads: number[] = []
    for (let day = 0; day < 100; day++) {
      if (await source.day()) uploads.push(day)
      // Before the custodian runs: it has extended ahead.
      if (day % 7 === 0) expect((await source.verify(false)).objects, `day ${day}`).toEqual([])
      await source.custodian()
      source.pass(1)
    }
    expect(uploads).toHaveLength(2)
    expect(uploads[1]! - uploads[0]!).toBeGreaterThan(maxRenewalDays)
    const { target } = await source.restore()
    expect(contentOf(describeDirectory(target))).toEqual(contentOf(describeDirectory(source.directory)))
    // One copy, the one before it until its lock ends, and the small packs of 43 days.
    const packs = source.store.versions.filter(({ body }) => body.length > constantBytes)
    expect(packs.length).toBeLessThanOrEqual(2)
  })

  test('the notary attests each snapshot, and asks no writer for a pack', async () => {
    const source = new RenewedSource()
    for (let day = 0; day < 60; day++) {
      expect(await source.day(), `day ${day}`).toBe(day === 0)
      expect(await source.notary(), `day ${day}`).toMatchObject({ outcome: 'attested', flags: [] })
      expect(await source.custodian()).toMatchObject({ lastGood: { confirmation: 'good' }, problems: [] })
      source.pass(1)
    }
    expect(source.feedback.objects.size).toBe(0)
  })

  test('if the custodian stops, the notary refuses what is locked too shortly, and the writer uploads it again', async () => {
    const source = new RenewedSource()
    await source.day()
    expect(await source.notary()).toMatchObject({ outcome: 'attested' })
    let receipt: Receipt
    do {
      source.pass(1)
      expect(await source.day()).toBe(false)
      receipt = await source.notary()
    } while (receipt.outcome === 'attested')
    expect(receipt.findings.map(({ kind }) => kind)).toContain('short-lock')
    const { packs } = await readFeedback(source.feedback, source.source)
    source.pass(1)
    expect(await source.day({ feedback: packs })).toBe(true)
    expect(await source.notary()).toMatchObject({ outcome: 'attested' })
    expect(await source.custodian()).toMatchObject({ lastGood: { confirmation: 'good' } })
  })

  test('a pause longer than the lock may last means a full upload', async () => {
    const source = new RenewedSource()
    await source.day()
    source.pass(9)
    expect(await source.day()).toBe(false)
    source.pass(9)
    expect(await source.day()).toBe(false)
    await source.custodian()
    source.pass(11)
    expect(await source.day()).toBe(true)
  })

  test('a writer that uploads again does not rely on it, also after snapshots that did', async () => {
    const source = new RenewedSource()
    await source.day()
    source.pass(9)
    await source.day()
    source.pass(2)
    expect(await source.day({ renewal: 'upload' })).toBe(true)
  })
})

test('a pack counts as uploaded by the last snapshot that names it, within the guaranteed retention and 90 days', () => {
  const pack = (days: number) => ({ uploadedMs: 0, lock: { mode: 'COMPLIANCE' as const, days } })
  expect(renewedMs(pack(40), 50 * dayMs, 30)).toBe(50 * dayMs)
  // A generation of 60 days: the custodian keeps the pack for 30 days only.
  expect(renewedMs(pack(90), 80 * dayMs, 30)).toBe(50 * dayMs)
  expect(renewedMs(pack(40), maxRenewalDays * dayMs, 30)).toBe(maxRenewalDays * dayMs)
  expect(renewedMs(pack(40), maxRenewalDays * dayMs + 1, 30)).toBe(0)
  expect(renewedMs({ uploadedMs: 7, lock: null }, 50 * dayMs, 30)).toBe(7)
  expect(renewedMs({ ...pack(90), uploadedMs: 20 * dayMs }, 30 * dayMs, 30)).toBe(20 * dayMs)
})
