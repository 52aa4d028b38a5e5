// Policies of agents: an agent's role gets the actions of its task, inside a permissions boundary that no
// task can widen.
import { limitAgent, servicesOf } from './catalogue/agent-limits.ts'
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
import type { Policy, Statement } from './policy.ts'
import type { VaultLocation } from './names.ts'

export interface AgentTask {
  /** The actions that the agent's declaration in `holdfast:agents` lists. */
  may: readonly string[]
  environmentTag: string
}

/**
 * The permissions boundary of one agent. A boundary grants nothing; it limits the grants of the agent's own
 * policy. It allows the actions of the task alone, so that a service that AWS adds is denied.
 */
export function agentBoundary(vault: VaultLocation, { may, environmentTag }: AgentTask): Policy {
  const vaultBuckets = [vaultBucketName, feedbackBucketName].map((nameOf) =>
    bucketArn(nameOf(everyRegion(vault))),
  )
  const { allowed, denied } = limitAgent(may)
  return policy(
    { Sid: 'CapToTasks', Effect: 'Allow', Action: allowed, Resource: ['*'] },
    // Denied, not only left out, because a resource's policy that names a session goes around what a boundary
    // leaves out.
    ...(denied.length === 0
      ? []
      : [{ Sid: 'DenyDestruction', Effect: 'Deny', Action: denied, Resource: ['*'] } as const]),
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
    ...quarantineDenial(may),
    {
      Sid: 'DenyNameless',
      Effect: 'Deny',
      Action: ['*'],
      Resource: ['*'],
      Condition: { Null: { 'aws:SourceIdentity': 'true' } },
    },
  )
}

/**
 * Denied, because the input of an execution names the agent to quarantine, so one agent could quarantine
 * another. An agent without Step Functions needs no deny.
 */
function quarantineDenial(may: readonly string[]): Statement[] {
  if (!servicesOf(may).includes('states')) return []
  return [
    {
      Sid: 'DenyQuarantine',
      Effect: 'Deny',
      Action: ['states:*'],
      Resource: [quarantineMachineArn('*', '*'), quarantineExecutionArn('*')],
    },
  ]
}

/** @param may the actions that the agent's declaration in `holdfast:agents` lists */
export function agentPolicy(may: readonly string[]): Policy {
  return policy({ Sid: 'DoTask', Effect: 'Allow', Action: [...may].sort(), Resource: ['*'] })
}
