// Names and ARNs that follow from account, region and source alone, so that no layer has to ask another for one.

/** Where the vault is. Commercial partition only (`arn:aws:`). */
export interface VaultPlace {
  /** Twelve digits. */
  accountId: string
  /** As AWS spells it, e.g. `eu-central-1`. */
  region: string
}

export const duties = ['notary', 'custodian', 'restorer', 'drill'] as const
/** A role of the vault that isn't bound to one source. */
export type Duty = (typeof duties)[number]

export const rolePaths = { vault: '/holdfast/', agents: '/holdfast-agents/', production: '/holdfast-production/', audit: '/holdfast-audit/' } as const

/** Set on a writer's role; the bucket policies hold it to this source, whatever its own policy says. */
export const sourceTag = 'holdfast-source'
/** Set on an agent's role; compared with the environment tag of what it touches. */
export const agentEnvironmentTag = 'holdfast-environment'
/** Session tag by which Identity Center (whose sessions carry no MFA keys) vouches for a second factor. */
export const secondFactorTag = 'holdfast-second-factor'
/** Session tag in which whoever breaks the glass says why. */
export const reasonTag = 'holdfast-reason'

export function vaultBucketName(place: VaultPlace): string {
  return `holdfast-vault-${place.accountId}-${place.region}`
}

export function feedbackBucketName(place: VaultPlace): string {
  return `holdfast-feedback-${place.accountId}-${place.region}`
}

export function auditBucketName(place: VaultPlace): string {
  return `holdfast-audit-${place.accountId}-${place.region}`
}

export function bucketArn(bucket: string): string {
  return `arn:aws:s3:::${bucket}`
}

export function writerRoleName(source: string): string {
  return `holdfast-writer-${source}`
}

export function dutyRoleName(duty: Duty): string {
  return `holdfast-${duty}`
}

export function agentRoleName(agent: string): string {
  return `holdfast-agent-${agent}`
}

export const breakGlassRoleName = 'holdfast-break-glass'
export const administratorRoleName = 'holdfast-administrator'
export const agentBoundaryName = 'holdfast-agent-boundary'

/** One trail per account that has one: the management account's covers the organization. */
export const trailName = 'holdfast-audit'
export const alarmBusName = 'holdfast-alarms'
export const alarmTopicName = 'holdfast-alarms'
export const forwarderRoleName = 'holdfast-alarm-forwarder'

export function trailArn(accountId: string, region: string): string {
  return `arn:aws:cloudtrail:${region}:${accountId}:trail/${trailName}`
}

export function alarmBusArn(place: VaultPlace): string {
  return `arn:aws:events:${place.region}:${place.accountId}:event-bus/${alarmBusName}`
}

export function alarmTopicArn(place: VaultPlace): string {
  return `arn:aws:sns:${place.region}:${place.accountId}:${alarmTopicName}`
}

export function forwarderRoleArn(accountId: string): string {
  return roleArn(accountId, rolePaths.audit, forwarderRoleName)
}

export function roleArn(accountId: string, path: string, name: string): string {
  return `arn:aws:iam::${accountId}:role${path}${name}`
}

export function writerRoleArn(accountId: string, source: string): string {
  return roleArn(accountId, rolePaths.vault, writerRoleName(source))
}

/** Matches every writer of the vault, those of sources that don't exist yet too. */
export function anyWriterArn(accountId: string): string {
  return roleArn(accountId, rolePaths.vault, writerRoleName('*'))
}

export function dutyRoleArn(accountId: string, duty: Duty): string {
  return roleArn(accountId, rolePaths.vault, dutyRoleName(duty))
}

export function agentRoleArn(accountId: string, agent: string): string {
  return roleArn(accountId, rolePaths.agents, agentRoleName(agent))
}

export function oidcProviderArn(accountId: string, issuer: string): string {
  return `arn:aws:iam::${accountId}:oidc-provider/${issuerName(issuer)}`
}

/** An issuer's URL as IAM spells it in ARNs and condition keys: without scheme and trailing slash. */
export function issuerName(issuer: string): string {
  return issuer.replace(/^https:\/\//, '').replace(/\/+$/, '')
}

/** What a workload with an AWS role sends along with AssumeRole, so that it can't be made to write another source by mistake. */
export function externalIdOf(source: string): string {
  return `holdfast/${source}`
}
