// Attempts on a bucket's configuration, and on other ways to its objects.
import {
  DeleteBucketEncryptionCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketOwnershipControlsCommand,
  DeleteBucketPolicyCommand,
  DeletePublicAccessBlockCommand,
  PutBucketAclCommand,
  PutBucketCorsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketReplicationCommand,
  PutBucketVersioningCommand,
  PutBucketWebsiteCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3'
import type { Attack } from './attack.ts'

const configure = (
  name: string,
  description: string,
  run: Attack['run'],
  details: Partial<Attack> = {},
): Attack => ({
  name,
  wall: 'configuration',
  control: 'plain',
  description,
  run,
  ...details,
})

const everybodyMay = (bucket: string) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: 's3:*',
        Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
      },
    ],
  })

/** The sandbox only authorizes these operations, so NotImplemented means that the caller was allowed. */
const letThrough = { pastAuthorization: ['NotImplemented'] }

const settings: Attack[] = [
  configure(
    'weaken-lock-default',
    'lock new objects for one day only',
    ({ s3 }, { bucket }) =>
      s3.send(
        new PutObjectLockConfigurationCommand({
          Bucket: bucket,
          ObjectLockConfiguration: {
            ObjectLockEnabled: 'Enabled',
            Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } },
          },
        }),
      ),
    { control: 'governed' },
  ),
  configure(
    'drop-lock-default',
    'lock new objects not at all',
    ({ s3 }, { bucket }) =>
      s3.send(
        new PutObjectLockConfigurationCommand({
          Bucket: bucket,
          ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled' },
        }),
      ),
    { control: 'governed' },
  ),
  configure(
    'expire-by-lifecycle',
    'let a lifecycle rule expire everything after a day',
    ({ s3 }, { bucket }) =>
      s3.send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket: bucket,
          LifecycleConfiguration: {
            Rules: [
              {
                ID: 'gone',
                Status: 'Enabled',
                Filter: { Prefix: '' },
                Expiration: { Days: 1 },
                NoncurrentVersionExpiration: { NoncurrentDays: 1 },
              },
            ],
          },
        }),
      ),
  ),
  configure('drop-lifecycle', 'delete the lifecycle rules', ({ s3 }, { bucket }) =>
    s3.send(new DeleteBucketLifecycleCommand({ Bucket: bucket })),
  ),
  configure('open-bucket-policy', 'put a policy that allows everything to everyone', ({ s3 }, { bucket }) =>
    s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: everybodyMay(bucket) })),
  ),
  configure('drop-bucket-policy', 'delete the bucket policy', ({ s3 }, { bucket }) =>
    s3.send(new DeleteBucketPolicyCommand({ Bucket: bucket })),
  ),
  configure(
    'change-encryption',
    'encrypt new objects with a key of its own',
    ({ s3 }, { bucket, foreignKeyArn }) =>
      s3.send(
        new PutBucketEncryptionCommand({
          Bucket: bucket,
          ServerSideEncryptionConfiguration: {
            Rules: [
              {
                ApplyServerSideEncryptionByDefault: {
                  SSEAlgorithm: 'aws:kms',
                  KMSMasterKeyID: foreignKeyArn,
                },
              },
            ],
          },
        }),
      ),
  ),
  configure('drop-encryption', "drop the bucket's encryption", ({ s3 }, { bucket }) =>
    s3.send(new DeleteBucketEncryptionCommand({ Bucket: bucket })),
  ),
  configure(
    'replicate-elsewhere',
    'replicate everything into a bucket of its own',
    ({ s3 }, { bucket, loot, accountId }) =>
      s3.send(
        new PutBucketReplicationCommand({
          Bucket: bucket,
          ReplicationConfiguration: {
            Role: `arn:aws:iam::${accountId}:role/replication`,
            Rules: [
              {
                ID: 'all',
                Status: 'Enabled',
                Priority: 1,
                Filter: { Prefix: '' },
                Destination: { Bucket: `arn:aws:s3:::${loot}` },
                DeleteMarkerReplication: { Status: 'Disabled' },
              },
            ],
          },
        }),
      ),
  ),
]

