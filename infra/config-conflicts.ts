// What single values can't show: two that don't go together.
import { imageRepository, vaultBucketName } from '../guardrails/names.ts'
import type { HoldfastConfig } from './config.ts'

const longestThawMs = 24 * 3_600_000

/** One line per conflict, beginning with the key to change. */
export function findConflicts(config: Omit<HoldfastConfig, 'lockMode'>, nowMs: number): string[] {
  return [
    ...accountConflicts(config),
    ...retentionConflicts(config),
    ...thawConflicts(config, nowMs),
    ...repeated(
      'sources',
      config.sources.map((source) => source.name),
    ),
    ...regionConflicts(config),
    ...repeated(
      'agents',
      config.agents.map((agent) => agent.name),
    ),
    ...principalConflicts(config),
    ...imageConflicts(config),
    ...examinationConflicts(config),
    ...replacementConflicts(config),
    ...missing(config),
  ]
}

type Config = Omit<HoldfastConfig, 'lockMode'>

function accountConflicts(config: Config): string[] {
  const found: string[] = []
  if (config.vaultAccountId === config.productionAccountId) {
    found.push(
      "holdfast:vaultAccountId: is production's account too; a vault in the account it protects against protects nothing, give it one of its own",
    )
  }
  if (config.managementAccountId !== '' && config.managementAccountId === config.productionAccountId) {
    found.push(
      'holdfast:productionAccountId: is the management account, which no service control policy binds; move production to a member account',
    )
  }
  if (config.managementAccountId !== '' && config.managementAccountId === config.vaultAccountId) {
    found.push(
      'holdfast:vaultAccountId: is the management account, which no service control policy binds; give the vault a member account',
    )
  }
  if (config.detached && config.layer === 'organization') {
    found.push(
      'holdfast:detached: there is no organization layer without an Organization; set it to false, or deploy vault and production only',
    )
  }
  if (!config.detached && config.organizationId === '') {
    found.push(
      'holdfast:organizationId: set it, or set holdfast:detached to true if there is no Organization',
    )
  }
  if (!config.detached && config.managementAccountId === '') {
    found.push(
      'holdfast:managementAccountId: set it, or set holdfast:detached to true if there is no Organization',
    )
  }
  return found
}

function retentionConflicts(config: Config): string[] {
  if (config.retentionCapDays > config.retentionDays) return []
  return [
    `holdfast:retentionCapDays: must be more than promise and generation together (${config.retentionDays}), or no lock could be extended`,
  ]
}

function thawConflicts(config: Config, nowMs: number): string[] {
  if (config.thawUntil === '' || Date.parse(config.thawUntil) <= nowMs + longestThawMs) return []
  return ['holdfast:thawUntil: must be within 24 hours from now; what stays thawed longer is not frozen']
}

function repeated(key: string, names: readonly string[]): string[] {
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  return [...twice].map((name) => `holdfast:${key}: ${JSON.stringify(name)} is there twice`)
}

const productionPeople = ['launchers', 'breakGlass', 'approvers', 'administrators', 'responders'] as const
type ProductionPeople = (typeof productionPeople)[number]

/** An approval by the one who asks for it is none. Of two names that one human has, nobody here can know. */
function approverConflicts({ approvers, breakGlass }: Config): string[] {
  return approvers
    .filter((arn) => breakGlass.some((other) => overlap(arn, other)))
    .map((arn) => `holdfast:approvers: ${arn} may break the glass as well; name somebody else`)
}

/** Whether two names, each with a `*` at its end or without, can mean the same principal. */
function overlap(one: string, other: string): boolean {
  const [a, b] = [one.replace(/\*$/, ''), other.replace(/\*$/, '')]
  return (one.endsWith('*') && b.startsWith(a)) || (other.endsWith('*') && a.startsWith(b)) || one === other
}

function principalConflicts(config: Config): string[] {
  const elsewhere = (key: 'restorers' | 'runners' | ProductionPeople, account: string, whose: string) =>
    config[key]
      .filter((arn) => arn.split(':')[4] !== account)
      .map((arn) => `holdfast:${key}: ${arn} is not in the ${whose} account ${account}`)
  const writers = config.sources.flatMap(({ name, trust }) =>
    'awsRoleArn' in trust && trust.awsRoleArn.split(':')[4] === config.vaultAccountId
      ? [
          `holdfast:sources: ${name} is to be written by a role of the vault's own account; name a role of production`,
        ]
      : [],
  )
  return [
    ...elsewhere('restorers', config.vaultAccountId, 'vault'),
    ...elsewhere('runners', config.vaultAccountId, 'vault'),
    ...productionPeople.flatMap((key) => elsewhere(key, config.productionAccountId, 'production')),
    ...approverConflicts(config),
    ...writers,
  ]
}

function regionConflicts({ region, regions, sources }: Config): string[] {
  const unknown = sources.filter(
    (source) => source.region !== undefined && ![region, ...regions].includes(source.region),
  )
  return [
    ...repeated('regions', [region, ...regions]),
    ...unknown.map(
      (source) =>
        `holdfast:sources: ${source.name} is to lie in ${source.region}, where there is no vault; add it to holdfast:regions`,
    ),
  ]
}

/** The bucket's name follows from account and region: with another of either, the stack would make a new vault and leave the old one. */
function replacementConflicts({ vaultBucket, vaultAccountId, region }: Config): string[] {
  const named = vaultBucketName({ accountId: vaultAccountId, region })
  if (vaultBucket === '' || vaultBucket === named) return []
  return [
    `holdfast:vaultBucket: is ${JSON.stringify(vaultBucket)}, but account and region make it ${named}: the vault would be replaced; ` +
      'set holdfast:vaultAccountId and holdfast:region back, or make a stack of its own for another vault',
  ]
}

/** Production's registry, or a stranger's, would decide what runs with the right to read the vault. */
function imageConflicts({ image, vaultAccountId, region }: Config): string[] {
  const own = imageRepository({ accountId: vaultAccountId, region })
  return image === '' || image.startsWith(`${own}@`)
    ? []
    : [`holdfast:image: must be of the vault's own registry, ${own}@sha256:…`]
}

/** What was asked for and would not happen is worse than what was not asked for. */
function examinationConflicts({ layer, examine, image, sources }: Config): string[] {
  if (!examine || layer !== 'vault') return []
  return [
    ...(image === ''
      ? ['holdfast:image: name the image that examines what was restored, or set holdfast:examine to false']
      : []),
    ...(sources.length === 0 || sources.some(({ kind }) => kind === 'postgres')
      ? []
      : [
          'holdfast:sources: none has the kind postgres, so that there is nothing to start; set kind of one, or holdfast:examine to false',
        ]),
  ]
}

function missing(config: Config): string[] {
  const found: string[] = []
  if (config.layer === 'vault') {
    if (config.sources.length === 0) found.push('holdfast:sources: name at least one source to protect')
    if (config.alarmEmails.length + config.alarmWebhooks.length === 0) {
      found.push('holdfast:alarmEmails: name who is woken by an alarm, or set holdfast:alarmWebhooks')
    }
    if (config.restorers.length === 0)
      found.push('holdfast:restorers: name who may restore (roles or users of the vault account)')
  }
  if (config.layer === 'production' && config.agents.length > 0 && config.launchers.length === 0) {
    found.push(
      "holdfast:launchers: name who may start an agent's session (roles or users of the production account)",
    )
  }
  if (config.layer === 'production' && config.breakGlass.length === 0) {
    found.push('holdfast:breakGlass: name who may break the glass (roles or users of the production account)')
  }
  return found
}
