// Identity policies of the vault's roles. They contain allows only; the denies are in the bucket policies.
import {
  bucketArn,
  feedbackBucketName,
  feedbackPrefix,
  keyPrefixes,
  sourcePrefix,
  toolkitBucketName,
  vaultBucketName,
} from './names.ts'
import { policy } from './policy.ts'
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
      return policy(...read, ...readToolkit(locations[0]!))
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
      )
    case 'custodian':
      return policy(
        ...read,
        { Sid: 'ExtendLocks', Effect: 'Allow', Action: ['s3:PutObjectRetention'], Resource: below('') },
        { Sid: 'PruneVersions', Effect: 'Allow', Action: ['s3:DeleteObjectVersion'], Resource: below('') },
      )
    case 'drill':
      return policy(...read, {
        Sid: 'WriteReports',
        Effect: 'Allow',
        Action: ['s3:PutObject'],
        Resource: below(keyPrefixes.reports),
      })
  }
}
