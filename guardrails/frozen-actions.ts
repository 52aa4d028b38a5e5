// What changes a bucket's configuration, or opens another way to it: frozen for the vault, root included.

/** On the bucket itself. Where S3 names one action for setting and removing (versioning, encryption), one is listed. */
export const frozenBucketActions = [
  's3:DeleteBucket',
  's3:DeleteBucketPolicy',
  's3:DeleteBucketWebsite',
  's3:PutAccelerateConfiguration',
  's3:PutBucketAbac',
  's3:PutBucketAcl',
  's3:PutBucketCORS',
  's3:PutBucketLogging',
  's3:PutBucketNotification',
  's3:PutBucketObjectLockConfiguration',
  's3:PutBucketOwnershipControls',
  's3:PutBucketPolicy',
  's3:PutBucketPublicAccessBlock',
  's3:PutBucketRequestPayment',
  's3:PutBucketVersioning',
  's3:PutBucketWebsite',
  's3:PutEncryptionConfiguration',
  's3:PutInventoryConfiguration',
  's3:PutLifecycleConfiguration',
  's3:PutReplicationConfiguration',
] as const

/** On the account: each is a way around the bucket's name, or around the account's own public access block. */
export const frozenAccountActions = [
  's3:CreateAccessGrantsInstance',
  's3:CreateAccessPoint',
  's3:CreateAccessPointForObjectLambda',
  's3:CreateJob',
  's3:CreateMultiRegionAccessPoint',
  's3:PutAccessPointPolicy',
  's3:PutAccountPublicAccessBlock',
] as const

/** On a role whose documents are frozen: whatever changes what it may do or who may assume it. */
export const frozenRoleActions = [
  'iam:AttachRolePolicy',
  'iam:DeleteRole',
  'iam:DeleteRolePolicy',
  'iam:DeleteRolePermissionsBoundary',
  'iam:DetachRolePolicy',
  'iam:PutRolePermissionsBoundary',
  'iam:PutRolePolicy',
  'iam:TagRole',
  'iam:UntagRole',
  'iam:UpdateAssumeRolePolicy',
  'iam:UpdateRole',
] as const

/** On the rules of alarms, and the bus in the vault's account. */
export const frozenRuleActions = ['events:DeleteRule', 'events:DisableRule', 'events:RemoveTargets'] as const

/** On the bus, the topic and the metric alarms in the vault's account. */
export const frozenTopicActions = [
  'cloudwatch:DeleteAlarms',
  'cloudwatch:DisableAlarmActions',
  'events:DeleteEventBus',
  'sns:DeleteTopic',
  'sns:SetTopicAttributes',
  'sns:Unsubscribe',
] as const

/** On the state machine that quarantines agents. */
export const frozenMachineActions = [
  'states:DeleteStateMachine',
  'states:StopExecution',
  'states:UpdateStateMachine',
] as const
