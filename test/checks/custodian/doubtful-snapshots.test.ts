import { ulid } from 'ulid'
import { expect, test } from 'vitest'
import { writeReport } from '../../../checks/reports/report-store.ts'
import type { Receipt } from '../../../core/snapshot/receipt.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import { CustodyVault } from './custody-vault.ts'

const otherParent: Receipt['flags'] = [{ kind: 'other-parent', detail: 'it begins a chain of its own' }]
/** A snapshot that a stolen writer sent: complete, as large as the others, and attested. */
async function sentByThief(vault: CustodyVault, flags: Receipt['flags']): Promise<Snapshot> {
  const snapshot = await vault.snapshotOf([await vault.addPack()])
  await vault.attest(snapshot, { flags })
  return snapshot
}

const daysLeft = (vault: CustodyVault, { key, versionId, manifest }: Snapshot) =>
  [{ key, versionId }, ...manifest.packs].map((ref) => vault.daysLeft(ref))

test('a flood of attested snapshots that continue nothing lets no last good one run out, and extends one', async () => {
  const vault = new CustodyVault()
  const good = await vault.attested([await vault.addPack()])
  const flood: Snapshot[] = []
  for (let day = 0; day < 60; day++) {
    vault.passDays(1)
    const bogus = await sentByThief(vault, otherParent)
    flood.push(bogus)
    const plan = await vault.run()
    expect(plan).toMatchObject({ lastGood: { id: good.id }, doubtful: { id: bogus.id }, withheld: null })
    expect(plan.problems).toEqual([
      expect.stringContaining(`snapshots after ${good.id} can be another party's`),
    ])
  }
  for (let day = 0; day < 365; day += 5) {
    vault.passDays(5)
    await vault.run()
    expect(Math.min(...daysLeft(vault, good).map(Number))).toBeGreaterThanOrEqual(15)
  }
  expect(
    flood.slice(0, -1).filter((snapshot) => daysLeft(vault, snapshot).some((days) => days !== null)),
  ).toEqual([])
  // Two manifests, two packs, two receipts.
  expect(vault.store.versions).toHaveLength(6)
})

test('a snapshot of the source after those of a thief takes the part', async () => {
  const vault = new CustodyVault()
  await vault.attested([await vault.addPack()])
  await sentByThief(vault, otherParent)
  const next = await vault.attested([await vault.addPack()])
  expect(await vault.planOf()).toMatchObject({ lastGood: { id: next.id }, doubtful: null, problems: [] })
})

test('an attested snapshot of the source goes before a good one of a thief, and a doubtful one before none', async () => {
  const vault = new CustodyVault()
  const incomplete = await vault.attested([await vault.addPack()], { complete: false })
  const bogus = await sentByThief(vault, otherParent)
  const plan = { lastGood: { id: incomplete.id, confirmation: 'attested' }, doubtful: { id: bogus.id } }
  expect(await vault.planOf()).toMatchObject(plan)
  const otherVault = new CustodyVault()
  const only = await sentByThief(otherVault, otherParent)
  expect(await otherVault.planOf()).toMatchObject({ lastGood: { id: only.id }, doubtful: null, problems: [] })
})

test('an operator ends the doubt, and the older snapshot may run out', async () => {
  const vault = new CustodyVault()
  const old = await vault.attested([await vault.addPack()])
  vault.passDays(1)
  const moved = await sentByThief(vault, otherParent)
  expect((await vault.planOf()).lastGood?.id).toBe(old.id)
  vault.store.nowMs += 1000
  await vault.attest(moved, { acceptedFlags: otherParent })
  expect(await vault.planOf()).toMatchObject({ lastGood: { id: moved.id }, doubtful: null, problems: [] })
  for (let day = 0; day < 60; day += 5) {
    vault.passDays(5)
    await vault.run()
  }
  expect(daysLeft(vault, old)).toEqual([null, null])
})

test('a snapshot that the checks found unusual is doubtful, until a later report no longer names it', async () => {
  const vault = new CustodyVault()
  const old = await vault.attested([await vault.addPack()])
  vault.passDays(1)
  const odd = await vault.attested([await vault.addPack()])
  vault.passDays(0.1)
  await report(vault, odd.id)
  expect(await vault.planOf()).toMatchObject({ lastGood: { id: old.id }, doubtful: { id: odd.id } })
  vault.passDays(1)
  const next = await vault.attested([await vault.addPack()])
  expect(await vault.planOf()).toMatchObject({ lastGood: { id: old.id }, doubtful: { id: next.id } })
  await report(vault, null)
  expect(await vault.planOf()).toMatchObject({ lastGood: { id: next.id }, doubtful: null, problems: [] })
  // After a week no report names the day, whether an operator has accepted it or not.
  vault.passDays(1)
  await report(vault, odd.id)
  vault.passDays(8)
  await report(vault, null)
  expect(await vault.planOf()).toMatchObject({ lastGood: { id: old.id }, doubtful: { id: next.id } })
})

/** A report of the checks, in which the entropy of this snapshot is unusual. */
async function report(vault: CustodyVault, unusualId: string | null): Promise<void> {
  const { nowMs } = vault.store
  const isOk = unusualId === null
  const finding = { status: 'failed', subject: unusualId ?? '', detail: 'unusual' } as const
  const findings = isOk ? [] : [finding]
  const common = { severity: 'critical', summary: 'a day compared' } as const
  const passed = (check: string) => ({
    ...common,
    check,
    status: 'passed' as const,
    findings: [],
    findingCount: 0,
  })
  const startedMs = Math.round(nowMs)
  await writeReport(vault.store, {
    kind: 'report',
    formatVersion: 1,
    run: ulid(startedMs),
    toolVersion: 'test',
    vault: 'test',
    startedMs,
    durationMs: 0,
    ok: isOk,
    sources: [
      {
        source: vault.source,
        ok: isOk,
        outcomes: [
          passed('shrinkage'),
          passed('change-rate'),
          isOk ? passed('entropy') : { ...passed('entropy'), status: 'failed', findings, findingCount: 1 },
        ],
        newestGood: null,
        mark: null,
        hasState: true,
        readDays: 0,
        storedBytes: null,
        requests: 0,
      },
    ],
  })
}
