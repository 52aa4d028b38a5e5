// Takes each guard of one half away, and holds the drill to what it says: its own claim falls, and what follows from it by
// declaration; every other claim is still examined, and holds.
import { expect, test } from 'vitest'
import { guardClaimOf } from '../../../../lab/incident/claims.ts'
import { consequences } from '../../../../lab/incident/guards/consequences.ts'
import { guards } from '../../../../guardrails/guards.ts'
import { drillWalls } from './small-drill.ts'

const limitMs = 180_000

/** `half` of two, so that two processes share the work. */
export function testWithout(half: 0 | 1): void {
  const names = guards.map(({ name }) => name).filter((_, index) => index % 2 === half)
  test.each(names)(
    'without %s exactly its claim falls, and what follows from it',
    async (name) => {
      const { fell, notExamined, findings } = await drillWalls(name)
      expect({ fell: fell.toSorted(), notExamined, crashed: findings['crashed'] ?? [] }).toEqual({
        fell: [...new Set<string>([guardClaimOf(name), ...(consequences[name] ?? [])])].toSorted(),
        notExamined: [],
        crashed: [],
      })
    },
    limitMs,
  )
}
