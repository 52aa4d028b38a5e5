// The worth of each safeguard in the destructive catalogue: for how long and by which action a caller can
// undo a loss, and which actions remove the safeguard first. The facts come from the AWS user guide of each
// service.

export interface Recovery {
  /**
   * `always`: AWS applies the safeguard to every account. `set-up`: only an account that configured it has
   * it.
   */
  presence: 'always' | 'set-up'
  /** `refuses`: the action fails. `delays`: AWS keeps the deleted resource for a time. */
  effect: 'refuses' | 'delays'
  /**
   * The minimum and maximum days of a delay. Null for a delay without an end, or if the safeguard refuses.
   */
  days: readonly [minDays: number, maxDays: number] | null
  /** The action that undoes the loss. Null if the safeguard refuses. */
  broughtBackBy: string | null
  /**
   * Actions that remove the safeguard. It doesn't stop a caller that has the action and one of these, unless
   * it is locked.
   */
  takenOffBy: readonly string[]
}

const recycleBinRule = ['rbin:DeleteRule', 'rbin:UpdateRule']
const objectLock: Recovery = {
  presence: 'set-up',
  effect: 'refuses',
  days: null,
  broughtBackBy: null,
  takenOffBy: ['s3:BypassGovernanceRetention'],
}
const vaultLock: Recovery = {
  presence: 'set-up',
  effect: 'refuses',
  days: null,
  broughtBackBy: null,
  takenOffBy: ['backup:DeleteBackupVaultLockConfiguration'],
}
const lockedRule: Recovery = {
  presence: 'set-up',
  effect: 'refuses',
  days: null,
  broughtBackBy: null,
  takenOffBy: ['rbin:UnlockRule'],
}

/** Recoveries by action of the catalogue. An action without a row has no reliable safeguard. */
export const recoveries: Readonly<Record<string, Recovery>> = {
  // https://docs.aws.amazon.com/ebs/latest/userguide/recycle-bin.html
  'ec2:DeleteVolume': recycleBin([1, 7], 'ec2:RestoreVolumeFromRecycleBin'),
  'ec2:DeleteSnapshot': recycleBin([1, 365], 'ec2:RestoreSnapshotFromRecycleBin'),
  'ec2:DeregisterImage': recycleBin([1, 365], 'ec2:RestoreImageFromRecycleBin'),
  'ec2:TerminateInstances': protection('ec2:ModifyInstanceAttribute'),
  'rds:DeleteDBInstance': protection('rds:ModifyDBInstance'),
  'rds:DeleteDBCluster': protection('rds:ModifyDBCluster'),
  'dynamodb:DeleteTable': protection('dynamodb:UpdateTable'),
  'elasticfilesystem:DeleteFileSystem': {
    presence: 'set-up',
    effect: 'delays',
    days: null,
    broughtBackBy: 'backup:StartRestoreJob',
    takenOffBy: ['backup:DeleteRecoveryPoint', 'backup:UpdateRecoveryPointLifecycle'],
  },
  // Deleting the delete marker undoes the action. The versions behind the marker stay until a caller deletes
  // them.
  's3:DeleteObject': {
    presence: 'set-up',
    effect: 'delays',
    days: null,
    broughtBackBy: 's3:DeleteObjectVersion',
    takenOffBy: ['s3:DeleteObjectVersion', 's3:PutLifecycleConfiguration'],
  },
  's3:DeleteObjectVersion': objectLock,
  's3:DeleteBucket': {
    presence: 'always',
    effect: 'refuses',
    days: null,
    broughtBackBy: null,
    takenOffBy: ['s3:DeleteObjectVersion', 's3:DeleteObject', 's3:PutLifecycleConfiguration'],
  },
  'backup:DeleteRecoveryPoint': vaultLock,
  'backup:DeleteBackupVault': {
    presence: 'always',
    effect: 'refuses',
    days: null,
    broughtBackBy: null,
    takenOffBy: ['backup:DeleteRecoveryPoint'],
  },
  'cloudformation:DeleteStack': protection('cloudformation:UpdateTerminationProtection'),
  // Compliance mode only, because in governance mode this very action removes the lock.
  'ec2:UnlockSnapshot': {
    presence: 'set-up',
    effect: 'refuses',
    days: null,
    broughtBackBy: null,
    takenOffBy: [],
  },
  'rbin:DeleteRule': lockedRule,
  'rbin:UpdateRule': lockedRule,
  // AWS unlocks a rule 7 to 30 days after the call. The owner can lock it again in the meantime.
  'rbin:UnlockRule': {
    presence: 'always',
    effect: 'delays',
    days: [7, 30],
    broughtBackBy: 'rbin:LockRule',
    takenOffBy: [],
  },
  's3:PutBucketVersioning': objectLock,
  's3:PutLifecycleConfiguration': objectLock,
  's3:BypassGovernanceRetention': {
    presence: 'set-up',
    effect: 'refuses',
    days: null,
    broughtBackBy: null,
    takenOffBy: [],
  },
  'backup:UpdateRecoveryPointLifecycle': vaultLock,
  'backup:DeleteBackupVaultLockConfiguration': {
    presence: 'set-up',
    effect: 'refuses',
    days: null,
    broughtBackBy: null,
    takenOffBy: [],
  },
  // https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
  'kms:ScheduleKeyDeletion': {
    presence: 'always',
    effect: 'delays',
    days: [7, 30],
    broughtBackBy: 'kms:CancelKeyDeletion',
    takenOffBy: [],
  },
  's3:UpdateObjectEncryption': objectLock,
  // A parameter of the same call skips the window, so the safeguard counts only where a policy denies that
  // parameter.
  'secretsmanager:DeleteSecret': {
    presence: 'set-up',
    effect: 'delays',
    days: [7, 30],
    broughtBackBy: 'secretsmanager:RestoreSecret',
    takenOffBy: [],
  },
  'logs:DeleteLogGroup': protection('logs:PutLogGroupDeletionProtection'),
}

/**
 * The actions behind each family of the catalogue (`iam:Attach*`), because AWS's policy simulator accepts no
 * wildcard.
 */
export const actionFamilies: Readonly<Record<string, readonly string[]>> = {
  'backup:DisassociateRecoveryPoint*': [
    'backup:DisassociateRecoveryPoint',
    'backup:DisassociateRecoveryPointFromParent',
  ],
  'iam:Attach*': ['iam:AttachGroupPolicy', 'iam:AttachRolePolicy', 'iam:AttachUserPolicy'],
}

function recycleBin(days: readonly [number, number], broughtBackBy: string): Recovery {
  return { presence: 'set-up', effect: 'delays', days, broughtBackBy, takenOffBy: recycleBinRule }
}

function protection(takenOffBy: string): Recovery {
  return { presence: 'set-up', effect: 'refuses', days: null, broughtBackBy: null, takenOffBy: [takenOffBy] }
}
