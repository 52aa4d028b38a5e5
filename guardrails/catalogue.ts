// The destructive catalogue: every AWS action that destroys data, or weakens the protection of data, with
// AWS's safeguard.
//
// This is the first file to read in guardrails/. The folder holds pure functions and data, and imports
// nothing from the rest:
//
// - lists: this catalogue, catalogue/ (a judgement of each action of the examined services), recovery.ts (the worth
//   of each safeguard), frozen-actions.ts, guards.ts, names.ts
// - vault: vault-bucket-policy.ts, feedback-, toolkit- and audit-bucket policies, role-policies.ts, trust-policies.ts
// - production: agent-policies.ts, break-glass-policy.ts, quarantine.ts, revocation-policy.ts,
//   delay-policies.ts
// - organization: organization-policies.ts
// - checks: check-policies.ts, restore-test-policies.ts, restore-test-machine.ts
// - alarms: alarm-patterns.ts
//
// Boundaries, control policies, break-glass, alarms and the proof read the catalogue, so one new row reaches
// all of them.

type Loss = 'data' | 'protection' | 'readability' | 'evidence' | 'identity'

export interface DestructiveAction {
  /** An IAM action such as `ec2:DeleteVolume`. A `*` at the end stands for a family of actions. */
  action: string
  loss: Loss
  lost: string
  /** AWS's own protection against the action. Null if AWS has none, so that only a deny protects. */
  safeguard: string | null
  /**
   * Whether break-glass may call it: yes for emergency repairs at night, no for actions that only hide
   * tracks.
   */
  breakGlass: boolean
  /**
   * The year in which AWS introduced the action or its safeguard. Set only where older advice can't cover it
   * yet.
   */
  since: number | null
}

type Row = [action: string, lost: string, safeguard: string | null, since?: number]

const recycleBin = 'Recycle Bin with a locked rule'
const deletionProtection = 'deletion protection'
const noSafeguard = null

const data: Row[] = [
  ['ec2:DeleteVolume', 'the volume', recycleBin, 2025],
  ['ec2:DetachVolume', 'the disk of a running machine', noSafeguard],
  ['ec2:DeleteSnapshot', 'the snapshot', `${recycleBin}; snapshot lock`],
  ['ec2:DeregisterImage', 'the image', recycleBin],
  ['ec2:ModifySnapshotTier', 'quick access to the snapshot', noSafeguard],
  ['ec2:TerminateInstances', 'the machine and its instance storage', 'termination protection'],
  ['rds:DeleteDBInstance', 'the database', deletionProtection],
  ['rds:DeleteDBCluster', 'the cluster', deletionProtection],
  ['rds:DeleteDBSnapshot', 'the snapshot', noSafeguard],
  ['rds:DeleteDBClusterSnapshot', 'the snapshot', noSafeguard],
  ['rds:DeleteDBInstanceAutomatedBackup', 'point-in-time recovery of a deleted instance', noSafeguard],
  ['rds:DeleteDBClusterAutomatedBackup', 'point-in-time recovery of a deleted cluster', noSafeguard],
  ['dynamodb:DeleteTable', 'the table', deletionProtection],
  ['dynamodb:DeleteBackup', 'the backup', noSafeguard],
  ['elasticfilesystem:DeleteFileSystem', 'the file system', 'AWS Backup'],
  ['s3:DeleteObject', 'sight of the object', 'versioning'],
  ['s3:DeleteObjectVersion', 'the version', 'Object Lock'],
  ['s3:DeleteBucket', "the bucket's name", 'a bucket has to be empty'],
  ['backup:DeleteRecoveryPoint', 'the recovery point', 'vault lock'],
  ['backup:DeleteBackupVault', 'the backup vault', 'a vault has to be empty'],
  ['cloudformation:DeleteStack', 'everything in the stack', 'termination protection'],
]

const protection: Row[] = [
  ['ec2:UnlockSnapshot', "the snapshot's lock", 'compliance mode'],
  ['ec2:ModifyInstanceAttribute', 'termination protection', noSafeguard],
  ['rbin:DeleteRule', 'the Recycle Bin', 'locked rule'],
  ['rbin:UnlockRule', 'the lock of the Recycle Bin', 'unlock delay of 7 days at least'],
  ['rbin:UpdateRule', "the Recycle Bin's days", 'locked rule'],
  ['rds:ModifyDBInstance', 'deletion protection and backup retention', noSafeguard],
  ['rds:ModifyDBCluster', 'deletion protection and backup retention', noSafeguard],
  ['dynamodb:UpdateTable', 'deletion protection', noSafeguard],
  ['dynamodb:UpdateContinuousBackups', 'point-in-time recovery', noSafeguard],
  ['elasticfilesystem:PutBackupPolicy', 'automatic backups', noSafeguard],
  ['s3:PutBucketVersioning', 'versions from now on', 'Object Lock'],
  ['s3:PutLifecycleConfiguration', 'objects by age', 'Object Lock'],
  ['s3:PutBucketPolicy', "the bucket's guards", noSafeguard],
  ['s3:DeleteBucketPolicy', "the bucket's guards", noSafeguard],
  ['s3:PutReplicationConfiguration', "the replica's feed, in silence", noSafeguard],
  ['s3:BypassGovernanceRetention', 'locks in GOVERNANCE', 'COMPLIANCE'],
  ['s3:PutObjectLegalHold', 'legal holds', noSafeguard],
  ['backup:UpdateRecoveryPointLifecycle', 'recovery points by age', 'vault lock'],
  ['backup:DisassociateRecoveryPoint*', 'control of a continuous backup', noSafeguard],
  ['backup:DeleteBackupPlan', 'backups from now on', noSafeguard],
  ['backup:DeleteBackupSelection', 'backups from now on', noSafeguard],
  ['backup:DeleteBackupVaultLockConfiguration', 'the vault lock', 'compliance mode'],
  ['backup:DeleteBackupVaultAccessPolicy', "the vault's guards", noSafeguard],
  ['backup:UpdateGlobalSettings', 'copies to other accounts', noSafeguard],
  ['backup:UpdateRegionSettings', 'the services that are backed up', noSafeguard],
  ['cloudformation:UpdateTerminationProtection', 'termination protection', noSafeguard],
]

