// Policies against the organization's delegated administrators. A member account with such a role acts on other
// accounts, or gets a session in them, with no permission of theirs.
import { checkRoleArn, roleArn, rolePaths, taskExecutionRoleName, trailArn } from './names.ts'
import { policy } from './policy.ts'
import type { Policy, Statement } from './policy.ts'

/**
 * Actions by which a delegated administrator enters other accounts or binds them. The management account does them, and
 * no control policy binds it.
 */
export const delegatedActions = [
  // Stack sets deploy with an administrator's role in each target account.
  'cloudformation:ActivateOrganizationsAccess',
  'cloudformation:CreateStackInstances',
  'cloudformation:CreateStackSet',
  'cloudformation:ImportStacksToStackSet',
  'cloudformation:UpdateStackInstances',
  'cloudformation:UpdateStackSet',
  // Root sessions in member accounts.
  'iam:EnableOrganizationsRootCredentialsManagement',
  'iam:EnableOrganizationsRootSessions',
  'sts:AssumeRoot',
  // A control policy of an attacker can make the vault unreadable.
  'organizations:AttachPolicy',
  'organizations:CreatePolicy',
  'organizations:DeleteResourcePolicy',
  'organizations:EnableAWSServiceAccess',
  'organizations:EnablePolicyType',
  'organizations:PutResourcePolicy',
  'organizations:RegisterDelegatedAdministrator',
  // Identity Center: permission sets, their assignment to accounts, and the people in its directory.
  'identitystore:CreateGroupMembership',
  'identitystore:UpdateUser',
  'sso-directory:AddMemberToGroup',
  'sso-directory:UpdatePassword',
  'sso:AssociateDirectory',
  'sso:AttachCustomerManagedPolicyReferenceToPermissionSet',
  'sso:AttachManagedPolicyToPermissionSet',
  'sso:CreateAccountAssignment',
  'sso:CreatePermissionSet',
  'sso:DeleteAccountAssignment',
  'sso:ProvisionPermissionSet',
  'sso:PutInlinePolicyToPermissionSet',
  'sso:PutMfaDeviceManagementForDirectory',
  'sso:UpdatePermissionSet',
  'sso:UpdateSSOConfiguration',
] as const

/** Actions of account management: who gets AWS's mail about an account, and which regions it has. */
export const accountActions = [
  'account:AcceptPrimaryEmailUpdate',
  'account:DeleteAlternateContact',
  'account:DisableRegion',
  'account:EnableRegion',
  'account:PutAccountName',
  'account:PutAlternateContact',
  'account:PutContactInformation',
  'account:StartPrimaryEmailUpdate',
] as const

/** Actions by which a delegated administrator of CloudTrail stops the organization's trail. */
export const trailActions = [
  'cloudtrail:DeleteTrail',
  'cloudtrail:PutEventSelectors',
  'cloudtrail:StopLogging',
  'cloudtrail:UpdateTrail',
] as const

/** For every member account of Holdfast: no principal acts as an administrator of the organization. */
export function delegationStatements(): Statement[] {
  return [
    { Sid: 'DenyDelegation', Effect: 'Deny', Action: delegatedActions, Resource: ['*'] },
    {
      Sid: 'DenyActionsOnAccounts',
      Effect: 'Deny',
      Action: accountActions,
      // The form of an account as its organization names it: `account/o-ID/ACCOUNT`. An account's own name ends with
      // `account`.
      Resource: ['arn:aws:account::*:account/*'],
    },
    { Sid: 'KeepTrail', Effect: 'Deny', Action: trailActions, Resource: [trailArn('*', '*')] },
  ]
}

/**
 * For the vault account: only listed principals can do anything. A delegated administrator makes roles there, such as
 * `stacksets-exec-*` and `AWSReservedSSO_*`, which no list names. The root user is listed, because the freeze binds
 * it and a lost list needs it. Service-linked roles are bound by no control policy.
 * @param principals ARNs of roles and users of the vault's account; `*` may end a name
 */
export function vaultPrincipalsPolicy(accountId: string, principals: readonly string[]): Policy {
  const ours = [rolePaths.vault, rolePaths.checks, rolePaths.audit].map((path) =>
    roleArn(accountId, path, '*'),
  )
  return policy(
    {
      Sid: 'AdmitListedPrincipals',
      Effect: 'Deny',
      Action: ['*'],
      Resource: ['*'],
      Condition: {
        ArnNotLike: {
          'aws:PrincipalArn': [`arn:aws:iam::${accountId}:root`, ...ours, ...[...new Set(principals)].sort()],
        },
      },
    },
    {
      Sid: 'DenyForgedLogs',
      Effect: 'Deny',
      // On every log group, because a line in the embedded metric format makes a metric of any name.
      Action: ['logs:PutLogEvents'],
      Resource: ['*'],
      Condition: {
        ArnNotLike: { 'aws:PrincipalArn': checkRoleArn(accountId, taskExecutionRoleName) },
      },
    },
  )
}
