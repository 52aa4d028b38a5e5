// Agents: what their task needs, inside a boundary that no task can widen.
import { destructiveActions } from './catalogue.ts'
import {
  agentEnvironmentTag,
  bucketArn,
  everyRegion,
  feedbackBucketName,
  quarantineExecutionArn,
  quarantineMachineArn,
  vaultBucketName,
} from './names.ts'
import { policy, principalTag } from './policy.ts'
import type { Policy } from './policy.ts'
import type { VaultLocation } from './names.ts'

/** The permissions boundary of every agent. A boundary grants nothing: it caps what the agent's own policy grants. */
export function agentBoundary(vault: VaultLocation, environmentTag: string): Policy {
  const vaultBuckets = [vaultBucketName, feedbackBucketName].map((nameOf) =>
    bucketArn(nameOf(everyRegion(vault))),
  )
  return policy(
    {
      Sid: 'CapToTasks',
      Effect: 'Allow',
      // Identities, sessions and accounts are never part of a task. (GetCallerIdentity needs no permission and knows no deny.)
      NotAction: [
        'iam:*',
        'organizations:*',
        'account:*',
        'sts:*',
        'sso:*',
        'sso-directory:*',
        'rolesanywhere:*',
      ],
      Resource: ['*'],
    },
    { Sid: 'DenyDestruction', Effect: 'Deny', Action: destructiveActions(), Resource: ['*'] },
    {
      Sid: 'DenyOtherEnvironments',
      Effect: 'Deny',
      Action: ['*'],
      Resource: ['*'],
      Condition: {
        StringNotEquals: { [`aws:ResourceTag/${environmentTag}`]: principalTag(agentEnvironmentTag) },
        // Most of AWS carries no such tag, and most list calls have no resource: only a known other environment is off limits.
        Null: { [`aws:ResourceTag/${environmentTag}`]: 'false' },
      },
    },
    {
      Sid: 'DenyVault',
      Effect: 'Deny',
      Action: ['s3:*', 'sts:AssumeRole'],
      Resource: [
        ...vaultBuckets,
        ...vaultBuckets.map((arn) => `${arn}/*`),
        `arn:aws:iam::${vault.accountId}:role/*`,
      ],
    },
    // Whoever starts it says of whom it is.
    {
      Sid: 'DenyQuarantine',
      Effect: 'Deny',
      Action: ['states:*'],
      Resource: [quarantineMachineArn('*', '*'), quarantineExecutionArn('*')],
    },
    {
      Sid: 'DenyNameless',
      Effect: 'Deny',
      Action: ['*'],
      Resource: ['*'],
      Condition: { Null: { 'aws:SourceIdentity': 'true' } },
    },
  )
}

/** What one agent's task needs, as its declaration says. */
export function agentPolicy(may: readonly string[]): Policy {
  return policy({ Sid: 'DoTask', Effect: 'Allow', Action: [...may].sort(), Resource: ['*'] })
}
