// A trail that delivers to the vault's audit bucket: every change in every region, each access to the vault's
// objects, and a log group for searches. It covers the whole organization, or without an Organization its own
// account.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import {
  auditBucketName,
  bucketArn,
  feedbackBucketName,
  rolePaths,
  trailArn,
  trailName,
  vaultBucketName,
} from '../../guardrails/names.ts'
import { policy } from '../../guardrails/policy.ts'
import { ScopedRole } from './scoped-role.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

export interface AuditTrailArgs {
  vault: VaultLocation
  /**
   * The account of the trail: the management account, or without an Organization the account that the trail
   * covers.
   */
  accountId: string
  ofOrganization: boolean
  /** Types of resources of which every write is recorded too, such as `AWS::DynamoDB::Table`. */
  dataEvents: readonly string[]
}

/** Short, because the log group serves searches only. The bucket keeps the logs. */
const searchableDays = 90
const logGroupName = '/holdfast/audit'

export class AuditTrail extends pulumi.ComponentResource {
  constructor(name: string, args: AuditTrailArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:audit:AuditTrail', name, {}, options)
    const { vault, accountId, ofOrganization } = args
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    const logGroupArn = `arn:aws:logs:${vault.region}:${accountId}:log-group:${logGroupName}:*`
    const logs = new aws.cloudwatch.LogGroup(
      name,
      { name: logGroupName, retentionInDays: searchableDays, deletionProtectionEnabled: true },
      protectedOptions,
    )
    const deliverer = new ScopedRole(
      `${name}-logs`,
      {
        roleName: 'holdfast-trail-logs',
        path: rolePaths.audit,
        description: 'CloudTrail writes to its log group',
        trust: policy({
          Sid: 'TrustTrail',
          Effect: 'Allow',
          Principal: { Service: 'cloudtrail.amazonaws.com' },
          Action: ['sts:AssumeRole'],
          Condition: { StringEquals: { 'aws:SourceArn': trailArn(accountId, vault.region) } },
        }),
        policy: policy({
          Sid: 'WriteLogs',
          Effect: 'Allow',
          Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
          Resource: [logGroupArn],
        }),
      },
      { parent: this },
    )
    new aws.cloudtrail.Trail(
      name,
      {
        name: trailName,
        s3BucketName: auditBucketName(vault),
        isMultiRegionTrail: true,
        includeGlobalServiceEvents: true,
        isOrganizationTrail: ofOrganization,
        enableLogFileValidation: true,
        cloudWatchLogsGroupArn: logGroupArn,
        cloudWatchLogsRoleArn: deliverer.role.arn,
        advancedEventSelectors: eventSelectors(args),
      },
      { ...protectedOptions, dependsOn: [logs, deliverer] },
    )
    this.registerOutputs({})
  }
}

function eventSelectors({
  vault,
  dataEvents,
}: AuditTrailArgs): aws.types.input.cloudtrail.TrailAdvancedEventSelector[] {
  // The region ends the name, so one prefix matches the bucket in every region.
  const vaultObjects = [vaultBucketName, feedbackBucketName].map((nameOf) =>
    bucketArn(nameOf({ ...vault, region: '' })),
  )
  return [
    { name: 'management', fieldSelectors: [{ field: 'eventCategory', equals: ['Management'] }] },
    {
      name: 'vault objects',
      fieldSelectors: [
        { field: 'eventCategory', equals: ['Data'] },
        { field: 'resources.type', equals: ['AWS::S3::Object'] },
        { field: 'resources.ARN', startsWiths: vaultObjects },
      ],
    },
    ...dataEvents.map((resourceType) => ({
      name: `writes of ${resourceType}`,
      fieldSelectors: [
        { field: 'eventCategory', equals: ['Data'] },
        { field: 'resources.type', equals: [resourceType] },
        { field: 'readOnly', equals: ['false'] },
      ],
    })),
  ]
}
