// Conflicts between configuration values that are each valid alone.
import { imageRepository, vaultBucketName } from '../guardrails/names.ts'
import { nativeName } from '../guardrails/native-backups.ts'
import { maxSourcesPerRegion } from '../guardrails/write-alarms.ts'
import { alarmAddresses, isBelowDomain } from './alarm-addresses.ts'
import { agentSizeConflicts } from './agent-size-conflicts.ts'
import { firstLocationOf, productionAccountsOf } from './config.ts'
import { policySizeConflicts } from './policy-size-conflicts.ts'
import type { HoldfastConfig } from './config.ts'

const maxThawMs = 24 * 3_600_000

/** One line for each conflict. It begins with the key to change. */
export function findConflicts(config: Omit<HoldfastConfig, 'lockMode'>, nowMs: number): string[] {
  return [
    ...accountConflicts(config),
    ...productionConflicts(config),
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
    ...nativeConflicts(config),
    ...agentSizeConflicts(config),
    ...principalConflicts(config),
    ...policySizeConflicts(config),
    ...replacementConflicts(config),
    ...imageConflicts(config),
    ...restoreTestConflicts(config),
    ...namespaceConflicts(config),
    ...alarmConflicts(config),
    ...missingValues(config),
  ]
}

type Config = Omit<HoldfastConfig, 'lockMode'>

