// Backups that AWS Backup makes of databases, tables, file systems and volumes: the names, the policies, and the
// events. Production's plans copy each recovery point into an air-gapped vault of the vault's account.
import { frozenRoleActions } from './frozen-actions.ts'
import { roleArn, rolePaths } from './names.ts'
import type { VaultLocation } from './names.ts'
import { policy } from './policy.ts'
import type { Condition, Policy, Statement } from './policy.ts'

/** One entry of `holdfast:native`. */
export interface NativeBackup {
  /** `KEY=VALUE`: resources of production with this tag are backed up. */
  tag: string
  schedule: NativeSchedule
  /** Days for which the copy in the vault's account is locked. */
  retentionDays: number
}

export type NativeSchedule = 'hourly' | 'twice-daily' | 'daily'

interface Timing {
  /** In UTC. */
  cron: string
  /** The interval, and half a day for the window, the backup and its copy. */
  missingAfterHours: number
}

export const nativeTimings: Readonly<Record<NativeSchedule, Timing>> = {
  hourly: { cron: 'cron(0 * * * ? *)', missingAfterHours: 13 },
  'twice-daily': { cron: 'cron(0 3,15 * * ? *)', missingAfterHours: 24 },
  daily: { cron: 'cron(0 3 * * ? *)', missingAfterHours: 36 },
}

/**
 * Fixed, because AWS can't change the bounds of an air-gapped vault, and a program that changed them would replace
 * the vault. The minimum is AWS's own. The maximum limits what production can make the vault's account pay for.
 */
export const nativeRetention = { minDays: 7, maxDays: 3650 } as const
/** Days of the recovery point that stays in production, for a quick restore. */
export const nativeLocalDays = 7

/** The air-gapped vault of a region, in the vault's account. */
export const nativeVaultName = 'holdfast-native'
export const nativeBackupRoleName = 'holdfast-native-backup'
export const nativeRestoreRoleName = 'holdfast-native-restore'
/** Tag of the plans in production, by which a control policy keeps them: AWS chooses their ids. */
export const nativePlanTag = { key: 'holdfast-native', value: 'kept' } as const
/** The rule that logs each completed copy, and its log. EventBridge demands the log's prefix. */
export const nativeCopyRuleName = 'holdfast-native-copies'
export const nativeCopyLogGroupName = '/aws/events/holdfast-native'
export const nativeMetricNamespace = 'Holdfast/Native'

/** The part of names that stands for one entry. */
export function nativeName(tag: string): string {
  return tag.replace('=', '-')
}

/** The vault in production that an entry's backups start in; `*` for all. */
export function nativeLocalVaultArn(accountId: string, region: string, tag: string): string {
  return `arn:aws:backup:${region}:${accountId}:backup-vault:${nativeLocalVaultName(tag)}`
}

export function nativeLocalVaultName(tag: string): string {
  return `${nativeVaultName}-${nativeName(tag)}`
}

export function nativeVaultArn({ accountId, region }: VaultLocation): string {
  return `arn:aws:backup:${region}:${accountId}:backup-vault:${nativeVaultName}`
}

export function nativeBackupRoleArn(productionAccountId: string): string {
  return roleArn(productionAccountId, rolePaths.production, nativeBackupRoleName)
}

export function nativeRestoreRoleArn(vaultAccountId: string): string {
  return roleArn(vaultAccountId, rolePaths.checks, nativeRestoreRoleName)
}

