// Quarantine: an agent's first destructive attempt ends all its sessions, without waiting for on-call. A Step
// Functions state machine does it in one call. It deploys no code, and its role can only put an inline policy
// on the roles of agents.
import { anyAgentArn, quarantineExecutionArn, quarantineMachineArn } from './names.ts'
import { policy } from './policy.ts'
import { revocationPolicy } from './revocation-policy.ts'
import type { Policy } from './policy.ts'

/**
 * Differs from the name of a revocation by hand, so that neither overwrites the other with an earlier time.
 */
export const quarantinePolicyName = 'holdfast-quarantined-sessions'

/**
 * Path to the caller's role in a CloudTrail event. AWS fills it in, so a request can't claim the role of
 * another agent.
 */
const callersRole = '$.detail.userIdentity.sessionContext.sessionIssuer'
const enteredTime = '$$.State.EnteredTime'

/** The machine retries for this long. Then it fails, and the alarm `quarantine-failed` fires. */
const maxRetrySeconds = 900

/**
 * In Amazon States Language. The deny takes the time of the write, not of the event. Events arrive minutes
 * late and out of order, so an event's time could revive sessions that a later deny had ended. A failed call
 * is retried with a new time, for the same reason.
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

/**
 * Adds `.$` to the key of a value that the machine looks up at run time, as Amazon States Language requires.
 */
function withPaths(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPaths)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) =>
      member === enteredTime ? [`${key}.$`, member] : [key, withPaths(member)],
    ),
  )
}

/**
 * IAM has no condition key for the name or content of an inline policy. The agents' boundary limits any other
 * policy put here.
 */
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

/** Only the rules of the alarms on agents may start the quarantine. */
export function quarantineStarterTrustPolicy(accountId: string): Policy {
  return trustService(
    'TrustRules',
    'events.amazonaws.com',
    accountId,
    `arn:aws:events:*:${accountId}:rule/holdfast-agent-*`,
  )
}

/**
 * For a person who ends an agent's sessions by hand (`holdfast agent-session revoke`), and inspects the
 * agent's permissions.
 */
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

/**
 * The service may use the role only for this account and this resource (against AWS's confused deputy
 * problem).
 */
function trustService(sid: string, service: string, accountId: string, sourceArn: string): Policy {
  return policy({
    Sid: sid,
    Effect: 'Allow',
    Principal: { Service: service },
    Action: ['sts:AssumeRole'],
    Condition: { StringEquals: { 'aws:SourceAccount': accountId }, ArnLike: { 'aws:SourceArn': sourceArn } },
  })
}