function accountConflicts(config: Config): string[] {
  const problems: string[] = []
  if (config.vaultAccountId === config.productionAccountId) {
    problems.push(
      "holdfast:vaultAccountId: is production's account too; set it to an account of the vault alone, because production could destroy a vault in its own account",
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
      'holdfast:detached: excludes the organization layer; set it to false, or deploy only the vault and production layers',
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

/** Keys about production's account need one; and a source that trusts a role of AWS shows that there is one. */
function productionConflicts(config: Config): string[] {
  if (config.productionAccountId !== '') return []
  const set = 'holdfast:productionAccountId: set it, because'
  const lists = [...productionPeople, 'agents', 'native'] as const
  const used = lists.filter((key) => config[key].length > 0).map((key) => `holdfast:${key}`)
  if (config.quarantineAgents) used.push('holdfast:quarantineAgents')
  const awsSources = config.sources.filter(({ trust }) => 'awsRoleArn' in trust).map(({ name }) => name)
  return [
    ...(config.layer === 'production' ? [`${set} the production layer is for an account of AWS`] : []),
    ...(used.length > 0 ? [`${set} these keys are about that account: ${used.join(', ')}`] : []),
    ...(awsSources.length > 0 ? [`${set} a role of AWS backs up ${awsSources.join(', ')}`] : []),
  ]
}

function retentionConflicts(config: Config): string[] {
  if (config.retentionCapDays > config.retentionDays) return []
  return [
    `holdfast:retentionCapDays: must be more than promiseDays and generationDays together (${config.retentionDays}), because the custodian could extend no lock otherwise`,
  ]
}

function thawConflicts(config: Config, nowMs: number): string[] {
  if (config.thawUntil === '' || Date.parse(config.thawUntil) <= nowMs + maxThawMs) return []
  return [
    'holdfast:thawUntil: must be within the next 24 hours, because a longer thaw would leave the vault unprotected',
  ]
}

function duplicates(key: string, names: readonly string[]): string[] {
  const repeatedNames = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  return [...repeatedNames].map((name) => `holdfast:${key}: ${JSON.stringify(name)} is listed twice`)
}

const productionPeople = ['launchers', 'breakGlass', 'approvers', 'administrators', 'responders'] as const
type ProductionPeople = (typeof productionPeople)[number]

const vaultPeople = ['restorers', 'runners', 'deployers'] as const
type VaultPeople = (typeof vaultPeople)[number]

/**
 * The vault's control policy admits these principals. A pattern that also matches a role that a delegated administrator
 * makes would admit it.
 */
function delegatedRoleConflicts(key: VaultPeople, arns: readonly string[]): string[] {
  return arns.flatMap((arn) => {
    const path = arn.slice(arn.indexOf(':role/') + 1).replace(/\*$/, '')
    const isPattern = arn.endsWith('*')
    const stackSets = 'role/stacksets-exec-'
    if (path.startsWith(stackSets) || (isPattern && stackSets.startsWith(path)))
      return [
        `holdfast:${key}: ${arn} admits the roles that stack sets of a delegated administrator make; name other roles`,
      ]
    const identityCenter = 'role/aws-reserved/sso.amazonaws.com/'
    const meetsIdentityCenter = path.startsWith(identityCenter) || identityCenter.startsWith(path)
    return isPattern && meetsIdentityCenter && !/\/AWSReservedSSO_[\w+=,.@-]+_$/.test(path)
      ? [
          `holdfast:${key}: ${arn} admits more than one permission set of Identity Center; name one, as AWSReservedSSO_NAME_*`,
        ]
      : []
  })
}

/**
 * A person must not approve their own break-glass session. The check can't detect one person with two ARNs.
 */
function approverConflicts({ approvers, breakGlass }: Config): string[] {
  return approvers
    .filter((arn) => breakGlass.some((breakGlassArn) => overlap(arn, breakGlassArn)))
    .map((arn) => `holdfast:approvers: ${arn} is also in breakGlass; name another person`)
}

/** Whether two ARNs, each with or without a `*` at the end, can match the same principal. */
function overlap(first: string, second: string): boolean {
  const [firstPrefix, secondPrefix] = [first.replace(/\*$/, ''), second.replace(/\*$/, '')]
  return (
    (first.endsWith('*') && secondPrefix.startsWith(firstPrefix)) ||
    (second.endsWith('*') && firstPrefix.startsWith(secondPrefix)) ||
    first === second
  )
}

function principalConflicts(config: Config): string[] {
  const inOtherAccount = (key: VaultPeople | ProductionPeople, accountId: string, accountName: string) =>
    config[key]
      .filter((arn) => arn.split(':')[4] !== accountId)
      .map((arn) => `holdfast:${key}: ${arn} is not in the ${accountName} account ${accountId}`)
  const writers = config.sources.flatMap(({ name, trust }) =>
    'awsRoleArn' in trust && trust.awsRoleArn.split(':')[4] === config.vaultAccountId
      ? [`holdfast:sources: ${name} trusts a role of the vault's own account; name a role of production`]
      : [],
  )
  return [
    ...vaultPeople.flatMap((key) => inOtherAccount(key, config.vaultAccountId, 'vault')),
    ...vaultPeople.flatMap((key) => delegatedRoleConflicts(key, config[key])),
    ...productionAccountsOf(config).flatMap((accountId) =>
      productionPeople.flatMap((key) => inOtherAccount(key, accountId, 'production')),
    ),
    ...approverConflicts(config),
    ...writers,
  ]
}

/** Copies to another account need an organization, and names of AWS follow from the tags. */
function nativeConflicts({ native, detached }: Config): string[] {
  return [
    ...duplicates(
      'native',
      native.map(({ tag }) => nativeName(tag)),
    ),
    ...(detached && native.length > 0
      ? [
          'holdfast:native: AWS Backup copies into another account only within an Organization; leave it out, or set holdfast:detached to false',
        ]
      : []),
  ]
}

function regionConflicts({ region, regions, sources }: Config): string[] {
  const outsideRegions = sources.filter(
    (source) => source.region !== undefined && ![region, ...regions].includes(source.region),
  )
  const crowded = [region, ...regions].flatMap((name) => {
    const count = sources.filter((source) => (source.region ?? region) === name).length
    return count <= maxSourcesPerRegion
      ? []
      : [
          `holdfast:sources: ${count} sources have their backups in ${name}, and the alarms on one region's writes take ${maxSourcesPerRegion}; give some of them another region`,
        ]
  })
  return [
    ...duplicates('regions', [region, ...regions]),
    ...crowded,
    ...outsideRegions.map(
      (source) =>
        `holdfast:sources: ${source.name} has the region ${source.region}, which has no vault; add the region to holdfast:regions`,
    ),
  ]
}

/**
 * The bucket's name follows from account, region and namespace. A change of one would make the stack abandon the
 * vault for a new one.
 */
function replacementConflicts(config: Config): string[] {
  const { vaultBucket } = config
  const derivedName = vaultBucketName(firstLocationOf(config))
  if (vaultBucket === '' || vaultBucket === derivedName) return []
  return [
    `holdfast:vaultBucket: is ${JSON.stringify(vaultBucket)}, but account, region and namespace give ${derivedName}, which would replace the vault; ` +
      'restore holdfast:vaultAccountId, holdfast:region and holdfast:bucketNamespace, or use a new stack for another vault',
  ]
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html */
export const regionsWithoutNamespace: readonly string[] = ['me-central-1', 'me-south-1']

function namespaceConflicts({ bucketNamespace, region, regions }: Config): string[] {
  if (bucketNamespace === 'global') return []
  return [region, ...regions]
    .filter((name) => regionsWithoutNamespace.includes(name))
    .map((name) => `holdfast:bucketNamespace: must be global, because AWS has no other namespace in ${name}`)
}

/** An image from another registry would let its owner run code with the permission to read the vault. */
function imageConflicts({ image, vaultAccountId, region }: Config): string[] {
  const repository = imageRepository({ accountId: vaultAccountId, region })
  if (image === '' || image.startsWith(`${repository}@`)) return []
  // With the image of the same registry in another region, it's the region that changed.
  const imageRegion = /^\d{12}\.dkr\.ecr\.([a-z0-9-]+)\./.exec(image)?.[1] ?? ''
  return image.startsWith(`${imageRepository({ accountId: vaultAccountId, region: imageRegion })}@`)
    ? [
        `holdfast:region: is ${region}, but holdfast:image is in the vault's registry of ${imageRegion}; set the region back, because a vault can't move, or for a new vault set holdfast:image to ${repository}@sha256:…`,
      ]
    : [`holdfast:image: must come from the vault's own registry, ${repository}@sha256:…`]
}

/**
 * Rejects a configuration that turns restore tests on but can't run any, because the operator would rely on
 * them.
 */
function restoreTestConflicts({ layer, examine, image, sources }: Config): string[] {
  if (!examine || layer !== 'vault') return []
  return [
    ...(image === ''
      ? ['holdfast:image: name the image that runs restore tests, or set holdfast:examine to false']
      : []),
    ...(sources.length === 0 || sources.some(({ kind }) => kind === 'postgres')
      ? []
      : [
          'holdfast:sources: no source has the kind postgres, so no restore test can run; set kind of a source, or set holdfast:examine to false',
        ]),
  ]
}

/** Production could receive, drop or answer the alarms at an address whose mail or DNS it runs. */
function alarmConflicts(config: Config): string[] {
  const ofProduction = alarmAddresses(config).flatMap(({ key, address, host }) => {
    const domain = config.productionDomains.find((name) => isBelowDomain(host, name))
    if (domain !== undefined)
      return [
        `holdfast:${key}: ${address} is at ${domain}, whose mail or DNS production runs; name an address that production can't redirect`,
      ]
    return productionAccountsOf(config).some((accountId) => address.includes(accountId))
      ? [`holdfast:${key}: ${address} names the production account; name an address outside of it`]
      : []
  })
  if (config.layer !== 'vault' || config.productionDomains.length > 0) return ofProduction
  return [
    ...ofProduction,
    'holdfast:productionDomains: name the domains whose mail or DNS production runs, so that no address of on-call hangs on them; none, if it runs none',
  ]
}

function missingValues(config: Config): string[] {
  const problems: string[] = []
  if (config.layer === 'vault') {
    if (config.sources.length === 0) problems.push('holdfast:sources: name at least one source to protect')
    if (config.alarmEmails.length + config.alarmWebhooks.length === 0) {
      problems.push(
        'holdfast:alarmEmails: name at least one address of on-call, or set holdfast:alarmWebhooks',
      )
    }
    if (config.restorers.length === 0)
      problems.push(
        'holdfast:restorers: name at least one person who may restore (a role or user of the vault account)',
      )
  }
  if (config.layer === 'organization' && config.deployers.length === 0) {
    problems.push(
      "holdfast:deployers: name at least one role or user of the vault account that deploys the vault layer, because the vault's control policy denies everything to principals without a name here",
    )
  }
  if (config.layer === 'production' && config.agents.length > 0 && config.launchers.length === 0) {
    problems.push(
      'holdfast:launchers: name at least one launcher of agent sessions (a role or user of the production account)',
    )
  }
  const isProduction = config.layer === 'production' && config.productionAccountId !== ''
  if (isProduction && config.breakGlass.length === 0) {
    problems.push(
      'holdfast:breakGlass: name at least one person who may use break-glass (a role or user of the production account)',
    )
  }
  return problems
}
