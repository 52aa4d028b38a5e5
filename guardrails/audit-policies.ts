// Policies of the audit bucket and of the path of an alarm. Only CloudTrail, EventBridge and CloudWatch can
// write there.
import { auditBucketName, bucketArn, forwarderRoleArn } from './names.ts'
import { policy } from './policy.ts'
import type { Policy } from './policy.ts'
import type { VaultLocation } from './names.ts'

/**
 * @param trailArns the trails that deliver here. Without the condition on them, a trail of any account could
 * (confused deputy).
 */
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
      // Only CloudTrail, an AWS service principal, may write here, because any other object would be a forged
      // log.
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

/** Only event rules and metric alarms of the vault's account may publish to the alarm topic. */
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

/** Only the forwarder roles of the named accounts may put events on the vault's bus. */
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
