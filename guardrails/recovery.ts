// What each brake of the destructive catalogue is worth: how long what was lost can be brought back, by which right, and
// which rights take the brake off first. From AWS's user guides of the services named.

export interface Recovery {
  /** A brake that AWS puts on for everyone, or one that is there only where someone has set it up. */
  presence: 'always' | 'set-up'
  /** The brake refuses the action, or it keeps for a while what the action removed. */
  effect: 'refuses' | 'delays'
  /** Of a delay: least and most days that AWS lets it have; null where it has no end, or where the brake refuses. */
  days: readonly [least: number, most: number] | null
  /** The right by which what was lost is brought back; null where the brake refuses, or where it is AWS itself. */
  broughtBackBy: string | null
  /** Rights that take the brake off: whoever has one of them and the action itself is not braked, unless the brake is locked. */
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

/** By action of the catalogue. An action that has no row here has no brake that anyone should rely on. */
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
  // A delete marker goes by deleting its version; the versions below it stay until someone deletes them.
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
  // In compliance mode only: in governance mode this very action is how the lock is taken off.
  'ec2:UnlockSnapshot': {
    presence: 'set-up',
    effect: 'refuses',
    days: null,
    broughtBackBy: null,
    takenOffBy: [],
  },
  'rbin:DeleteRule': lockedRule,
  'rbin:UpdateRule': lockedRule,
  // A locked rule opens 7 to 30 days after it was unlocked, and can be locked again in between.
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
  // The window is skipped by a parameter of the same call: it holds only where a policy denies that parameter.
  'secretsmanager:DeleteSecret': {
    presence: 'set-up',
    effect: 'delays',
    days: [7, 30],
    broughtBackBy: 'secretsmanager:RestoreSecret',
    takenOffBy: [],
  },
  'logs:DeleteLogGroup': protection('logs:PutLogGroupDeletionProtection'),
}

/** Families of the catalogue (`iam:Attach*`) as the actions that they stand for: AWS's simulator takes no wildcard. */
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
