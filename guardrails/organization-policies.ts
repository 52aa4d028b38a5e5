// What the organization holds against everyone in an account, root included: service and resource control policies.
import { destructiveActions } from './catalogue.ts'
import { delayStatements } from './delay-policies.ts'
import {
  frozenAccountActions,
  frozenBucketActions,
  frozenMachineActions,
  frozenRoleActions,
  frozenRuleActions,
  frozenTopicActions,
} from './frozen-actions.ts'
import {
  agentBoundaryName,
  alarmBusArn,
  alarmTopicArn,
  anyAgentArn,
  auditBucketName,
  breakGlassRoleName,
  bucketArn,
  duties,
  dutyRoleArn,
  everyRegion,
  feedbackBucketName,
  forwarderRoleArn,
  quarantineExecutionArn,
  quarantineMachineArn,
  quarantineName,
  quarantineStarterName,
  roleArn,
  rolePaths,
  toolkitBucketName,
  vaultBucketName,
} from './names.ts'
import { policy } from './policy.ts'
import type { Duty, VaultLocation } from './names.ts'
import type { Condition, Policy } from './policy.ts'

function frozenAfter(thawUntil: string): { Condition?: Condition } {
  return thawUntil === '' ? {} : { Condition: { DateGreaterThan: { 'aws:CurrentTime': thawUntil } } }
}

/** Rules of Holdfast: on the default bus, and on the bus of alarms. */
function ruleArns(accountId: string): string[] {
  return [`arn:aws:events:*:${accountId}:rule/holdfast-*`]
}

/** For every member account: it stays a member, and stays open. */
export function membershipPolicy(): Policy {
  return policy({
    Sid: 'StayInOrganization',
    Effect: 'Deny',
    Action: [
      'account:CloseAccount',
      'organizations:CloseAccount',
      'organizations:DeletePolicy',
      'organizations:DetachPolicy',
      'organizations:DisablePolicyType',
      'organizations:LeaveOrganization',
      'organizations:MoveAccount',
      'organizations:RemoveAccountFromOrganization',
      'organizations:UpdatePolicy',
    ],
    Resource: ['*'],
  })
}

/**
 * For the vault account: buckets, their policies and the documents of its roles stay as they are. Writers are not
 * among the frozen roles, so that a source can be added at any time: the bucket policy holds what a writer may never do.
 * @param thawUntil ISO 8601; until then the freeze is off, afterwards it is on again by itself. Empty: it is on.
 */
export function vaultFreezePolicy(vault: VaultLocation, thawUntil: string): Policy {
  const thaw = frozenAfter(thawUntil)
  const buckets = [vaultBucketName, feedbackBucketName, auditBucketName, toolkitBucketName].map((nameOf) =>
    bucketArn(nameOf(everyRegion(vault))),
  )
  return policy(
    { Sid: 'FreezeVaultBucket', Effect: 'Deny', Action: frozenBucketActions, Resource: buckets, ...thaw },
    { Sid: 'FreezeOtherWaysIn', Effect: 'Deny', Action: frozenAccountActions, Resource: ['*'], ...thaw },
    {
      Sid: 'FreezeRoles',
      Effect: 'Deny',
      Action: frozenRoleActions,
      Resource: duties.map((duty: Duty) => dutyRoleArn(vault.accountId, duty)),
      ...thaw,
    },
    {
      Sid: 'FreezeAlarms',
      Effect: 'Deny',
      // Not what adds one: a new source brings its own. An alarm says when one is put.
      Action: [...frozenRuleActions, ...frozenTopicActions],
      Resource: [
        ...ruleArns(vault.accountId),
        alarmBusArn(vault),
        alarmTopicArn(everyRegion(vault)),
        `arn:aws:cloudwatch:*:${vault.accountId}:alarm:holdfast-*`,
      ],
      ...thaw,
    },
  )
}

/** For production: agents don't destroy, and nobody takes an agent's boundary off or widens it. */
export function productionPolicy(productionAccountId: string, thawUntil: string): Policy {
  const agents = anyAgentArn(productionAccountId)
  const inProduction = (name: string) => roleArn(productionAccountId, rolePaths.production, name)
  const thaw = frozenAfter(thawUntil)
  return policy(
    {
      Sid: 'DenyDestructionByAgents',
      Effect: 'Deny',
      Action: destructiveActions(),
      Resource: ['*'],
      Condition: { ArnLike: { 'aws:PrincipalArn': agents } },
    },
    {
      Sid: 'KeepAgentBoundary',
      Effect: 'Deny',
      // A role is created with its boundary: putting one on later is only ever a way of replacing it. That of break-glass is
      // the approval, if one is asked for.
      Action: ['iam:DeleteRolePermissionsBoundary', 'iam:PutRolePermissionsBoundary'],
      Resource: [agents, inProduction(breakGlassRoleName)],
      ...thaw,
    },
    {
      Sid: 'KeepAgentBoundaryPolicy',
      Effect: 'Deny',
      Action: [
        'iam:CreatePolicyVersion',
        'iam:DeletePolicy',
        'iam:DeletePolicyVersion',
        'iam:SetDefaultPolicyVersion',
      ],
      Resource: [`arn:aws:iam::${productionAccountId}:policy/${agentBoundaryName}`],
      ...thaw,
    },
    {
      Sid: 'KeepAlarms',
      Effect: 'Deny',
      Action: [...frozenRuleActions, 'events:PutRule', 'events:PutTargets'],
      Resource: ruleArns(productionAccountId),
      ...thaw,
    },
    {
      Sid: 'KeepAlarmForwarder',
      Effect: 'Deny',
      Action: frozenRoleActions,
      Resource: [
        forwarderRoleArn(productionAccountId),
        inProduction(quarantineName),
        inProduction(quarantineStarterName),
      ],
      ...thaw,
    },
    {
      Sid: 'KeepQuarantine',
      Effect: 'Deny',
      Action: frozenMachineActions,
      Resource: [quarantineMachineArn(productionAccountId, '*'), quarantineExecutionArn(productionAccountId)],
      ...thaw,
    },
  )
}

/** For production: what delays a deletion stays, whoever deletes, root included. */
export function productionDelayPolicy(productionAccountId: string, thawUntil: string): Policy {
  return policy(...delayStatements(productionAccountId, frozenAfter(thawUntil)))
}

/**
 * Resource control policy for the vault account: nobody from outside it touches its data, nobody from outside the
 * organization becomes one of its roles. It holds even if a bucket or trust policy should ever say otherwise.
 */
export function vaultPerimeterPolicy(vault: VaultLocation, organizationId: string): Policy {
  return policy(
    {
      Sid: 'VaultDataStaysInside',
      Effect: 'Deny',
      Principal: '*',
      Action: ['s3:*'],
      Resource: ['*'],
      Condition: {
        StringNotEquals: { 'aws:PrincipalAccount': vault.accountId },
        BoolIfExists: { 'aws:PrincipalIsAWSService': 'false' },
      },
    },
    {
      Sid: 'VaultRolesStayInside',
      Effect: 'Deny',
      Principal: '*',
      // Not AssumeRoleWithWebIdentity: whoever comes with a token of another issuer has no organization to be in.
      Action: ['sts:AssumeRole'],
      Resource: ['*'],
      Condition: {
        StringNotEquals: { 'aws:PrincipalOrgID': organizationId },
        BoolIfExists: { 'aws:PrincipalIsAWSService': 'false' },
      },
    },
  )
}
