// The parts of a vault that the vault layer and the component `Vault` share: the roles of duties and writers, and the
// resources of one region.
import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import { issuerName, dutyRoleName, duties, rolePaths } from '../guardrails/names.ts'
import type { Duty, VaultLocation } from '../guardrails/names.ts'
import { dutyPolicy } from '../guardrails/role-policies.ts'
import type { SigningDuty } from '../guardrails/signing-key-policy.ts'
import { restorerTrustPolicy, runnerTrustPolicy } from '../guardrails/trust-policies.ts'
import { FeedbackBucket } from './components/feedback-bucket.ts'
import { RegionAlarms } from './components/region-alarms.ts'
import { ScopedRole } from './components/scoped-role.ts'
import { SigningKey } from './components/signing-key.ts'
import { SourceWriter } from './components/source-writer.ts'
import { VaultBucket, vaultResourceName } from './components/vault-bucket.ts'
import { WriteAlarms } from './components/write-alarms.ts'
import { locationOf } from './config.ts'
import type { HoldfastConfig } from './config.ts'
import { componentOptions } from './owner.ts'
import type { Owner } from './owner.ts'

const descriptions: Record<Duty, string> = {
  notary: 'Reads versions, writes receipts and feedback',
  custodian: 'Extends locks up to a cap, prunes versions whose lock has run out',
  restorer: 'Reads; for a human with a second factor',
  drill: 'Reads, writes reports',
}

export function declareDuties(
  config: HoldfastConfig,
  locations: readonly VaultLocation[],
  owner: Owner,
): Record<Duty, ScopedRole> {
  const accountId = config.vaultAccountId
  const trustOf = (duty: Duty) =>
    duty === 'restorer'
      ? restorerTrustPolicy(accountId, config.restorers)
      : runnerTrustPolicy({
          accountId,
          regions: locations.map(({ region }) => region),
          runners: config.runners,
        })
  const roles = duties.map((duty) => [
    duty,
    new ScopedRole(
      duty,
      {
        roleName: dutyRoleName(duty),
        path: rolePaths.vault,
        description: descriptions[duty],
        trust: trustOf(duty),
        policy: dutyPolicy(locations, duty),
      },
      componentOptions(owner),
    ),
  ])
  return Object.fromEntries(roles) as Record<Duty, ScopedRole>
}

/** The writers by the names of their sources. */
export function declareWriters(config: HoldfastConfig, owner: Owner): Record<string, SourceWriter> {
  const issuers = declareIssuers(config, owner)
  return Object.fromEntries(
    config.sources.map((source) => {
      const issuer = 'oidc' in source.trust ? issuers.get(issuerName(source.trust.oidc.issuer)) : undefined
      const writer = new SourceWriter(
        `writer-${source.name}`,
        { location: locationOf(config, source), source, provider: issuer },
        componentOptions(owner),
      )
      return [source.name, writer]
    }),
  )
}

/**
 * One identity provider for each issuer, with the audiences of all its sources, because IAM allows only one
 * per issuer.
 */
function declareIssuers(config: HoldfastConfig, owner: Owner): Map<string, aws.iam.OpenIdConnectProvider> {
  const issuers = new Map<string, { url: string; audiences: Set<string> }>()
  for (const { trust } of config.sources) {
    if (!('oidc' in trust)) continue
    const issuer = issuers.get(issuerName(trust.oidc.issuer)) ?? {
      url: trust.oidc.issuer,
      audiences: new Set(),
    }
    issuers.set(issuerName(trust.oidc.issuer), issuer)
    issuer.audiences.add(trust.oidc.audience)
  }
  return new Map(
    [...issuers].map(([name, issuer]) => [
      name,
      new aws.iam.OpenIdConnectProvider(
        `issuer-${name}`,
        { url: issuer.url, clientIdLists: [...issuer.audiences].sort() },
        owner,
      ),
    ]),
  )
}

/** The keys of one region. */
export type RegionKeys = Readonly<Record<SigningDuty, SigningKey>>

/** The buckets of one region, and their policies. A deployment can stop halfway, so nothing else comes before them. */
export interface RegionBuckets {
  readonly vault: VaultBucket
  readonly feedback: FeedbackBucket
  readonly guards: pulumi.Resource[]
}

export function declareBuckets(config: HoldfastConfig, location: VaultLocation, owner: Owner): RegionBuckets {
  const options = componentOptions(owner)
  const vault = new VaultBucket(vaultResourceName(location, config.region), { ...config, location }, options)
  const feedback = new FeedbackBucket(`feedback${suffixOf(config, location)}`, { location }, options)
  return { vault, feedback, guards: [vault.policy, feedback.policy] }
}

/** The alarms and keys of one region. */
export interface RegionParts {
  readonly alarms: RegionAlarms
  readonly keys: RegionKeys
}

export function declareRegion(config: HoldfastConfig, location: VaultLocation, owner: Owner): RegionParts {
  const options = componentOptions(owner)
  const suffix = suffixOf(config, location)
  const sources = config.sources.filter((source) => locationOf(config, source).region === location.region)
  const alarms = new RegionAlarms(
    `alarms${suffix}`,
    {
      location,
      emails: config.alarmEmails,
      webhooks: config.alarmWebhooks,
    },
    options,
  )
  new WriteAlarms(`writes${suffix}`, { location, sources }, options)
  const keys = {
    notary: new SigningKey(`notary${suffix}`, { location, duty: 'notary' }, options),
    drill: new SigningKey(`reports${suffix}`, { location, duty: 'drill' }, options),
  }
  return { alarms, keys }
}

/** Ends the names of resources in further regions. */
function suffixOf({ region }: HoldfastConfig, location: VaultLocation): string {
  return location.region === region ? '' : `-${location.region}`
}
