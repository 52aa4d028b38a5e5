import { expect, test } from 'vitest'
import { revocationPolicy } from '../../guardrails/revocation-policy.ts'
import { createAuthorizer } from '../../lab/sandbox/authorization/authorizer.ts'
import { evaluate } from '../../lab/sandbox/authorization/evaluate.ts'
import { loadDeclaration } from '../../lab/sandbox/loader/loader.ts'

test('denies what was issued before, and nothing that was issued since', async () => {
  const declaration = await loadDeclaration({ layers: ['production'] })
  const cutMs = Date.parse('2026-04-24T10:00:00Z')
  const role = declaration.roles.find(({ name }) => name === 'holdfast-agent-staging')!
  role.policies.push({ name: 'revoked', document: revocationPolicy('2026-04-24T10:00:00Z') })
  const authorizer = await createAuthorizer(declaration, { nowMs: () => cutMs + 60_000 })
  const decide = async (issuedMs: number): Promise<[boolean, string | undefined]> => {
    const session = {
      roleArn: role.arn,
      sessionName: 's',
      sourceIdentity: 'maria',
      tags: {},
      policies: [],
      issuedMs,
      chainDepth: 1,
      multiFactor: null,
      federated: {},
    }
    const arn = `arn:aws:sts::${role.accountId}:assumed-role/${role.name}/s`
    const decision = await evaluate(authorizer, {
      principal: { kind: 'role-session', accountId: role.accountId, arn, session },
      action: 'ec2:DescribeVolumes',
      resource: '*',
    })
    return [decision.allowed, decision.statement?.sid]
  }
  expect(await decide(cutMs - 1000)).toEqual([false, 'RevokeOlderSessions'])
  expect((await decide(cutMs + 1000))[0]).toBe(true)
})
