// Actions that change the vault's configuration or open another way to its buckets. The freeze denies them,
// to the root user too.

/**
 * Actions on a bucket. S3 uses one action for both setting and removing, for example of encryption, so the
 * list has one.
 */
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

/**
 * Actions on the account. Each opens a way around the bucket's name, or around the account's public access
 * block.
 */
export const frozenAccountActions = [
  's3:CreateAccessGrantsInstance',
  's3:CreateAccessPoint',
  's3:CreateAccessPointForObjectLambda',
  's3:CreateJob',
  's3:CreateMultiRegionAccessPoint',
  's3:PutAccessPointPolicy',
  's3:PutAccountPublicAccessBlock',
] as const

/** Actions on a frozen role: everything that changes its permissions or its trust. */
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

/** Actions on the event rules of the alarms. */
export const frozenRuleActions = ['events:DeleteRule', 'events:DisableRule', 'events:RemoveTargets'] as const

/** Actions on the event bus, the topic and the metric alarms in the vault's account. */
export const frozenTopicActions = [
  'cloudwatch:DeleteAlarms',
  'cloudwatch:DisableAlarmActions',
  'events:DeleteEventBus',
  'sns:DeleteTopic',
  'sns:SetTopicAttributes',
  'sns:Unsubscribe',
] as const

/** Actions on the state machine that quarantines agents. */
export const frozenMachineActions = [
  'states:DeleteStateMachine',
  'states:StopExecution',
  'states:UpdateStateMachine',
] as const
