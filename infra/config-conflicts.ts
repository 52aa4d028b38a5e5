// What single values can't show: two that don't go together.
import { imageRepository, vaultBucketName } from '../guardrails/names.ts'
import type { HoldfastConfig } from './config.ts'

const maxThawMs = 24 * 3_600_000

/** One line per conflict, beginning with the key to change. */
export function findConflicts(config: Omit<HoldfastConfig, 'lockMode'>, nowMs: number): string[] {
  return [
    ...accountConflicts(config),
    ...retentionConflicts(config),
    ...thawConflicts(config, nowMs),
    ...duplicates(
      'sources',
      config.sources.map((source) => source.name),
    ),
    ...regionConflicts(config),
    ...duplicates(
      'agents',
      config.agents.map((agent) => agent.name),
    ),
    ...principalConflicts(config),
    ...imageConflicts(config),
    ...restoreTestConflicts(config),
    ...replacementConflicts(config),
    ...missingValues(config),
  ]
}

type Config = Omit<HoldfastConfig, 'lockMode'>

function accountConflicts(config: Config): string[] {
  const problems: string[] = []
  if (config.vaultAccountId === config.productionAccountId) {
    problems.push(
      "holdfast:vaultAccountId: is production's account too; a vault in the account it protects against protects nothing, give it one of its own",
    )
  }
  if (config.managementAccountId !== '' && config.managementAccountId === config.productionAccountId) {
    problems.push(
      'holdfast:productionAccountId: is the management account, which no service control policy binds; move production to a member account',
    )
  }
  if (config.managementAccountId !== '' && config.managementAccountId === config.vaultAccountId) {
    problems.push(
      'holdfast:vaultAccountId: is the management account, which no service control policy binds; give the vault a member account',
    )
  }
  if (config.detached && config.layer === 'organization') {
    problems.push(
      'holdfast:detached: there is no organization layer without an Organization; set it to false, or deploy vault and production only',
    )
  }
  if (!config.detached && config.organizationId === '') {
    problems.push(
      'holdfast:organizationId: set it, or set holdfast:detached to true if there is no Organization',
    )
  }
  if (!config.detached && config.managementAccountId === '') {
    problems.push(
      'holdfast:managementAccountId: set it, or set holdfast:detached to true if there is no Organization',
    )
  }
  return problems
}

function retentionConflicts(config: Config): string[] {
  if (config.retentionCapDays > config.retentionDays) return []
  return [
    `holdfast:retentionCapDays: must be more than promise and generation together (${config.retentionDays}), or no lock could be extended`,
  ]
}

function thawConflicts(config: Config, nowMs: number): string[] {
  if (config.thawUntil === '' || Date.parse(config.thawUntil) <= nowMs + maxThawMs) return []
  return ['holdfast:thawUntil: must be within 24 hours from now; what stays thawed longer is not frozen']
}

function duplicates(key: string, names: readonly string[]): string[] {
  const repeatedNames = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  return [...repeatedNames].map((name) => `holdfast:${key}: ${JSON.stringify(name)} is there twice`)
}

const productionPeople = ['launchers', 'breakGlass', 'approvers', 'administrators', 'responders'] as const
type ProductionPeople = (typeof productionPeople)[number]

/** An approval by the one who asks for it is none. Of two names that one human has, nobody here can know. */
function approverConflicts({ approvers, breakGlass }: Config): string[] {
  return approvers
    .filter((arn) => breakGlass.some((breakGlassArn) => overlap(arn, breakGlassArn)))
    .map((arn) => `holdfast:approvers: ${arn} may break the glass as well; name somebody else`)
}

/** Whether two names, each with a `*` at its end or without, can mean the same principal. */
function overlap(first: string, second: string): boolean {
  const [firstPrefix, secondPrefix] = [first.replace(/\*$/, ''), second.replace(/\*$/, '')]
  return (
    (first.endsWith('*') && secondPrefix.startsWith(firstPrefix)) ||
    (second.endsWith('*') && firstPrefix.startsWith(secondPrefix)) ||
    first === second
  )
}

function principalConflicts(config: Config): string[] {
  const inOtherAccount = (
    key: 'restorers' | 'runners' | ProductionPeople,
    accountId: string,
    accountName: string,
  ) =>
    config[key]
      .filter((arn) => arn.split(':')[4] !== accountId)
      .map((arn) => `holdfast:${key}: ${arn} is not in the ${accountName} account ${accountId}`)
  const writers = config.sources.flatMap(({ name, trust }) =>
    'awsRoleArn' in trust && trust.awsRoleArn.split(':')[4] === config.vaultAccountId
      ? [
          `holdfast:sources: ${name} is to be written by a role of the vault's own account; name a role of production`,
        ]
      : [],
  )
  return [
    ...inOtherAccount('restorers', config.vaultAccountId, 'vault'),
    ...inOtherAccount('runners', config.vaultAccountId, 'vault'),
    ...productionPeople.flatMap((key) => inOtherAccount(key, config.productionAccountId, 'production')),
    ...approverConflicts(config),
    ...writers,
  ]
}

function regionConflicts({ region, regions, sources }: Config): string[] {
  const outsideRegions = sources.filter(
    (source) => source.region !== undefined && ![region, ...regions].includes(source.region),
  )
  return [
    ...duplicates('regions', [region, ...regions]),
    ...outsideRegions.map(
      (source) =>
        `holdfast:sources: ${source.name} is to lie in ${source.region}, where there is no vault; add it to holdfast:regions`,
    ),
  ]
}

/** The bucket's name follows from account and region: with another of either, the stack would make a new vault and leave the old one. */
function replacementConflicts({ vaultBucket, vaultAccountId, region }: Config): string[] {
  const derivedName = vaultBucketName({ accountId: vaultAccountId, region })
  if (vaultBucket === '' || vaultBucket === derivedName) return []
  return [
    `holdfast:vaultBucket: is ${JSON.stringify(vaultBucket)}, but account and region make it ${derivedName}: the vault would be replaced; ` +
      'set holdfast:vaultAccountId and holdfast:region back, or make a stack of its own for another vault',
  ]
}

/** Production's registry, or a stranger's, would decide what runs with the right to read the vault. */
function imageConflicts({ image, vaultAccountId, region }: Config): string[] {
  const repository = imageRepository({ accountId: vaultAccountId, region })
  return image === '' || image.startsWith(`${repository}@`)
    ? []
    : [`holdfast:image: must be of the vault's own registry, ${repository}@sha256:…`]
}

/** What was asked for and would not happen is worse than what was not asked for. */
function restoreTestConflicts({ layer, examine, image, sources }: Config): string[] {
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

function missingValues(config: Config): string[] {
  const problems: string[] = []
  if (config.layer === 'vault') {
    if (config.sources.length === 0) problems.push('holdfast:sources: name at least one source to protect')
    if (config.alarmEmails.length + config.alarmWebhooks.length === 0) {
      problems.push('holdfast:alarmEmails: name who is woken by an alarm, or set holdfast:alarmWebhooks')
    }
    if (config.restorers.length === 0)
      problems.push('holdfast:restorers: name who may restore (roles or users of the vault account)')
  }
  if (config.layer === 'production' && config.agents.length > 0 && config.launchers.length === 0) {
    problems.push(
      "holdfast:launchers: name who may start an agent's session (roles or users of the production account)",
    )
  }
  if (config.layer === 'production' && config.breakGlass.length === 0) {
    problems.push(
      'holdfast:breakGlass: name who may break the glass (roles or users of the production account)',
    )
  }
  return problems
}
