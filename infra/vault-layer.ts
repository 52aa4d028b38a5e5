// The vault layer: the locked bucket, the feedback bucket, and a role for each duty. All of it in the vault account.
import * as aws from '@pulumi/aws'
import { alarmPatterns } from '../guardrails/alarm-patterns.ts'
import {
  alarmTopicArn,
  auditBucketName,
  duties,
  dutyRoleArn,
  dutyRoleName,
  feedbackBucketName,
  issuerName,
  rolePaths,
  toolkitBucketName,
  trailArn,
  vaultBucketName,
  writerRoleArn,
} from '../guardrails/names.ts'
import { dutyPolicy } from '../guardrails/role-policies.ts'
import { restorerTrustPolicy, runnerTrustPolicy } from '../guardrails/trust-policies.ts'
import { accountProvider } from './account-provider.ts'
import { AlarmCenter } from './components/alarm-center.ts'
import { AlarmForwarder } from './components/alarm-forwarder.ts'
import { AuditBucket } from './components/audit-bucket.ts'
import { AuditTrail } from './components/audit-trail.ts'
import { FeedbackBucket } from './components/feedback-bucket.ts'
import { RegionAlarms } from './components/region-alarms.ts'
import { ScopedRole } from './components/scoped-role.ts'
import { SourceWriter } from './components/source-writer.ts'
import { ToolkitBucket } from './components/toolkit-bucket.ts'
import { VaultBucket, vaultResourceName } from './components/vault-bucket.ts'
import type * as pulumi from '@pulumi/pulumi'
import type { Duty, VaultPlace } from '../guardrails/names.ts'
import { alarmRegionsOf, placeOf, placesOf } from './config.ts'
import { renderRunbook } from './runbook.ts'
import { deployCheckRoles, deployChecks, describeChecks } from './scheduled-checks.ts'
import { readTarball, toolkitFiles } from './toolkit.ts'
import type { ToolkitFile } from './toolkit.ts'
import type { HoldfastConfig } from './config.ts'

const descriptions: Record<Duty, string> = {
  notary: 'Reads versions, writes receipts and feedback',
  custodian: 'Extends locks up to a cap, prunes versions whose lock has run out',
  restorer: 'Reads; for a human with a second factor',
  drill: 'Reads, writes reports',
}

