// Actions that change the vault's configuration or open another way to its buckets. The freeze denies them,
// to the root user too.

/**
 * Actions on a bucket. S3 uses one action for both setting and removing, for example of encryption, so the
 * list has one.
 */
export const frozenBucketActions = [
  's3:CreateBucketMetadataTableConfiguration',
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
  // Moves objects of INTELLIGENT_TIERING to an archive, where a reader has to restore them first.
  's3:PutIntelligentTieringConfiguration',
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
  // A file system over the bucket reads, writes and deletes objects through a mount, with the role of the service.
  's3files:CreateFileSystem',
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

/** Actions that change or delete a managed policy. */
export const frozenPolicyActions = [
  'iam:CreatePolicyVersion',
  'iam:DeletePolicy',
  'iam:DeletePolicyVersion',
  'iam:SetDefaultPolicyVersion',
] as const

/** Actions that delete a role. A writer's role may change, so that a source can be added, but it may not go. */
export const roleDeletions = ['iam:DeleteRole*'] as const

/** Actions that take a key away, which signs receipts or reports. */
export const keyDeletions = ['kms:DeleteAlias', 'kms:DisableKey', 'kms:ScheduleKeyDeletion'] as const

/** Actions on the event rules of the alarms. */
export const frozenRuleActions = ['events:DeleteRule', 'events:DisableRule', 'events:RemoveTargets'] as const

/** Actions on the event bus, the topic and the metric alarms in the vault's account. */
export const frozenTopicActions = [
  'cloudwatch:DeleteAlarms',
  'cloudwatch:DisableAlarmActions',
  'cloudwatch:SetAlarmState',
  'events:DeleteEventBus',
  'events:UpdateEventBus',
  'sns:AddPermission',
  'sns:DeleteTopic',
  // Masks or refuses messages by their content.
  'sns:PutDataProtectionPolicy',
  'sns:RemovePermission',
  // A filter policy that matches nothing ends the mail, and the subscription stays.
  'sns:SetSubscriptionAttributes',
  'sns:SetTopicAttributes',
  'sns:Unsubscribe',
] as const

/**
 * Actions in the vault's account that hide an alarm, or make up the figures that it reads. AWS gives most of them no
 * resource, so they are frozen for the whole account.
 */
export const frozenMeasureActions = [
  'cloudwatch:PutAlarmMuteRule',
  'cloudwatch:PutMetricData',
  'events:PutPermission',
  'events:RemovePermission',
  'logs:DeleteResourcePolicy',
  'logs:PutAccountPolicy',
  'logs:PutResourcePolicy',
] as const

/** Actions on the image, the cluster and the logs of the checks, without which no check can run or be counted. */
export const frozenCheckActions = [
  'ecr:BatchDeleteImage',
  'ecr:DeleteRepository',
  'ecr:DeleteRepositoryPolicy',
  'ecr:PutImageTagMutability',
  'ecr:PutLifecyclePolicy',
  'ecr:SetRepositoryPolicy',
  'ecs:DeleteCluster',
  'ecs:PutClusterCapacityProviders',
  'logs:AssociateKmsKey',
  'logs:DeleteLogGroup',
  'logs:DeleteLogStream',
  'logs:DeleteMetricFilter',
  'logs:PutDataProtectionPolicy',
  'logs:PutLogGroupDeletionProtection',
  'logs:PutTransformer',
] as const

/**
 * Actions on the identity providers and trust anchors that writers outside AWS use. A new source can add its own, so
 * creation stays allowed.
 */
export const frozenProviderActions = [
  'iam:CreateSAMLProvider',
  'iam:DeleteOpenIDConnectProvider',
  'iam:RemoveClientIDFromOpenIDConnectProvider',
  'iam:UpdateOpenIDConnectProviderThumbprint',
  'iam:UpdateSAMLProvider',
  'rolesanywhere:DeleteAttributeMapping',
  'rolesanywhere:DeleteProfile',
  'rolesanywhere:DeleteTrustAnchor',
  'rolesanywhere:DisableProfile',
  'rolesanywhere:DisableTrustAnchor',
  'rolesanywhere:ImportCrl',
  'rolesanywhere:PutAttributeMapping',
  'rolesanywhere:UpdateProfile',
  'rolesanywhere:UpdateTrustAnchor',
] as const

/** Actions on the state machine that quarantines agents. */
export const frozenMachineActions = [
  'states:DeleteStateMachine',
  'states:StopExecution',
  'states:UpdateStateMachine',
] as const

/**
 * Actions that make a credential without an end: users, their keys, passwords and certificates. A session ends within
 * hours, but a key that an intruder made works after the intruder was shut out.
 */
export const lastingCredentialActions = [
  'iam:CreateAccessKey',
  'iam:CreateLoginProfile',
  'iam:CreateServiceSpecificCredential',
  'iam:CreateUser',
  'iam:ResetServiceSpecificCredential',
  'iam:UpdateLoginProfile',
  'iam:UploadSSHPublicKey',
  'iam:UploadSigningCertificate',
] as const
