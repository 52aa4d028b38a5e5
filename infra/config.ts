// The program's configuration: what `pulumi config` holds, checked before anything is touched. Pulumi.yaml declares the
// same keys with the same defaults; Pulumi has no type for a list of objects, so `sources` and `agents` are checked here alone.
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import { vaultBucketName } from '../guardrails/names.ts'
import { findConflicts } from './config-conflicts.ts'
import type { VaultPlace } from '../guardrails/names.ts'
import {
  agent,
  accountId,
  imageByDigest,
  organizationId,
  organizationParentId,
  principals,
  region,
  source,
} from './config-schema.ts'

const layers = ['organization', 'vault', 'production'] as const

const schema = z.strictObject({
  layer: z.enum(layers, { error: 'say which part this stack is: organization, vault or production' }),
  region,
  regions: z.array(region).default([]),
  vaultAccountId: accountId,
  productionAccountId: accountId,
  managementAccountId: z.union([z.literal(''), accountId]).default(''),
  organizationId: z.union([z.literal(''), organizationId]).default(''),
  organizationParentId: z.union([z.literal(''), organizationParentId]).default(''),
  detached: z.boolean().default(false),
  promiseDays: z
    .int()
    .min(1, 'promise at least 1 day')
    .max(3650, "promise at most 3650 days: a locked object can't be removed before")
    .default(30),
  generationDays: z
    .int()
    .min(1, 'a generation lasts at least 1 day')
    .max(365, 'a generation lasts at most 365 days')
    .default(10),
  retentionCapDays: z.int().min(1).max(3650, 'cap extensions at 3650 days at most').default(400),
  arm: z.string().default(''),
  image: imageByDigest,
  examine: z.boolean().default(false),
  vaultBucket: z.string().default(''),
  toolkit: z.string().default(''),
  thawUntil: z
    .union([
      z.literal(''),
      z.iso.datetime({ offset: true, error: 'give an ISO 8601 time with zone, e.g. 2030-01-31T18:00:00Z' }),
    ])
    .default(''),
  sources: z.array(source).default([]),
  restorers: principals,
  runners: principals,
  agents: z.array(agent).default([]),
  launchers: principals,
  breakGlass: principals,
  approvers: principals,
  administrators: principals,
  responders: principals,
  quarantineAgents: z.boolean().default(false),
  alarmEmails: z.array(z.email('must be an e-mail address')).default([]),
  alarmWebhooks: z.array(z.url({ protocol: /^https$/, error: 'must be an https URL' })).default([]),
  alarmRegions: z.array(region).default([]),
  silenceHours: z.int().min(1).max(168, 'CloudWatch looks back over 7 days (168 hours) at most').default(24),
  auditRetentionDays: z
    .int()
    .min(1)
    .max(3650, "keep the trail at most 3650 days: a locked object can't be removed before")
    .default(400),
  recycleBinDays: z
    .int()
    .min(1, 'keep what is deleted for 1 day at least')
    .max(365, 'the Recycle Bin keeps 365 days at most')
    .default(14),
  unlockDelayDays: z
    .int()
    .min(7, 'AWS delays an unlocking by 7 days at least')
    .max(30, 'AWS delays an unlocking by 30 days at most')
    .default(7),
  environmentTag: z
    .string()
    .regex(/^[A-Za-z][\w.:/=+@-]{0,127}$/, 'give the key of a resource tag, e.g. environment')
    .default('environment'),
})

export type Layer = (typeof layers)[number]
export type HoldfastConfig = Omit<z.infer<typeof schema>, 'arm'> & {
  /** Default retention of the vault bucket: the promise plus one generation. */
  retentionDays: number
  lockMode: 'COMPLIANCE' | 'GOVERNANCE'
}
export type SourceConfig = HoldfastConfig['sources'][number]

type Places = Pick<HoldfastConfig, 'vaultAccountId' | 'region' | 'regions'>

/** Where there is a vault: the stack's own region first, in which alarms and trail come together. */
export function placesOf({ vaultAccountId: accountId, region: own, regions }: Places): VaultPlace[] {
  return [own, ...regions].map((each) => ({ accountId, region: each }))
}

/** Where a source's backups lie. */
export function placeOf(
  { vaultAccountId: accountId, region: own }: Places,
  source: SourceConfig,
): VaultPlace {
  return { accountId, region: source.region ?? own }
}

/** Where calls raise an alarm: where the vault is, where AWS records what is global (IAM, root), and where else one works. */
export function alarmRegionsOf({
  region: own,
  regions,
  alarmRegions,
}: Pick<HoldfastConfig, 'region' | 'regions' | 'alarmRegions'>): string[] {
  return [...new Set([own, 'us-east-1', ...regions, ...alarmRegions])].sort()
}

export const configKeys = Object.keys(schema.shape) as (keyof z.infer<typeof schema>)[]

/** What has to be typed, to the letter, before locks become irrevocable. */
export function armingPhrase(bucket: string, days: number): string {
  return `lock ${bucket} in COMPLIANCE for ${days} days`
}

/**
 * Checks raw values (as parsed from `pulumi config`) and fills in the defaults.
 * @throws HoldfastError `invalid-input`, naming every key that is wrong and what to set.
 */
export function readConfig(raw: Record<string, unknown>, nowMs: number): HoldfastConfig {
  const parsed = schema.safeParse(raw)
  if (!parsed.success)
    throw refuse(parsed.error.issues.map((issue) => `${keyOf(issue.path, issue)}: ${issue.message}`))
  const { arm, ...config } = parsed.data
  const retentionDays = config.promiseDays + config.generationDays
  const conflicts = findConflicts({ ...config, retentionDays }, nowMs)
  const phrase = armingPhrase(
    vaultBucketName({ accountId: config.vaultAccountId, region: config.region }),
    retentionDays,
  )
  if (arm !== '' && arm !== phrase)
    conflicts.push(`holdfast:arm: must read exactly ${JSON.stringify(phrase)}, or be empty`)
  if (conflicts.length > 0) throw refuse(conflicts)
  return { ...config, retentionDays, lockMode: arm === '' ? 'GOVERNANCE' : 'COMPLIANCE' }
}

function keyOf(path: readonly PropertyKey[], issue: { code: string }): string {
  const unknown = issue.code === 'unrecognized_keys' && 'keys' in issue ? (issue.keys as string[]) : []
  const parts = path.length > 0 ? path : unknown
  return `holdfast:${parts.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`)).join('')}`
}

function refuse(problems: string[]): HoldfastError {
  const first = problems[0]!.split(':').slice(0, 2).join(':')
  return new HoldfastError(
    'invalid-input',
    `the configuration is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    {
      hint: `change it with \`pulumi config set\`, beginning with ${first}; nothing was touched`,
      context: { problems },
    },
  )
}
