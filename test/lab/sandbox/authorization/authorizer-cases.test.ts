import { describe, expect, it } from 'vitest'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import { isFederatedKey } from '../../../../lab/sandbox/authorization/key-facts.ts'
import { readCases } from './case-table.ts'
import { simulatePublicly } from './public-simulation.ts'

const cases = readCases()

describe.for([...new Set(cases.map(({ accessCase }) => accessCase.table))])(
  'decides as AWS documents: %s',
  (table) => {
    it.for(
      cases
        .filter(({ accessCase }) => accessCase.table === table)
        .map(({ accessCase, prepared }) => [accessCase.name, accessCase, prepared] as const),
    )('%s', async ([, accessCase, prepared]) => {
      const authorizer = await createAuthorizer(prepared.declaration, {
        nowMs: () => prepared.nowMs,
        restrictsPublicBuckets: () => prepared.restrictsPublic,
      })
      const decision = await authorizer.authorize(prepared.request)
      const { result, by, sid } = accessCase.expected
      expect({ allowed: decision.allowed, result: decision.result.split(' in ')[0] }).toEqual({
        allowed: result === 'allowed',
        result,
      })
      if (by !== undefined) expect(decision.result).toBe(`${result} in ${by}`)
      if (sid !== undefined) expect(decision.statement?.sid).toBe(sid)
    })
  },
)

describe("the evaluator's core, which the authorizer calls without the library's validation", () => {
  it('agrees with the public entry point on every case that the latter supports', async () => {
    let compared = 0
    for (const { accessCase, prepared } of cases) {
      const authorizer = await createAuthorizer(prepared.declaration, {
        nowMs: () => prepared.nowMs,
        restrictsPublicBuckets: () => prepared.restrictsPublic,
      })
      const question = await authorizer.gather(prepared.request)
      // Skips claims of issuers that the reference doesn't list, and session policies, because the evaluator
      // lacks the rule on direct grants.
      if (Object.keys(question.context).some(isFederatedKey) || accessCase.policies.session !== undefined)
        continue
      const reply = await simulatePublicly(question).catch((error: unknown) => {
        throw new Error(accessCase.name, { cause: error })
      })
      expect([accessCase.name, reply.ignoredContextKeys]).toEqual([accessCase.name, []])
      const results = {
        allowed: 'Allowed',
        'explicit-deny': 'ExplicitlyDenied',
        'implicit-deny': 'ImplicitlyDenied',
      }
      expect([accessCase.name, reply.overallResult]).toEqual([
        accessCase.name,
        results[accessCase.expected.result],
      ])
      compared += 1
    }
    expect(compared).toBeGreaterThan(150)
  })
})
