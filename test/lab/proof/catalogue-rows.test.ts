import { expect, test } from 'vitest'
import { examinedServices } from '../../../guardrails/catalogue/judgements.ts'
import { findMayProblem } from '../../../guardrails/catalogue/agent-limits.ts'
import { agentSizeConflicts } from '../../../infra/agent-size-conflicts.ts'
import { readConfig } from '../../../infra/config-reader.ts'
import { unaskedActions } from '../../../lab/proof/catalogue-rows.ts'
import { isSurprise } from '../../../lab/proof/proof-row.ts'
import { answerRow } from '../../../lab/proof/proof.ts'
import { actionsOfTask, isNamed } from '../../../lab/proof/targets.ts'
import { widestAgent } from '../../../lab/proof/widest-agent.ts'
import { createAuthorizer } from '../../../lab/sandbox/authorization/authorizer.ts'
import { exampleConfig } from '../../../lab/sandbox/loader/example-config.ts'
import {
  account,
  accountIds,
  allow,
  cloud,
  named,
  policy,
  role,
  sessionOf,
} from '../sandbox/authorization/declaration.ts'

const config = readConfig({ ...exampleConfig, layer: 'vault' }, 0)

test('every destructive action can be asked', async () => {
  expect(await unaskedActions(config)).toEqual([])
})

test.each(['denied', 'allowed'] as const)(
  'a question that can not be asked is red where %s is expected',
  async (expected) => {
    const { production } = accountIds
    const worker = role(production, 'worker', { policies: [named(policy(allow('*')), 'all')] })
    const authorizer = await createAuthorizer(cloud({ accounts: [account(production)], roles: [worker] }), {
      nowMs: () => 0,
    })
    const row = {
      group: 'agents',
      who: 'worker',
      principal: sessionOf(worker),
      actions: ['ec2:DeleteVolume'],
      resource: 'unknown',
      resourceAccountId: production,
      context: {},
      circumstance: '',
      expected,
    } as const
    const answer = await answerRow(authorizer, row)
    expect(answer.result).toContain('not asked: ')
    expect(isSurprise({ ...row, answer })).toBe(true)
  },
)

test('the widest agent is accepted, and has no room for one more service', () => {
  const agent = widestAgent(config)
  const withTask = (may: string[]) => ({ ...config, agents: [...config.agents, { ...agent, may }] })
  expect(agent.may.length).toBeGreaterThan(30)
  expect(agentSizeConflicts(withTask(agent.may))).toEqual([])
  const others = examinedServices
    .map((service) => `${service}:*`)
    .filter((entry) => !agent.may.includes(entry) && findMayProblem(entry) === null)
  for (const entry of others)
    expect(agentSizeConflicts(withTask([...agent.may, entry]))[0]).toContain('holdfast:agents: ')
})

test('a task names actions in any case, as IAM reads them', () => {
  expect(actionsOfTask(['EC2:describevolumes', 'ec2:DescribeVolume*'])).toContain('ec2:DescribeVolumes')
  expect(isNamed(['s3:putobject'], 's3:PutObject')).toBe(true)
  expect(isNamed(['s3:*'], 's3:PutObject')).toBe(false)
})