const readability: Row[] = [
  [
    'kms:ScheduleKeyDeletion',
    'everything under the key, at once',
    'a window of up to 30 days in which it can be cancelled',
  ],
  ['kms:DisableKey', 'everything under the key, until it is enabled', noSafeguard],
  ['kms:PutKeyPolicy', 'access to everything under the key', noSafeguard],
  ['kms:DeleteImportedKeyMaterial', 'everything under the key, at once', noSafeguard],
  ['kms:RevokeGrant', "a service's access to what it encrypted", noSafeguard],
  ['kms:UpdateAlias', 'what new data is encrypted under', noSafeguard],
  ['s3:PutEncryptionConfiguration', 'what new objects are encrypted under', noSafeguard],
  ['s3:UpdateObjectEncryption', 'readability of an object', 'COMPLIANCE', 2026],
  ['secretsmanager:DeleteSecret', 'the secret', 'a recovery window of 7 to 30 days'],
]

const evidence: Row[] = [
  ['cloudtrail:StopLogging', 'the trail', noSafeguard],
  ['cloudtrail:DeleteTrail', 'the trail', noSafeguard],
  ['cloudtrail:UpdateTrail', 'where the trail goes', noSafeguard],
  ['cloudtrail:PutEventSelectors', 'what the trail sees', noSafeguard],
  ['logs:DeleteLogGroup', 'the logs', deletionProtection, 2025],
  ['logs:PutRetentionPolicy', 'logs by age', noSafeguard],
  ['events:DeleteRule', 'the alarm', noSafeguard],
  ['events:DisableRule', 'the alarm', noSafeguard],
]

const identity: Row[] = [
  ['iam:PutRolePermissionsBoundary', 'the boundary', noSafeguard],
  ['iam:DeleteRolePermissionsBoundary', 'the boundary', noSafeguard],
  ['iam:PutUserPermissionsBoundary', 'the boundary', noSafeguard],
  ['iam:DeleteUserPermissionsBoundary', 'the boundary', noSafeguard],
  ['iam:UpdateAssumeRolePolicy', 'who may become a role', noSafeguard],
  ['iam:Attach*', 'what an identity is limited to', noSafeguard],
  ['iam:PutRolePolicy', 'what a role is limited to', noSafeguard],
  ['iam:PutUserPolicy', 'what a user is limited to', noSafeguard],
  ['iam:CreatePolicyVersion', 'what a policy says, boundaries included', noSafeguard],
  ['iam:SetDefaultPolicyVersion', 'what a policy says, boundaries included', noSafeguard],
  ['iam:PassRole', 'the limits of the one who passes', noSafeguard],
  ['iam:CreateAccessKey', 'the end of a session: a key lives for ever', noSafeguard],
  ['iam:CreateUser', 'the boundary, by way of a new identity', noSafeguard],
  ['iam:CreateRole', 'the boundary, by way of a new identity', noSafeguard],
  ['organizations:LeaveOrganization', 'every guardrail of the organization', noSafeguard],
  ['account:CloseAccount', 'the account, after 90 days', noSafeguard],
]

export const catalogue: readonly DestructiveAction[] = [
  ...describe('data', data, true),
  ...describe('protection', protection, true),
  ...describe('readability', readability, true),
  ...describe('evidence', evidence, false),
  ...describe('identity', identity, false),
]

function describe(loss: Loss, rows: Row[], breakGlass: boolean): DestructiveAction[] {
  return rows.map(([action, lost, safeguard, since]) => ({
    action,
    loss,
    lost,
    safeguard,
    breakGlass,
    since: since ?? null,
  }))
}

/** All actions of the catalogue, sorted. */
export function destructiveActions(): string[] {
  return catalogue.map(({ action }) => action).sort()
}

/** The actions that break-glass may call, sorted. */
export function breakGlassActions(): string[] {
  return catalogue
    .filter(({ breakGlass }) => breakGlass)
    .map(({ action }) => action)
    .sort()
}
