// Quarantine: an agent's first destructive attempt ends every session that it has, without anybody awake. A state machine
// of AWS's own does it in one call: no code is deployed, and its role can put a policy on agents' roles and nothing else.
import { anyAgentArn, quarantineExecutionArn, quarantineMachineArn } from './names.ts'
import { policy } from './policy.ts'
import { revocationPolicy } from './revocation-policy.ts'
import type { Policy } from './policy.ts'

/** Another name than that of a revocation by hand: neither overwrites the other with an earlier time. */
export const quarantinePolicyName = 'holdfast-quarantined-sessions'

/** In what CloudTrail records: the role whose session called. It is AWS's word; no request can claim another's. */
const callersRole = '$.detail.userIdentity.sessionContext.sessionIssuer'
const enteredTime = '$$.State.EnteredTime'

/** So long it tries again; then it has failed, and somebody is woken. */
const maxRetrySeconds = 900

/**
 * In Amazon States Language. The deny's time is that of the attempt to write it, not the event's: events come minutes late and
 * out of order, and an earlier time would let sessions live again that a later one had ended. For the same reason a call that
 * fails is not retried as it was, but with a new time.
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
 */
export function quarantineDefinition(accountId: string): Record<string, unknown> {
  return {
    Comment: 'Ends every session of the agent that a recorded call belongs to',
    StartAt: 'IsAgent',
    TimeoutSeconds: maxRetrySeconds,
    States: {
      IsAgent: {
        Type: 'Choice',
        Choices: [
          {
            And: [
              { Variable: `${callersRole}.arn`, IsPresent: true },
              { Variable: `${callersRole}.arn`, StringMatches: anyAgentArn(accountId) },
            ],
            Next: 'SayUntilWhen',
          },
        ],
        Default: 'NoAgent',
      },
      NoAgent: {
        Type: 'Fail',
        Error: 'NoAgent',
        Cause: "The call is not one of an agent's role in this account",
      },
      SayUntilWhen: {
        Type: 'Pass',
        Parameters: {
          'roleName.$': `${callersRole}.userName`,
          policy: withPaths(revocationPolicy(enteredTime)),
        },
        ResultPath: '$.quarantine',
        Next: 'PutDeny',
      },
      PutDeny: {
        Type: 'Task',
        Resource: 'arn:aws:states:::aws-sdk:iam:putRolePolicy',
        Parameters: {
          'RoleName.$': '$.quarantine.roleName',
          PolicyName: quarantinePolicyName,
          'PolicyDocument.$': 'States.JsonToString($.quarantine.policy)',
        },
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'WaitAWhile' }],
        End: true,
      },
      WaitAWhile: { Type: 'Wait', Seconds: 2, Next: 'SayUntilWhen' },
    },
  }
}

/** A value that is to be looked up when the machine runs is told by its key. */
function withPaths(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPaths)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) =>
      member === enteredTime ? [`${key}.$`, member] : [key, withPaths(member)],
    ),
  )
}

/** IAM has no key for a policy's name or content: what else this could write on an agent's role, the agents' boundary caps. */
export function quarantinePolicy(accountId: string): Policy {
  return policy({
    Sid: 'EndSessionsOfAgents',
    Effect: 'Allow',
    Action: ['iam:PutRolePolicy'],
    Resource: [anyAgentArn(accountId)],
  })
}

export function quarantineTrustPolicy(accountId: string): Policy {
  return trustService('TrustMachine', 'states.amazonaws.com', accountId, quarantineMachineArn(accountId, '*'))
}

export function quarantineStarterPolicy(accountId: string): Policy {
  return policy({
    Sid: 'StartQuarantine',
    Effect: 'Allow',
    Action: ['states:StartExecution'],
    Resource: [quarantineMachineArn(accountId, '*')],
  })
}

/** The rules that tell of an agent's destructive attempts, and no other rule. */
export function quarantineStarterTrustPolicy(accountId: string): Policy {
  return trustService(
    'TrustRules',
    'events.amazonaws.com',
    accountId,
    `arn:aws:events:*:${accountId}:rule/holdfast-agent-*`,
  )
}

/** For a human who ends an agent's sessions by hand (`holdfast agent-session revoke`), and looks at what the agent may do. */
export function responderPolicy(accountId: string): Policy {
  const agents = [anyAgentArn(accountId)]
  return policy(
    { Sid: 'EndSessionsOfAgents', Effect: 'Allow', Action: ['iam:PutRolePolicy'], Resource: agents },
    {
      Sid: 'LookAtAgents',
      Effect: 'Allow',
      Resource: agents,
      Action: ['iam:GetRole', 'iam:GetRolePolicy', 'iam:ListAttachedRolePolicies', 'iam:ListRolePolicies'],
    },
    {
      Sid: 'LookAtQuarantine',
      Effect: 'Allow',
      Action: ['states:ListExecutions', 'states:DescribeExecution'],
      Resource: [quarantineMachineArn(accountId, '*'), quarantineExecutionArn(accountId)],
    },
  )
}

/** AWS's confused deputy: it acts for this account and this resource, or not at all. */
function trustService(sid: string, service: string, accountId: string, sourceArn: string): Policy {
  return policy({
    Sid: sid,
    Effect: 'Allow',
    Principal: { Service: service },
    Action: ['sts:AssumeRole'],
    Condition: { StringEquals: { 'aws:SourceAccount': accountId }, ArnLike: { 'aws:SourceArn': sourceArn } },
  })
}