const exposure: Attack[] = [
  configure('allow-public-access', 'drop the public access block', ({ s3 }, { bucket }) =>
    s3.send(new DeletePublicAccessBlockCommand({ Bucket: bucket })),
  ),
  configure('loosen-public-access', 'loosen the public access block', ({ s3 }, { bucket }) =>
    s3.send(
      new PutPublicAccessBlockCommand({
        Bucket: bucket,
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: false,
          BlockPublicPolicy: false,
          IgnorePublicAcls: false,
          RestrictPublicBuckets: false,
        },
      }),
    ),
  ),
  configure('allow-lists', 'let access control lists decide again', ({ s3 }, { bucket }) =>
    s3.send(
      new PutBucketOwnershipControlsCommand({
        Bucket: bucket,
        OwnershipControls: { Rules: [{ ObjectOwnership: 'ObjectWriter' }] },
      }),
    ),
  ),
  configure('drop-ownership', 'drop the rule on who owns objects', ({ s3 }, { bucket }) =>
    s3.send(new DeleteBucketOwnershipControlsCommand({ Bucket: bucket })),
  ),
  configure(
    'publish-bucket',
    'let everyone read and write the bucket by its list',
    ({ s3 }, { bucket }) => s3.send(new PutBucketAclCommand({ Bucket: bucket, ACL: 'public-read-write' })),
    { pastAuthorization: ['AccessControlListNotSupported'] },
  ),
  configure('serve-as-website', 'serve the bucket as a website', ({ s3 }, { bucket }) =>
    s3.send(
      new PutBucketWebsiteCommand({
        Bucket: bucket,
        WebsiteConfiguration: { IndexDocument: { Suffix: 'index.html' } },
      }),
    ),
  ),
  configure('allow-origins', 'let any web page read from the bucket', ({ s3 }, { bucket }) =>
    s3.send(
      new PutBucketCorsCommand({
        Bucket: bucket,
        CORSConfiguration: { CORSRules: [{ AllowedMethods: ['GET'], AllowedOrigins: ['*'] }] },
      }),
    ),
  ),
  configure('redirect-notifications', "silence the bucket's notifications", ({ s3 }, { bucket }) =>
    s3.send(new PutBucketNotificationConfigurationCommand({ Bucket: bucket, NotificationConfiguration: {} })),
  ),
]

const accountWide: Attack[] = [
  configure(
    'open-access-point',
    'create an access point to the bucket',
    ({ callAccount }, { bucket, accountId }) =>
      callAccount(
        'PUT',
        '/v20180820/accesspoint/side-door',
        accountId,
        `<CreateAccessPointRequest><Bucket>${bucket}</Bucket></CreateAccessPointRequest>`,
      ),
    letThrough,
  ),
  configure(
    'allow-public-account',
    "drop the account's public access block",
    ({ callAccount }, { accountId }) =>
      callAccount('DELETE', '/v20180820/configuration/publicAccessBlock', accountId),
    letThrough,
  ),
  configure(
    'run-batch-job',
    'run a batch job on every object',
    ({ callAccount }, { accountId }) =>
      callAccount('POST', '/v20180820/jobs', accountId, '<CreateJobRequest/>'),
    letThrough,
  ),
]

/** Attempts that come last, because no other attack makes sense on a bucket without versioning. */
const last: Attack[] = [
  configure(
    'suspend-versioning',
    'suspend versioning',
    ({ s3 }, { bucket }) =>
      s3.send(
        new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Suspended' } }),
      ),
    { stoppedByLock: true },
  ),
]

export const configurationAttacks: readonly Attack[] = [...settings, ...exposure, ...accountWide, ...last]
