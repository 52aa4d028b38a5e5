// Identity policies of the vault's roles. They contain allows only; the denies are in the bucket policies.
import {
  alarmTopicArn,
  bucketArn,
  checkGroupName,
  checkLogGroupName,
  feedbackBucketName,
  feedbackPrefix,
  keyPrefixes,
  restoreTestGroupName,
  roleArn,
  rolePaths,
  sourcePrefix,
  toolkitBucketName,
  vaultBucketName,
  writeLogGroupName,
} from './names.ts'
import { nativeCopyLogGroupName } from './native-backups.ts'
import { policy } from './policy.ts'
import { signingKeys } from './signing-key-policy.ts'
import type { SigningDuty } from './signing-key-policy.ts'
import type { Policy, Statement } from './policy.ts'
import type { Duty, VaultLocation } from './names.ts'

const readObjects = [
  's3:GetObject',
  's3:GetObjectVersion',
  's3:GetObjectAttributes',
  's3:GetObjectVersionAttributes',
  's3:GetObjectRetention',
  's3:GetObjectLegalHold',
]
const readBucket = [
  's3:ListBucket',
  's3:ListBucketVersions',
  's3:GetBucketObjectLockConfiguration',
  's3:GetBucketVersioning',
]

/** For the check that compares the bucket's settings with the declared ones. */
const readSettings = [
  's3:GetBucketOwnershipControls',
  's3:GetBucketPolicy',
  's3:GetBucketPublicAccessBlock',
  's3:GetEncryptionConfiguration',
  's3:GetLifecycleConfiguration',
  's3:GetReplicationConfiguration',
]

/**
 * A writer adds objects under its own source's prefix, reads the bucket's lock settings, and reads the
 * notary's feedback.
 */
export function writerPolicy(location: VaultLocation, source: string): Policy {
  const vault = bucketArn(vaultBucketName(location))
  const feedback = bucketArn(feedbackBucketName(location))
  return policy(
    {
      Sid: 'WriteOwnSource',
      Effect: 'Allow',
      Action: ['s3:PutObject'],
      Resource: [`${vault}/${sourcePrefix(source)}*`],
    },
    { Sid: 'SeeLock', Effect: 'Allow', Action: ['s3:GetBucketObjectLockConfiguration'], Resource: [vault] },
    {
      Sid: 'ReadOwnFeedback',
      Effect: 'Allow',
      Action: ['s3:GetObject'],
      Resource: [`${feedback}/${feedbackPrefix(source)}*`],
    },
    {
      Sid: 'ListOwnFeedback',
      Effect: 'Allow',
      Action: ['s3:ListBucket'],
      Resource: [feedback],
      Condition: { StringLike: { 's3:prefix': `${feedbackPrefix(source)}*` } },
    },
  )
}

/** A restore after the loss of production starts with the toolkit. */
function readToolkit(location: VaultLocation): Statement[] {
  const toolkit = bucketArn(toolkitBucketName(location))
  return [
    {
      Sid: 'ReadToolkit',
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:GetObjectVersion'],
      Resource: [`${toolkit}/*`],
    },
    {
      Sid: 'ListToolkit',
      Effect: 'Allow',
      Action: ['s3:ListBucket', 's3:ListBucketVersions'],
      Resource: [toolkit],
    },
  ]
}

/** For the check that compares the way of each alarm to on-call with the declared one. */
function readAlarmPath(locations: readonly VaultLocation[]): Statement[] {
  const { accountId } = locations[0]!
  const inEach = (service: string, ...names: string[]) =>
    locations.flatMap(({ region }) =>
      names.map((name) => `arn:aws:${service}:${region}:${accountId}:${name}`),
    )
  const logGroups = [checkLogGroupName, writeLogGroupName, nativeCopyLogGroupName].map(
    (group) => `log-group:${group}:*`,
  )
  return [
    {
      Sid: 'ReadAlarms',
      Effect: 'Allow',
      Action: ['cloudwatch:DescribeAlarms'],
      Resource: inEach('cloudwatch', 'alarm:holdfast-*'),
    },
    {
      Sid: 'ReadMetricFilters',
      Effect: 'Allow',
      Action: ['logs:DescribeMetricFilters'],
      Resource: inEach('logs', ...logGroups),
    },
    {
      // Rules forward events from every region of the account.
      Sid: 'ReadRules',
      Effect: 'Allow',
      Action: ['events:DescribeRule', 'events:ListTargetsByRule'],
      Resource: [`arn:aws:events:*:${accountId}:rule/holdfast-*`],
    },
    {
      Sid: 'ReadSchedules',
      Effect: 'Allow',
      Action: ['scheduler:GetSchedule'],
      Resource: inEach(
        'scheduler',
        ...[checkGroupName, restoreTestGroupName].map((group) => `schedule/${group}/*`),
      ),
    },
    {
      Sid: 'ReadTopics',
      Effect: 'Allow',
      Action: ['sns:GetTopicAttributes', 'sns:ListSubscriptionsByTopic'],
      Resource: locations.map(alarmTopicArn),
    },
  ]
}

