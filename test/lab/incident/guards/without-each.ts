// Takes each guard of one half away, and holds the drill to what it says: its own claim falls, and what follows from
// it by declaration; every other claim is still examined, and holds. Where no decision during the attacks depends on
// the guard, the attacks are not sent again: the claims about them are those of the drill with every guard.
import { expect, test } from 'vitest'
import { guardClaimOf } from '../../../../lab/incident/claims.ts'
import { consequences } from '../../../../lab/incident/guards/consequences.ts'
import { guards } from '../../../../guardrails/guards.ts'
import { changesAttacks } from './asked-again.ts'
import { drillWalls } from './small-drill.ts'
import type { AskedQuestion, WallDrill } from './small-drill.ts'

const limitMs = 300_000

/** The claims that only the attacks examine. */
const claimsOfAttacks = [
  'attacks-are-real',
  'vault-unreadable-from-production',
  'vault-undeletable-from-production',
  'vault-locks-untouchable-from-production',
  'vault-unwritable-from-production',
  'vault-configuration-untouchable-from-production',
  'roles-for-their-own-alone',
  'production-safe-from-agents',
  'calls-elsewhere-refused',
  'vault-root-cannot-loosen',
  'duties-possible',
  'writers-confined',
  'versions-survive',
  'locks-unchanged',
  'nothing-hidden-or-added',
  'disk-agrees',
]

/** `half` of two, so that two processes share the work. */
export function testWithout(half: 0 | 1): void {
  const questions: AskedQuestion[] = []
  let wholeDrill: Promise<WallDrill> | undefined
  const drillWithAll = (): Promise<WallDrill> =>
    (wholeDrill ??= drillWalls({ onQuestion: (question) => questions.push(question) }))

  test(
    'with every guard in its place no claim falls',
    async () => {
      expect(await drillWithAll()).toEqual({ fell: [], notExamined: [], findings: {} })
      expect(questions.length).toBeGreaterThan(1000)
    },
    limitMs,
  )

  const names = guards.map(({ name }) => name).filter((_, index) => index % 2 === half)
  test.each(names)(
    'without %s exactly its claim falls, and what follows from it',
    async (name) => {
      await drillWithAll()
      const attacks = await changesAttacks(name, questions)
      const { fell, notExamined, findings } = await drillWalls({ without: name, attacks })
      expect({ fell: fell.toSorted(), notExamined, crashed: findings['crashed'] ?? [] }).toEqual({
        fell: [...new Set<string>([guardClaimOf(name), ...(consequences[name] ?? [])])].toSorted(),
        notExamined: attacks ? [] : claimsOfAttacks,
        crashed: [],
      })
    },
    limitMs,
  )
}
