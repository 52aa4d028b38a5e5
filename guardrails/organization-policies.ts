// Service and resource control policies, with which the organization binds every principal of an account, the
// root user included.
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

/** Matches Holdfast's event rules, on the default bus and on the alarm bus. */
function ruleArns(accountId: string): string[] {
  return [`arn:aws:events:*:${accountId}:rule/holdfast-*`]
}

/**
 * For every member account: no principal can take it out of the organization, close it or detach its
 * policies.
 */
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
 * For the vault account: no principal can change the buckets, their policies or the policies of the roles.
 * Writers are not frozen, so that a source can be added at any time. The bucket policy still limits every
 * writer.
 * @param thawUntil ISO 8601. The freeze is off until then, and on again afterwards. Empty: the freeze is on.
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
      // PutRule and PutMetricAlarm stay allowed, because a new source adds its alarms. The alarm
      // `vault-alarms` reports each such call.
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

/** For production: agents can't destroy data, and no principal can remove or widen an agent's boundary. */
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
      // Roles are created with their boundary, so a later PutRolePermissionsBoundary could only replace it.
      // The boundary of break-glass is the approval, if approvers are configured.
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

/** For production: no principal can shorten the delay of a deletion, the root user included. */
export function productionDelayPolicy(productionAccountId: string, thawUntil: string): Policy {
  return policy(...delayStatements(productionAccountId, frozenAfter(thawUntil)))
}

/**
 * Resource control policy for the vault account: no principal of another account can access its data, and no
 * principal outside the organization can assume its roles. It also holds if a bucket policy or a trust policy
 * allows too much by mistake.
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
      // Not AssumeRoleWithWebIdentity, because a caller with an OIDC token belongs to no organization.
      Action: ['sts:AssumeRole'],
      Resource: ['*'],
      Condition: {
        StringNotEquals: { 'aws:PrincipalOrgID': organizationId },
        BoolIfExists: { 'aws:PrincipalIsAWSService': 'false' },
      },
    },
  )
}