function signWithKey(locations: readonly VaultLocation[], duty: SigningDuty): Statement {
  const { alias, sid } = signingKeys[duty]
  return {
    Sid: sid,
    Effect: 'Allow',
    Action: ['kms:Sign', 'kms:GetPublicKey'],
    Resource: locations.map(({ accountId, region }) => `arn:aws:kms:${region}:${accountId}:key/*`),
    Condition: { StringEquals: { 'kms:RequestAlias': alias } },
  }
}

function readRoles(accountId: string): Statement[] {
  return [
    {
      Sid: 'ReadRoles',
      Effect: 'Allow',
      Action: ['iam:GetRole', 'iam:GetRolePolicy', 'iam:ListAttachedRolePolicies', 'iam:ListRolePolicies'],
      Resource: [rolePaths.vault, rolePaths.checks].map((path) => roleArn(accountId, path, '*')),
    },
    // IAM knows no path of a role that is gone, and else denies the call in place of reporting the loss.
    {
      Sid: 'MissRoles',
      Effect: 'Allow',
      Action: ['iam:GetRole'],
      Resource: [roleArn(accountId, '/', 'holdfast-*')],
    },
  ]
}

/** @param locations all vaults; the first region also holds the toolkit */
export function dutyPolicy(locations: readonly VaultLocation[], duty: Duty): Policy {
  const vaults = locations.map((location) => bucketArn(vaultBucketName(location)))
  const below = (prefix: string) => vaults.map((vault) => `${vault}/${prefix}*`)
  const read: Statement[] = [
    { Sid: 'ReadVersions', Effect: 'Allow', Action: readObjects, Resource: below('') },
    { Sid: 'ListVersions', Effect: 'Allow', Action: readBucket, Resource: vaults },
  ]
  switch (duty) {
    case 'restorer':
      return policy(...read, ...readToolkit(locations[0]!), {
        // A person confirms that a test alarm arrived.
        Sid: 'Acknowledge',
        Effect: 'Allow',
        Action: ['s3:PutObject'],
        Resource: below(keyPrefixes.acknowledgements),
      })
    case 'notary':
      return policy(
        ...read,
        {
          Sid: 'WriteReceipts',
          Effect: 'Allow',
          Action: ['s3:PutObject'],
          Resource: below(keyPrefixes.receipts),
        },
        {
          Sid: 'WriteFeedback',
          Effect: 'Allow',
          Action: ['s3:PutObject'],
          Resource: locations.map(
            (location) => `${bucketArn(feedbackBucketName(location))}/${keyPrefixes.feedback}*`,
          ),
        },
        signWithKey(locations, 'notary'),
      )
    case 'custodian':
      return policy(
        ...read,
        { Sid: 'ExtendLocks', Effect: 'Allow', Action: ['s3:PutObjectRetention'], Resource: below('') },
        { Sid: 'PruneVersions', Effect: 'Allow', Action: ['s3:DeleteObjectVersion'], Resource: below('') },
      )
    case 'drill':
      return policy(
        ...read,
        {
          Sid: 'WriteReports',
          Effect: 'Allow',
          Action: ['s3:PutObject'],
          Resource: below(keyPrefixes.reports),
        },
        signWithKey(locations, 'drill'),
        { Sid: 'ReadSettings', Effect: 'Allow', Action: readSettings, Resource: vaults },
        ...readRoles(locations[0]!.accountId),
        ...readAlarmPath(locations),
      )
  }
}