export function deployVaultLayer(config: HoldfastConfig): Record<string, unknown> {
  const place: VaultPlace = { accountId: config.vaultAccountId, region: config.region }
  const described = describeVault(config, place)
  const files = toolkitOf(config, place, described)
  const places = placesOf(config)
  const provider = accountProvider('vault', place.accountId, place.region)
  const options = { providers: [provider] }
  // Against a bucket of this account that someone opens later, here or by another name.
  new aws.s3.AccountPublicAccessBlock(
    'vault',
    { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    { provider, protect: true, retainOnDelete: true },
  )
  new ToolkitBucket('toolkit', { ...config, place, files }, options)
  const roles = [...deployDuties(config, places, options), ...deployCheckRoles(config, places, options)]
  for (const each of places) {
    const own =
      each.region === place.region
        ? provider
        : accountProvider(`vault-${each.region}`, each.accountId, each.region)
    deployRegion(config, each, roles, own)
  }
  const patterns = alarmPatterns({ vault: place, productionAccountId: config.productionAccountId })
  const trails = config.detached
    ? [place.accountId, config.productionAccountId]
    : [config.managementAccountId]
  const audit = new AuditBucket(
    'audit',
    {
      place,
      lockMode: config.lockMode,
      retentionDays: config.auditRetentionDays,
      trailArns: trails.map((id) => trailArn(id, place.region)),
    },
    options,
  )
  // In an organization its one trail covers this account too.
  if (config.detached)
    new AuditTrail(
      'vault-trail',
      { vault: place, accountId: place.accountId, ofOrganization: false },
      { ...options, dependsOn: [audit.policy] },
    )
  new AlarmCenter('alarms', { place, patterns, productionAccountId: config.productionAccountId }, options)
  const own = patterns.filter(({ account }) => account === 'vault')
  new AlarmForwarder(
    'vault-forwarder',
    { vault: place, accountId: place.accountId, regions: alarmRegionsOf(config), patterns: own },
    options,
  )
  const issuers = trustIssuers(config, provider)
  for (const source of config.sources) {
    const issuer = 'oidc' in source.trust ? issuers.get(issuerName(source.trust.oidc.issuer)) : undefined
    new SourceWriter(
      `writer-${source.name}`,
      { place: placeOf(config, source), source, provider: issuer },
      options,
    )
  }
  return { ...described, toolkit: describeToolkit(place, files) }
}

/** What a region has of its own: backups, what is told to their writers, whoever is woken there, and its checks. */
function deployRegion(
  config: HoldfastConfig,
  place: VaultPlace,
  roles: readonly pulumi.Resource[],
  provider: aws.Provider,
): void {
  const options = { providers: [provider] }
  const suffix = place.region === config.region ? '' : `-${place.region}`
  const sources = config.sources
    .filter((source) => placeOf(config, source).region === place.region)
    .map(({ name }) => name)
  const vault = new VaultBucket(vaultResourceName(place, config.region), { ...config, place }, options)
  new FeedbackBucket(`feedback${suffix}`, { place }, options)
  new RegionAlarms(
    `alarms${suffix}`,
    {
      place,
      emails: config.alarmEmails,
      webhooks: config.alarmWebhooks,
      sources,
      silenceHours: config.silenceHours,
      vaultBucket: vault.bucket,
    },
    options,
  )
  deployChecks(config, { place, sources, roles }, provider)
}

function deployDuties(
  config: HoldfastConfig,
  places: readonly VaultPlace[],
  options: pulumi.ComponentResourceOptions,
): pulumi.Resource[] {
  const accountId = config.vaultAccountId
  return duties.map((duty) => {
    const trust =
      duty === 'restorer'
        ? restorerTrustPolicy(accountId, config.restorers)
        : runnerTrustPolicy({
            accountId,
            regions: places.map(({ region }) => region),
            runners: config.runners,
          })
    return new ScopedRole(
      duty,
      {
        roleName: dutyRoleName(duty),
        path: rolePaths.vault,
        description: descriptions[duty],
        trust,
        policy: dutyPolicy(places, duty),
      },
      options,
    )
  })
}

/** One identity provider per issuer, for all audiences that its sources name. */
function trustIssuers(
  config: HoldfastConfig,
  provider: aws.Provider,
): Map<string, aws.iam.OpenIdConnectProvider> {
  const audiences = new Map<string, { url: string; audiences: Set<string> }>()
  for (const { trust } of config.sources) {
    if (!('oidc' in trust)) continue
    const known = audiences.get(issuerName(trust.oidc.issuer)) ?? {
      url: trust.oidc.issuer,
      audiences: new Set(),
    }
    audiences.set(issuerName(trust.oidc.issuer), known)
    known.audiences.add(trust.oidc.audience)
  }
  return new Map(
    [...audiences].map(([name, issuer]) => [
      name,
      new aws.iam.OpenIdConnectProvider(
        `issuer-${name}`,
        { url: issuer.url, clientIdLists: [...issuer.audiences].sort() },
        { provider },
      ),
    ]),
  )
}

/** What the tools read with `pulumi stack output --json`: versioned, without a secret. */
function describeVault(config: HoldfastConfig, place: VaultPlace): Record<string, unknown> {
  return {
    formatVersion: 1,
    layer: 'vault',
    region: place.region,
    vaultAccountId: place.accountId,
    vaultBucket: vaultBucketName(place),
    feedbackBucket: feedbackBucketName(place),
    auditBucket: auditBucketName(place),
    alarmTopicArn: alarmTopicArn(place),
    regions: Object.fromEntries(placesOf(config).map((each) => [each.region, describeRegion(config, each)])),
    silenceHours: config.silenceHours,
    lock: { mode: config.lockMode, days: config.retentionDays, promiseDays: config.promiseDays },
    roles: Object.fromEntries(duties.map((duty) => [duty, dutyRoleArn(place.accountId, duty)])),
    ...describeChecks(config, place),
    writers: Object.fromEntries(
      config.sources.map(({ name }) => [name, writerRoleArn(place.accountId, name)]),
    ),
  }
}

/** Read before anything is declared: a file that isn't there refuses the deployment as a whole. */
function toolkitOf(
  config: HoldfastConfig,
  place: VaultPlace,
  described: Record<string, unknown>,
): ToolkitFile[] {
  if (config.toolkit === '') return []
  const tarball = readTarball(config.toolkit)
  return toolkitFiles(
    tarball,
    described,
    renderRunbook(
      place,
      config.sources.map((source) => ({ name: source.name, place: placeOf(config, source) })),
      tarball.version,
    ),
  )
}

function describeToolkit(place: VaultPlace, files: readonly ToolkitFile[]): Record<string, unknown> {
  return {
    bucket: toolkitBucketName(place),
    files: Object.fromEntries(files.map(({ name, key }) => [name, key])),
  }
}

function describeRegion(config: HoldfastConfig, place: VaultPlace): Record<string, unknown> {
  return {
    vaultBucket: vaultBucketName(place),
    feedbackBucket: feedbackBucketName(place),
    alarmTopicArn: alarmTopicArn(place),
    sources: config.sources
      .filter((source) => placeOf(config, source).region === place.region)
      .map(({ name }) => name),
  }
}
