// The nights of the drill: every claim holds, and without a guard of the nights exactly the claims fall that it names.
import { expect, test } from 'vitest'
import { guards } from '../../../../guardrails/guards.ts'
import type { ClaimName } from '../../../../lab/incident/claims.ts'
import { checkFlags, custodianFlags, nightGuards } from '../../../../lab/incident/nights/night-guards.ts'
import { passNights } from '../../../../lab/incident/steps/nights.ts'
import { makeSmallContext } from '../small-context.ts'

interface Nights {
  held: number
  fell: string[]
  notExamined: string[]
  findings: string[][]
}

/** True if the guard changes the flags of `holdfast check`. */
function isOfChecks(name: string): boolean {
  return checkFlags(name, ['A']).length > 0
}

async function nightsWithout(without?: string, names?: readonly ClaimName[]): Promise<Nights> {
  const { context, end } = makeSmallContext({ without })
  try {
    await passNights(context, names)
  } finally {
    expect(await end()).toEqual([])
  }
  const examined = context.ledger.results.filter(({ findings }) => !findings[0]?.includes('did not get'))
  const named = (status: string) => examined.filter((claim) => claim.status === status)
  return {
    held: named('held').length,
    fell: named('fell').map(({ name }) => name),
    notExamined: named('not-examined').map(({ name }) => name),
    findings: examined.filter(({ status }) => status !== 'held').map(({ findings }) => findings),
  }
}

test('every claim of the nights holds', async () => {
  expect(await nightsWithout()).toEqual({ held: 5, fell: [], notExamined: [], findings: [] })
})

const ofChecks: readonly ClaimName[] = [
  'stopped-backups-turn-red',
  'garbage-turns-red',
  'emptied-source-turns-red',
  'incomplete-snapshots-turn-red',
]
const ofCustodian: readonly ClaimName[] = ['silent-source-stays-restorable']

test.each(nightGuards)('without $name exactly its claims fall', async ({ name, consequences }) => {
  const examined = isOfChecks(name) ? ofChecks : ofCustodian
  const { held, fell, notExamined, findings } = await nightsWithout(name, examined)
  expect({ fell, notExamined }, JSON.stringify(findings)).toEqual({
    fell: [...consequences],
    notExamined: [],
  })
  expect(held).toBe(examined.length - consequences.length)
})

test('each guard changes the commands of the other kind in nothing', () => {
  for (const { name } of nightGuards) {
    const [ofCheck, ofKeeping] = [checkFlags(name, ['A']), custodianFlags(name, 'files', 'key')]
    if (isOfChecks(name)) expect([name, ofKeeping]).toEqual([name, custodianFlags(null, 'files', 'key')])
    else expect([name, ofCheck]).toEqual([name, checkFlags(null, ['A'])])
  }
})

test('no guard of the nights has the name of a guard of the program', () => {
  const names = [...guards, ...nightGuards].map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
