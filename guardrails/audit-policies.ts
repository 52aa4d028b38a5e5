// The audit bucket and the ways of an alarm: what CloudTrail, EventBridge and CloudWatch may do, and nobody else.
import { auditBucketName, bucketArn, forwarderRoleArn } from './names.ts'
import { policy } from './policy.ts'
import type { Policy } from './policy.ts'
import type { VaultLocation } from './names.ts'

/** @param trailArns the trails that deliver here: the confused deputy's key, without which any account's trail could */
export function auditBucketPolicy(location: VaultLocation, trailArns: readonly string[]): Policy {
  const bucket = bucketArn(auditBucketName(location))
  const objects = `${bucket}/*`
  const cloudTrail = { Service: 'cloudtrail.amazonaws.com' }
  const ofTrails = { StringEquals: { 'aws:SourceArn': trailArns } }
  return policy(
    {
      Sid: 'LetTrailsLook',
      Effect: 'Allow',
      Principal: cloudTrail,
      Action: ['s3:GetBucketAcl'],
      Resource: [bucket],
      Condition: ofTrails,
    },
    {
      Sid: 'LetTrailsDeliver',
      Effect: 'Allow',
      Principal: cloudTrail,
      Action: ['s3:PutObject'],
      Resource: [`${bucket}/AWSLogs/*`],
      Condition: ofTrails,
    },
    {
      Sid: 'DenyPlainText',
      Effect: 'Deny',
      Principal: '*',
      Action: ['s3:*'],
      Resource: [bucket, objects],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
    {
      // Trails are AWS's own principals; whoever else puts an object here invents history.
      Sid: 'DenyAllButTrails',
      Effect: 'Deny',
      Principal: '*',
      Resource: [objects],
      Action: [
        's3:PutObject',
        's3:DeleteObject',
        's3:DeleteObjectVersion',
        's3:BypassGovernanceRetention',
        's3:PutObjectRetention',
        's3:PutObjectLegalHold',
      ],
      Condition: { Bool: { 'aws:PrincipalIsAWSService': 'false' } },
    },
  )
}

/** Who may raise an alarm: the rules and metric alarms of the vault's own account. */
export function alarmTopicPolicy(accountId: string, topicArn: string): Policy {
  return policy({
    Sid: 'LetAlarmsSpeak',
    Effect: 'Allow',
    Principal: { Service: ['events.amazonaws.com', 'cloudwatch.amazonaws.com'] },
    Action: ['sns:Publish'],
    Resource: [topicArn],
    Condition: { StringEquals: { 'aws:SourceAccount': accountId } },
  })
}

/** Which accounts' forwarders may put events on the vault's bus. */
export function alarmBusPolicy(busArn: string, accountIds: readonly string[]): Policy {
  return policy({
    Sid: 'LetForwardersPut',
    Effect: 'Allow',
    Principal: { AWS: accountIds.map((id) => `arn:aws:iam::${id}:root`) },
    Action: ['events:PutEvents'],
    Resource: [busArn],
    Condition: { ArnEquals: { 'aws:PrincipalArn': accountIds.map(forwarderRoleArn) } },
  })
}

export function forwarderPolicy(busArn: string): Policy {
  return policy({ Sid: 'ForwardAlarms', Effect: 'Allow', Action: ['events:PutEvents'], Resource: [busArn] })
}

export function forwarderTrustPolicy(accountId: string): Policy {
  return policy({
    Sid: 'TrustRules',
    Effect: 'Allow',
    Principal: { Service: 'events.amazonaws.com' },
    Action: ['sts:AssumeRole'],
    Condition: {
      StringEquals: { 'aws:SourceAccount': accountId },
      ArnLike: { 'aws:SourceArn': `arn:aws:events:*:${accountId}:rule/holdfast-*` },
    },
  })
}