/** The air-gapped vault takes copies by the role of production's plans, and nothing else from outside. */
export function nativeVaultPolicy(location: VaultLocation, productionAccountId: string): Policy {
  return policy({
    Sid: 'LetPlansCopy',
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${productionAccountId}:root` },
    Action: ['backup:CopyIntoBackupVault'],
    Resource: [nativeVaultArn(location)],
    Condition: { ArnEquals: { 'aws:PrincipalArn': nativeBackupRoleArn(productionAccountId) } },
  })
}

/**
 * For both roles. Only a principal of the same account can pass a role to AWS Backup, so no condition on the
 * account is needed.
 */
export function nativeTrustPolicy(): Policy {
  return policy({
    Sid: 'TrustBackup',
    Effect: 'Allow',
    Principal: { Service: 'backup.amazonaws.com' },
    Action: ['sts:AssumeRole'],
  })
}

const services = ['backup', 'dynamodb', 'ebs', 'ec2', 'elasticfilesystem', 'kms', 'rds', 'tag']

export type NativeRoleUse = 'Backup' | 'Restores'

/** AWS maintains the policies that the roles have besides. So these denies limit what a later version may add. */
export function nativeRolePolicy(use: NativeRoleUse): Policy {
  const stay: Statement = {
    Sid: 'StayWithBackups',
    Effect: 'Deny',
    NotAction: services.map((service) => `${service}:*`),
    Resource: ['*'],
  }
  if (use === 'Backup') return policy(stay)
  // The vault's account has file systems that hand restored data to a restore test.
  return policy(stay, {
    Sid: 'DenyMounts',
    Effect: 'Deny',
    Action: ['elasticfilesystem:Client*'],
    Resource: ['*'],
  })
}

/**
 * Actions in the vault's account that take recovery points, their vault or their restore tests away, or open them.
 */
export const frozenNativeActions = [
  'backup:AssociateBackupVaultMpaApprovalTeam',
  'backup:CreateBackupAccessPoint',
  'backup:DeleteBackupVault',
  'backup:DeleteBackupVaultAccessPolicy',
  'backup:DeleteRecoveryPoint',
  'backup:DeleteRestoreTestingPlan',
  'backup:DeleteRestoreTestingSelection',
  'backup:DisassociateBackupVaultMpaApprovalTeam',
  'backup:DisassociateRecoveryPoint',
  'backup:DisassociateRecoveryPointFromParent',
  'backup:PutBackupVaultAccessPolicy',
  'backup:PutBackupVaultSharingPolicy',
  'backup:UpdateRecoveryPointLifecycle',
  'backup:UpdateRestoreTestingPlan',
  'backup:UpdateRestoreTestingSelection',
] as const

/** For the vault account, on every resource: the ARN of a recovery point doesn't name its vault. */
export function nativeFreeze(thaw: { Condition?: Condition }): Statement[] {
  return [{ Sid: 'FreezeNativeVault', Effect: 'Deny', Action: frozenNativeActions, Resource: ['*'], ...thaw }]
}

export const keptPlanActions = [
  'backup:DeleteBackupPlan',
  'backup:DeleteBackupSelection',
  'backup:TagResource',
  'backup:UntagResource',
  'backup:UpdateBackupPlan',
] as const

export const keptLocalVaultActions = [
  'backup:DeleteBackupVault',
  'backup:DeleteBackupVaultAccessPolicy',
  'backup:PutBackupVaultAccessPolicy',
] as const

export const keptSettingActions = ['backup:UpdateGlobalSettings', 'backup:UpdateRegionSettings'] as const

/** For production: no principal stops the plans, the root user included. */
export function nativeKeep(accountId: string, thaw: { Condition?: Condition }): Statement[] {
  return [
    {
      Sid: 'KeepNativePlans',
      Effect: 'Deny',
      Action: keptPlanActions,
      Resource: [`arn:aws:backup:*:${accountId}:backup-plan:*`],
      Condition: {
        ...thaw.Condition,
        StringEquals: { [`aws:ResourceTag/${nativePlanTag.key}`]: nativePlanTag.value },
      },
    },
    {
      Sid: 'KeepNativeVaults',
      Effect: 'Deny',
      Action: keptLocalVaultActions,
      Resource: [nativeLocalVaultArn(accountId, '*', '*')],
      ...thaw,
    },
    {
      Sid: 'KeepNativeRole',
      Effect: 'Deny',
      Action: frozenRoleActions,
      Resource: [nativeBackupRoleArn(accountId)],
      ...thaw,
    },
    { Sid: 'KeepNativeSettings', Effect: 'Deny', Action: keptSettingActions, Resource: ['*'], ...thaw },
  ]
}
