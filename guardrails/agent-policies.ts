// Policies of agents: an agent's role gets the actions of its task, inside a permissions boundary that no
// task can widen.
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

/**
 * The permissions boundary of every agent. A boundary grants nothing; it limits the grants of the agent's own
 * policy.
 */
export function agentBoundary(vault: VaultLocation, environmentTag: string): Policy {
  const vaultBuckets = [vaultBucketName, feedbackBucketName].map((nameOf) =>
    bucketArn(nameOf(everyRegion(vault))),
  )
  return policy(
    {
      Sid: 'CapToTasks',
      Effect: 'Allow',
      // No task may change identities, sessions or accounts. (No policy can deny sts:GetCallerIdentity, which
      // needs no permission.)
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
        // The deny needs a tag that is present, because most resources have none and most list calls name no
        // resource.
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
    // Denied, because the input of an execution names the agent to quarantine, so one agent could quarantine
    // another.
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

/** @param may the actions that the agent's declaration in `holdfast:agents` lists */
export function agentPolicy(may: readonly string[]): Policy {
  return policy({ Sid: 'DoTask', Effect: 'Allow', Action: [...may].sort(), Resource: ['*'] })
}
