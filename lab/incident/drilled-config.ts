// The configuration that a drill examines: the example, or a user's own, in which the drill's people, sources and
// accounts take the places that its world needs.
import { HoldfastError } from '../../core/errors.ts'
import { vaultBucketName } from '../../guardrails/names.ts'
import { armingPhrase } from '../../infra/config.ts'
import { exampleAccounts, exampleConfig } from '../sandbox/loader/example-config.ts'

export interface DrilledConfig {
  /** How the report calls it. */
  name: string
  /** Every value of `holdfast:*`, for the program. */
  values: Record<string, unknown>
  vaultBucket: string
  promiseDays: number
  generationDays: number
  retentionCapDays: number
  /** The keys whose values the drill replaced, or added to. */
  replaced: readonly string[]
}

export const exampleDrill: DrilledConfig = {
  name: 'the example of this repository',
  values: exampleConfig,
  vaultBucket: exampleConfig.vaultBucket,
  promiseDays: exampleConfig.promiseDays,
  generationDays: exampleConfig.generationDays,
  retentionCapDays: exampleConfig.retentionCapDays,
  replaced: [],
}

/** Lists of names and ARNs, in which the drill's own come behind the user's. */
const people = [
  'restorers',
  'runners',
  'deployers',
  'launchers',
  'breakGlass',
  'administrators',
  'responders',
] as const
const accountKeys = {
  vaultAccountId: exampleAccounts.vault,
  productionAccountId: exampleAccounts.production,
  managementAccountId: exampleAccounts.organization,
} as const
const defaultDays = { promiseDays: 30, generationDays: 10, retentionCapDays: 400 } as const

/**
 * @param userValues as `readConfigFile` returns it.
 * @throws `invalid-input` for a configuration without an Organization: the drill examines its control policies too.
 */
export function drilledConfig(userValues: Record<string, unknown>, name: string): DrilledConfig {
  if (userValues['detached'] === true || userValues['detached'] === 'true')
    throw new HoldfastError('invalid-input', 'the drill needs a configuration with an Organization', {
      hint: 'prove this one with `npm run prove -- --config FILE`',
    })
  const mapped = inExampleAccounts(userValues)
  // A thaw loosens what the drill examines, its break-glass session has no second person, and its probes name buckets.
  const { thawUntil, approvers, bucketNamespace, ...settings } = mapped
  const days = {
    promiseDays: daysOf(settings, 'promiseDays'),
    generationDays: daysOf(settings, 'generationDays'),
    retentionCapDays: daysOf(settings, 'retentionCapDays'),
  }
  const vaultBucket = vaultBucketName({ accountId: exampleAccounts.vault, region: exampleConfig.region })
  const replacements: Record<string, unknown> = {
    ...accountKeys,
    region: exampleConfig.region,
    organizationId: settings['organizationId'] ?? exampleConfig.organizationId,
    sources: [...exampleConfig.sources, ...namedOthers(settings['sources'], exampleConfig.sources)],
    agents: [...exampleConfig.agents, ...namedOthers(settings['agents'], exampleConfig.agents)],
    ...Object.fromEntries(
      people.map((key) => [key, [...new Set([...textsOf(settings[key]), ...exampleConfig[key]])]]),
    ),
    vaultBucket,
    arm: armingPhrase(vaultBucket, days.promiseDays + days.generationDays),
  }
  const values = { alarmEmails: exampleConfig.alarmEmails, ...settings, ...replacements }
  const isChanged = (key: string) => JSON.stringify(replacements[key]) !== JSON.stringify(userValues[key])
  const dropped = Object.entries({ thawUntil, approvers, bucketNamespace }).flatMap(([key, value]) =>
    value === undefined ? [] : [key],
  )
  return {
    name,
    values,
    vaultBucket,
    ...days,
    replaced: [...Object.keys(replacements).filter(isChanged), ...dropped].sort(),
  }
}

/** The user's account ids and region become those of the drill, all at once, because they may overlap. */
function inExampleAccounts(userValues: Record<string, unknown>): Record<string, unknown> {
  const { region } = exampleConfig
  const replaced = new Map<string, string>(
    Object.entries(accountKeys).flatMap(([key, id]) =>
      isText(userValues[key]) ? [[userValues[key], id]] : [],
    ),
  )
  if (isText(userValues['region']) && userValues['region'] !== region) {
    replaced.set(userValues['region'], region)
    replaced.set(region, userValues['region'])
  }
  return JSON.parse(
    JSON.stringify(userValues).replace(
      /[a-z]{2}(?:-[a-z]+)+-\d|\b\d{12}\b/g,
      (text) => replaced.get(text) ?? text,
    ),
  ) as Record<string, unknown>
}

function daysOf(values: Record<string, unknown>, key: keyof typeof defaultDays): number {
  const value = Number(values[key] ?? defaultDays[key])
  if (Number.isInteger(value) && value > 0) return value
  throw new HoldfastError('invalid-input', `${key} is not a number of days`)
}

/** The entries of `own` whose names are not the drill's. */
function namedOthers(userValues: unknown, examples: readonly { name: string }[]): unknown[] {
  const names = new Set<unknown>(examples.map(({ name }) => name))
  return Array.isArray(userValues)
    ? userValues.filter((entry: { name?: unknown }) => !names.has(entry.name))
    : []
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(isText) : []
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
