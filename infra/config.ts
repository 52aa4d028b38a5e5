// The configuration of the Pulumi program: every key of `pulumi config`, its shape and its default.
// Pulumi.yaml declares the same keys with the same defaults. It has no type for a list of objects, so only
// this schema checks `sources` and `agents`.
import { z } from 'zod'
import { servicesOf } from '../guardrails/catalogue/agent-limits.ts'
import { bucketNamespaces } from '../guardrails/names.ts'
import type { VaultLocation } from '../guardrails/names.ts'
import { storageClasses } from '../guardrails/vault-bucket-policy.ts'
import {
  agent,
  accountId,
  imageByDigest,
  nativeBackup,
  optionalAccountId,
  organizationId,
  organizationParentId,
  principals,
  region,
  source,
} from './config-schema.ts'

/** https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html */
const dataEventTypes = [
  'AWS::DynamoDB::Table',
  'AWS::EC2::Snapshot',
  'AWS::Lambda::Function',
  'AWS::RDS::DBCluster',
  'AWS::S3::Object',
  'AWS::SNS::Topic',
  'AWS::SQS::Queue',
] as const

const layers = ['organization', 'vault', 'production'] as const

export const configSchema = z.strictObject({
  layer: z.enum(layers, { error: 'set it to organization, vault or production' }),
  /** The file with these keys that all stacks share; infra/main.ts reads it. */
  file: z.string().default(''),
  region,
  regions: z.array(region).default([]),
  vaultAccountId: accountId,
  productionAccountId: optionalAccountId,
  managementAccountId: z.union([z.literal(''), accountId]).default(''),
  organizationId: z.union([z.literal(''), organizationId]).default(''),
  organizationParentId: z.union([z.literal(''), organizationParentId]).default(''),
  detached: z.boolean().default(false),
  promiseDays: z
    .int()
    .min(1, 'must be at least 1 day')
    .max(3650, "must be at most 3650 days, because a locked object can't be removed earlier")
    .default(30),
  generationDays: z.int().min(1, 'must be at least 1 day').max(365, 'must be at most 365 days').default(10),
  renewal: z
    .enum(['upload', 'extend'], {
      error: 'must be upload, or extend if the writers back up with `--renewal extend`',
    })
    .default('upload'),
  retentionCapDays: z.int().min(1).max(3650, 'must be at most 3650 days').default(400),
  arm: z.string().default(''),
  storageClasses: z
    .array(
      z.enum(storageClasses, {
        error: `must be ${storageClasses.join(' or ')}, because a restore has to read each object at once`,
      }),
    )
    .refine((classes) => classes.includes('STANDARD'), {
      error: 'name STANDARD, which an upload without a class gets',
    })
    .default(['STANDARD']),
  image: imageByDigest,
  examine: z.boolean().default(false),
  vaultBucket: z.string().default(''),
  bucketNamespace: z
    .enum(bucketNamespaces, { error: `must be ${bucketNamespaces.join(' or ')}` })
    .default('global'),
  toolkit: z.string().default(''),
  thawUntil: z
    .union([
      z.literal(''),
      z.iso.datetime({ offset: true, error: 'give an ISO 8601 time with zone, e.g. 2030-01-31T18:00:00Z' }),
    ])
    .default(''),
  sources: z.array(source).default([]),
  native: z.array(nativeBackup).default([]),
  restorers: principals,
  runners: principals,
  deployers: principals,
  agents: z.array(agent).default([]),
  launchers: principals,
  breakGlass: principals,
  approvers: principals,
  administrators: principals,
  responders: principals,
  quarantineAgents: z.boolean().default(false),
  alarmEmails: z.array(z.email('must be an e-mail address')).default([]),
  alarmWebhooks: z.array(z.url({ protocol: /^https$/, error: 'must be an https URL' })).default([]),
  productionDomains: z
    .array(
      z
        .string()
        .regex(
          /^(none|(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9])$/,
          'must be a domain in lower case, e.g. rental.example, or none',
        ),
    )
    .default([]),
  alarmRegions: z.array(region).default([]),
  silenceHours: z
    .int()
    .min(1)
    .max(168, 'must be at most 168 hours, because CloudWatch looks back over 7 days only')
    .default(24),
  dataEvents: z
    .array(
      z.enum(dataEventTypes, {
        error: `must be a type of resource whose data events CloudTrail records: ${dataEventTypes.join(', ')}`,
      }),
    )
    .default([]),
  auditRetentionDays: z
    .int()
    .min(1)
    .max(3650, "must be at most 3650 days, because a locked object can't be removed earlier")
    .default(400),
  recycleBinDays: z
    .int()
    .min(1, 'must be at least 1 day')
    .max(365, 'must be at most 365 days, the maximum of the Recycle Bin')
    .default(14),
  unlockDelayDays: z
    .int()
    .min(7, 'must be at least 7 days, the minimum of AWS')
    .max(30, 'must be at most 30 days, the maximum of AWS')
    .default(7),
  controlPolicyChars: z
    .union([z.literal(10_240), z.literal(5_120)], {
      error: "must be AWS's quota for a service control policy: 10240, or 5120 where AWS has not raised it",
    })
    .default(10_240),
  environmentTag: z
    .string()
    .regex(/^[A-Za-z][\w.:/=+@-]{0,127}$/, 'give the key of a resource tag, e.g. environment')
    .default('environment'),
})

