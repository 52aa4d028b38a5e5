// Service and resource control policies, with which the organization binds every principal of an account, the
// root user included.
import { tierOnePatterns } from './catalogue/agent-limits.ts'
import { accountActions, delegationStatements } from './delegation-policies.ts'
import { delayStatements } from './delay-policies.ts'
import {
  frozenAccountActions,
  frozenBucketActions,
  frozenCheckActions,
  frozenMachineActions,
  frozenMeasureActions,
  frozenPolicyActions,
  frozenProviderActions,
  frozenRoleActions,
  frozenRuleActions,
  frozenTopicActions,
  keyDeletions,
  lastingCredentialActions,
  roleDeletions,
} from './frozen-actions.ts'
import {
  agentBoundaryName,
  alarmBusArn,
  alarmTopicArn,
  anyAgentArn,
  auditBucketName,
  breakGlassRoleName,
  bucketArn,
  checkClusterArn,
  duties,
  dutyRoleArn,
  everyRegion,
  feedbackBucketName,
  forwarderRoleArn,
  imageRepositoryName,
  quarantineExecutionArn,
  quarantineMachineArn,
  quarantineName,
  quarantineStarterName,
  roleArn,
  rolePaths,
  toolkitBucketName,
  vaultBucketName,
  writeLogGroupName,
} from './names.ts'
import { nativeFreeze, nativeKeep } from './native-backups.ts'
import type { NativeBackup } from './native-backups.ts'
import { policy } from './policy.ts'
import type { Duty, VaultLocation } from './names.ts'
import type { Condition, Policy, S3Policy, Statement } from './policy.ts'

/** The condition of a freeze that is off until `thawUntil`. */
export function frozenAfter(thawUntil: string): { Condition?: Condition } {
  return thawUntil === '' ? {} : { Condition: { DateGreaterThan: { 'aws:CurrentTime': thawUntil } } }
}

/** Matches Holdfast's event rules, on the default bus and on the alarm bus. */
function ruleArns(accountId: string): string[] {
  return [`arn:aws:events:*:${accountId}:rule/holdfast-*`]
}

/**
 * For every member account: no principal can take it out of the organization, close it, detach its policies, or
 * administer other accounts.
 */
export function membershipPolicy(): Policy {
  return policy(
    {
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
    },
    ...delegationStatements(),
  )
}

/**
 * For the vault account: no principal can change the buckets, their policies or the policies of the roles.
 * Writers are not frozen, so that a source can be added at any time. The bucket policy still limits every
 * writer.
 * @param thawUntil ISO 8601. The freeze is off until then, and on again afterwards. Empty: the freeze is on.
 * @param native the backups of AWS Backup; without any, the account has no vault of AWS Backup to freeze
 */
export function vaultFreezePolicy(
  vault: VaultLocation,
  thawUntil: string,
  native: readonly NativeBackup[] = [],
): Policy {
  const thaw = frozenAfter(thawUntil)
  return policy(
    ...vaultFreezeStatements(vault, thaw),
    {
      Sid: 'DenyLastingCredentials',
      Effect: 'Deny',
      Action: lastingCredentialActions,
      Resource: ['*'],
      ...thaw,
    },
    ...(native.length === 0 ? [] : nativeFreeze(thaw)),
  )
}

export function vaultFreezeStatements(vault: VaultLocation, thaw: { Condition?: Condition }): Statement[] {
  const buckets = [vaultBucketName, feedbackBucketName, auditBucketName, toolkitBucketName].map((nameOf) =>
    bucketArn(nameOf(everyRegion(vault))),
  )
  return [
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
      Sid: 'KeepParts',
      Effect: 'Deny',
      Action: [...roleDeletions, ...keyDeletions],
      Resource: [roleArn(vault.accountId, '/', 'holdfast*'), `arn:aws:kms:*:${vault.accountId}:*`],
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
    { Sid: 'FreezeMeasures', Effect: 'Deny', Action: frozenMeasureActions, Resource: ['*'], ...thaw },
    {
      Sid: 'FreezeChecks',
      Effect: 'Deny',
      Action: frozenCheckActions,
      Resource: [
        `arn:aws:ecr:*:${vault.accountId}:repository/${imageRepositoryName}`,
        checkClusterArn(everyRegion(vault)),
        ...['/holdfast/*', writeLogGroupName].map(
          (name) => `arn:aws:logs:*:${vault.accountId}:log-group:${name}`,
        ),
      ],
      ...thaw,
    },
    {
      Sid: 'FreezeProviders',
      Effect: 'Deny',
      Action: frozenProviderActions,
      Resource: ['*'],
      ...thaw,
    },
    {
      Sid: 'FreezeContacts',
      Effect: 'Deny',
      Action: accountActions.filter((action) => !action.includes('PrimaryEmail')),
      Resource: [`arn:aws:account::${vault.accountId}:account`],
      ...thaw,
    },
  ]
}

/**
 * For the vault account: no bucket can be public. Unlike the account's own block, no principal of the account can
 * change it, the root user included, and a thaw doesn't lift it.
 * @see https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_s3_syntax.html
 */
export function publicAccessPolicy(): S3Policy {
  return { s3_attributes: { public_access_block_configuration: { '@@assign': 'all' } } }
}

/**
 * For production: agents can't destroy data, whether or not they have a boundary.
 * @param agentServices the services that some agent may use; without any, agents can do nothing
 */
export function productionPolicy(productionAccountId: string, agentServices: readonly string[]): Policy {
  const byAgents = { ArnLike: { 'aws:PrincipalArn': anyAgentArn(productionAccountId) } }
  const destruction = tierOnePatterns(agentServices)
  return policy(
    {
      Sid: 'DenyOtherServicesToAgents',
      Effect: 'Deny',
      ...(agentServices.length === 0
        ? { Action: ['*'] }
        : { NotAction: agentServices.map((service) => `${service}:*`) }),
      Resource: ['*'],
      Condition: byAgents,
    },
    ...(destruction.length === 0
      ? []
      : [
          {
            Sid: 'DenyDestructionByAgents',
            Effect: 'Deny',
            Action: destruction,
            Resource: ['*'],
            Condition: byAgents,
          } as const,
        ]),
  )
}

/**
 * For production: no principal can shorten the delay of a deletion, remove or widen an agent's boundary, or
 * silence the alarms, the root user included. A policy of its own, because the one above grows with the
 * services that agents use.
 */
export function productionDelayPolicy(
  productionAccountId: string,
  thawUntil: string,
  native: readonly NativeBackup[] = [],
): Policy {
  const agents = anyAgentArn(productionAccountId)
  const inProduction = (name: string) => roleArn(productionAccountId, rolePaths.production, name)
  const thaw = frozenAfter(thawUntil)
  return policy(
    ...delayStatements(productionAccountId, thaw),
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
      Action: frozenPolicyActions,
      Resource: [`arn:aws:iam::${productionAccountId}:policy/${agentBoundaryName('*')}`],
      ...thaw,
    },
    {
      Sid: 'KeepParts',
      Effect: 'Deny',
      // Break-glass, its approver and the responders: without them, an incident finds no way in.
      Action: roleDeletions,
      Resource: [inProduction('*')],
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
    ...(native.length === 0 ? [] : nativeKeep(productionAccountId, thaw)),
  )
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
