import { describe, expect, it } from 'vitest'
import { quarantineDefinition, quarantinePolicyName } from '../../guardrails/quarantine.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import { revocationPolicy, revocationPolicyName } from '../../guardrails/revocation-policy.ts'
import { recordedEvent } from './recorded-events.ts'
import { runStateMachine } from './state-machine.ts'

const accountId = '222222222222'
const agent = `arn:aws:iam::${accountId}:role/holdfast-agents/holdfast-agent-staging`
const noonMs = Date.UTC(2026, 3, 24, 12)
const definition = quarantineDefinition(accountId)

const attempt = (by: string) =>
  recordedEvent({
    accountId,
    source: 'ec2.amazonaws.com',
    name: 'DeleteVolume',
    by,
    errorCode: 'Client.UnauthorizedOperation',
  })

function quarantine(event: object, failures = 0, clock = { nowMs: noonMs }) {
  let failuresToCome = failures
  return runStateMachine(
    definition,
    event,
    () => {
      if (failuresToCome-- > 0) throw new Error('Iam.ServiceUnavailableException')
    },
    clock,
  )
}

describe("an agent's destructive attempt", () => {
  it('ends all sessions that the agent had by then, with the deny that a revocation by hand writes', () => {
    expect(quarantine(attempt(agent))).toEqual({
      outcome: 'succeeded',
      calls: [
        {
          resource: 'arn:aws:states:::aws-sdk:iam:putRolePolicy',
          parameters: {
            RoleName: 'holdfast-agent-staging',
            PolicyName: quarantinePolicyName,
            PolicyDocument: renderPolicy(revocationPolicy('2026-04-24T12:00:00.000Z')),
          },
        },
      ],
    })
  })

  it("counts from when the deny is written, not from the event: a late one can't let sessions live again", () => {
    const late = quarantine(attempt(agent), 0, { nowMs: noonMs + 900_000 })
    expect(late.calls[0]!.parameters['PolicyDocument']).toContain('"2026-04-24T12:15:00.000Z"')
  })

  it('is tried again, with a new time each, until IAM takes it', () => {
    const { outcome, calls } = quarantine(attempt(agent), 2)
    expect(outcome).toBe('succeeded')
    expect(
      calls.map(({ parameters }) => /(2026[^"\\]+)/.exec(JSON.stringify(parameters['PolicyDocument']))?.[1]),
    ).toEqual(['2026-04-24T12:00:00.000Z', '2026-04-24T12:00:02.000Z', '2026-04-24T12:00:04.000Z'])
  })

  it('ends as a failure, whose alarm fires, if IAM never accepts the policy', () => {
    expect(quarantine(attempt(agent), Number.POSITIVE_INFINITY).outcome).toBe('timed-out')
  })

  it("has a policy of its own, so that it doesn't move the time of a revocation by hand", () => {
    expect(quarantinePolicyName).not.toBe(revocationPolicyName)
  })
})

describe('nothing is written', () => {
  it.each([
    [
      'for a role that is no agent',
      attempt(`arn:aws:iam::${accountId}:role/holdfast-production/holdfast-break-glass`),
    ],
    [
      'for a role that only sounds like an agent',
      attempt(`arn:aws:iam::${accountId}:role/holdfast-agents-not/x`),
    ],
    [
      'for an agent of another account',
      attempt('arn:aws:iam::333333333333:role/holdfast-agents/holdfast-agent-staging'),
    ],
    ['for root, which has no role', attempt('root')],
    ['for a run that a caller starts with an empty input', {}],
  ])('%s', (_, event) => {
    expect(quarantine(event)).toEqual({ outcome: 'failed', calls: [] })
  })
})
