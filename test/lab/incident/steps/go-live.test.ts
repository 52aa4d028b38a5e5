// The database of the drill comes back to the second, and without a guard of the stream exactly the claims fall that
// it names.
import { mkdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { guards } from '../../../../guardrails/guards.ts'
import { day, directories } from '../../../../lab/incident/drill-context.ts'
import { liveGuards } from '../../../../lab/incident/live-guards.ts'
import { nightGuards } from '../../../../lab/incident/nights/night-guards.ts'
import { goLive } from '../../../../lab/incident/steps/go-live.ts'
import { produce } from '../../../../lab/incident/steps/produce.ts'
import { provision } from '../../../../lab/incident/steps/provision.ts'
import { recover } from '../../../../lab/incident/steps/recover.ts'
import { wipe } from '../../../../lab/incident/steps/wipe.ts'
import { makeSmallContext } from '../small-context.ts'

const claims = ['live-backup-complete', 'last-commits-come-back', 'dropped-table-comes-back'] as const

interface LiveDrill {
  statuses: Record<string, string>
  findings: Record<string, string[]>
  lastCommitMs: number | null
}

async function liveWithout(without?: string): Promise<LiveDrill> {
  const { context, end } = makeSmallContext({ without })
  try {
    const provisioned = await provision(context)
    const production = await produce(context, provisioned)
    await mkdir(directories(context).expectedState)
    provisioned.sandbox.clock.turn(day.betweenBackupsMs)
    const live = await goLive(context, provisioned, production)
    await wipe(context, provisioned, { production, live })
    await recover(context, { provisioned, production, live })
  } finally {
    expect(await end()).toEqual([])
  }
  const results = context.ledger.results.filter(({ name }) => (claims as readonly string[]).includes(name))
  return {
    statuses: Object.fromEntries(results.map(({ name, status }) => [name, status])),
    findings: Object.fromEntries(results.map(({ name, findings }) => [name, findings])),
    lastCommitMs: context.report.objectives.lastCommit.measuredMs,
  }
}

test('a transaction of the last seconds and a dropped table come back', async () => {
  const { findings, lastCommitMs } = await liveWithout()
  expect(findings).toEqual(Object.fromEntries(claims.map((name) => [name, []])))
  expect(lastCommitMs).toBeLessThanOrEqual(5000)
})

test.each(liveGuards)('without $name exactly its claims do not hold', async ({ name, consequences }) => {
  const { statuses } = await liveWithout(name)
  expect(claims.filter((claim) => statuses[claim] !== 'held')).toEqual(consequences)
})

test('no name of a guard is taken twice', () => {
  const names = [...guards, ...nightGuards, ...liveGuards].map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
