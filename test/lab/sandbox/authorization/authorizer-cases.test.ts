import { anonymousPrincipal, runSimulation } from '@cloud-copilot/iam-simulate'
import { describe, expect, it } from 'vitest'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import { toEvaluatorInput } from '../../../../lab/sandbox/authorization/evaluation.ts'
import { isFederatedKey } from '../../../../lab/sandbox/authorization/key-facts.ts'
import { readCases } from './case-table.ts'

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
      const input = await toEvaluatorInput(question)
      const toPolicies = (policies: typeof input.identity) =>
        policies.map((policy, index) => ({ name: String(index), policy: policy.toJSON() as unknown }))
      const reply = await runSimulation(
        {
          request: {
            principal:
              prepared.request.principal.kind === 'anonymous'
                ? anonymousPrincipal
                : prepared.request.principal.arn,
            action: input.action,
            resource: {
              resource: input.isWildcardOnly ? '*' : input.resource,
              accountId: input.resourceAccountId,
            },
            contextVariables: input.context,
          },
          identityPolicies: toPolicies(input.identity).filter(({ policy }) => hasStatements(policy)),
          serviceControlPolicies: input.scps.map((level, index) => ({
            orgIdentifier: String(index),
            policies: toPolicies(level).filter(({ policy }) => hasStatements(policy)),
          })),
          resourceControlPolicies: input.rcps.map((level, index) => ({
            orgIdentifier: String(index),
            policies: toPolicies(level).filter(({ policy }) => hasStatements(policy)),
          })),
          ...(input.boundary !== undefined && { permissionBoundaryPolicies: toPolicies([input.boundary]) }),
          ...(input.resourcePolicy !== undefined && {
            resourcePolicy: input.resourcePolicy.toJSON() as unknown,
          }),
          additionalSettings: { s3: { blockPublicAccess: input.restrictsPublic } },
        },
        {},
      )
      if (reply.resultType !== 'single') throw new Error(`${accessCase.name}: ${JSON.stringify(reply)}`)
      expect([accessCase.name, reply.result.ignoredContextKeys]).toEqual([accessCase.name, []])
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

function hasStatements(policy: unknown): boolean {
  return (policy as { Statement: unknown[] }).Statement.length > 0
}