export type Layer = (typeof layers)[number]
export type HoldfastConfig = Omit<z.infer<typeof configSchema>, 'arm'> & {
  /** The default retention of the vault bucket: the guaranteed retention plus one generation. */
  retentionDays: number
  lockMode: 'COMPLIANCE' | 'GOVERNANCE'
}
export type SourceConfig = HoldfastConfig['sources'][number]

type LocationConfig = Pick<HoldfastConfig, 'vaultAccountId' | 'region' | 'bucketNamespace'>

/** The location of the vault in the stack's own region, which also holds the alarm bus and the trail. */
export function firstLocationOf({ vaultAccountId, region, bucketNamespace }: LocationConfig): VaultLocation {
  return { accountId: vaultAccountId, region, namespace: bucketNamespace }
}

/** The locations of all vaults; the first is that of the stack's own region. */
export function locationsOf(config: LocationConfig & Pick<HoldfastConfig, 'regions'>): VaultLocation[] {
  const first = firstLocationOf(config)
  return [config.region, ...config.regions].map((region) => ({ ...first, region }))
}

/** The location of the vault that holds the source's backups. */
export function locationOf(config: LocationConfig, source: SourceConfig): VaultLocation {
  return { ...firstLocationOf(config), region: source.region ?? config.region }
}

/**
 * The regions in which calls raise an alarm. Always includes us-east-1, where AWS records IAM and root user
 * events.
 */
export function alarmRegionsOf({
  region,
  regions,
  alarmRegions,
}: Pick<HoldfastConfig, 'region' | 'regions' | 'alarmRegions'>): string[] {
  return [...new Set([region, 'us-east-1', ...regions, ...alarmRegions])].sort()
}

/** Production's account; none where production is not in AWS. */
export function productionAccountsOf({ productionAccountId }: { productionAccountId: string }): string[] {
  return productionAccountId === '' ? [] : [productionAccountId]
}

/** The services that some agent may use. */
export function agentServicesOf({ agents }: Pick<HoldfastConfig, 'agents'>): string[] {
  return servicesOf(agents.flatMap(({ may }) => may))
}

export const configKeys = Object.keys(configSchema.shape) as (keyof z.infer<typeof configSchema>)[]

/** The exact phrase that an operator has to set as `arm` before locks become irrevocable. */
export function armingPhrase(bucket: string, days: number): string {
  return `lock ${bucket} in COMPLIANCE for ${days} days`
}
