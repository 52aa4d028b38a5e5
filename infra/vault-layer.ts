// The vault layer: in the vault's account, the locked buckets, a role for each duty and each writer, alarms,
// and scheduled checks.
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
import type { Duty, VaultLocation } from '../guardrails/names.ts'
import { alarmRegionsOf, locationOf, locationsOf } from './config.ts'
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
  const location: VaultLocation = { accountId: config.vaultAccountId, region: config.region }
  const description = describeVault(config, location)
  const files = readToolkitFiles(config, location, description)
  const locations = locationsOf(config)
  const provider = accountProvider('vault', location.accountId, location.region)
  const options = { providers: [provider] }
  // For the whole account, so that a bucket that is created later can't be public either.
  new aws.s3.AccountPublicAccessBlock(
    'vault',
    { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    { provider, protect: true, retainOnDelete: true },
  )
  new ToolkitBucket('toolkit', { ...config, location, files }, options)
  const roles = [...deployDuties(config, locations, options), ...deployCheckRoles(config, locations, options)]
  for (const regionLocation of locations) {
    const { accountId, region } = regionLocation
    const regionProvider =
      region === location.region ? provider : accountProvider(`vault-${region}`, accountId, region)
    deployRegion(config, regionLocation, roles, regionProvider)
  }
  const patterns = alarmPatterns({ vault: location, productionAccountId: config.productionAccountId })
  const trails = config.detached
    ? [location.accountId, config.productionAccountId]
    : [config.managementAccountId]
  const audit = new AuditBucket(
    'audit',
    {
      location,
      lockMode: config.lockMode,
      retentionDays: config.auditRetentionDays,
      trailArns: trails.map((id) => trailArn(id, location.region)),
    },
    options,
  )
  // With an Organization, the organization's trail covers this account.
  if (config.detached)
    new AuditTrail(
      'vault-trail',
      { vault: location, accountId: location.accountId, ofOrganization: false },
      { ...options, dependsOn: [audit.policy] },
    )
  new AlarmCenter('alarms', { location, patterns, productionAccountId: config.productionAccountId }, options)
  const vaultPatterns = patterns.filter(({ account }) => account === 'vault')
  new AlarmForwarder(
    'vault-forwarder',
    {
      vault: location,
      accountId: location.accountId,
      regions: alarmRegionsOf(config),
      patterns: vaultPatterns,
    },
    options,
  )
  const issuers = createIssuers(config, provider)
  for (const source of config.sources) {
    const issuer = 'oidc' in source.trust ? issuers.get(issuerName(source.trust.oidc.issuer)) : undefined
    new SourceWriter(
      `writer-${source.name}`,
      { location: locationOf(config, source), source, provider: issuer },
      options,
    )
  }
  return { ...description, toolkit: describeToolkit(location, files) }
}

/** Resources of one region: vault bucket, feedback bucket, alarms and checks. */
function deployRegion(
  config: HoldfastConfig,
  location: VaultLocation,
  roles: readonly pulumi.Resource[],
  provider: aws.Provider,
): void {
  const options = { providers: [provider] }
  const suffix = location.region === config.region ? '' : `-${location.region}`
  const sources = config.sources
    .filter((source) => locationOf(config, source).region === location.region)
    .map(({ name }) => name)
  const vault = new VaultBucket(vaultResourceName(location, config.region), { ...config, location }, options)
  new FeedbackBucket(`feedback${suffix}`, { location }, options)
  new RegionAlarms(
    `alarms${suffix}`,
    {
      location,
      emails: config.alarmEmails,
      webhooks: config.alarmWebhooks,
      sources,
      silenceHours: config.silenceHours,
      vaultBucket: vault.bucket,
    },
    options,
  )
  deployChecks(config, { location, sources, roles }, provider)
}

function deployDuties(
  config: HoldfastConfig,
  locations: readonly VaultLocation[],
  options: pulumi.ComponentResourceOptions,
): pulumi.Resource[] {
  const accountId = config.vaultAccountId
  return duties.map((duty) => {
    const trust =
      duty === 'restorer'
        ? restorerTrustPolicy(accountId, config.restorers)
        : runnerTrustPolicy({
            accountId,
            regions: locations.map(({ region }) => region),
            runners: config.runners,
          })
    return new ScopedRole(
      duty,
      {
        roleName: dutyRoleName(duty),
        path: rolePaths.vault,
        description: descriptions[duty],
        trust,
        policy: dutyPolicy(locations, duty),
      },
      options,
    )
  })
}

/**
 * One identity provider for each issuer, with the audiences of all its sources, because IAM allows only one
 * per issuer.
 */
function createIssuers(
  config: HoldfastConfig,
  provider: aws.Provider,
): Map<string, aws.iam.OpenIdConnectProvider> {
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
        { provider },
      ),
    ]),
  )
}

/**
 * The configuration that the tools read from `pulumi stack output --json`. Versioned, and without secrets.
 */
function describeVault(config: HoldfastConfig, location: VaultLocation): Record<string, unknown> {
  return {
    formatVersion: 1,
    layer: 'vault',
    region: location.region,
    vaultAccountId: location.accountId,
    vaultBucket: vaultBucketName(location),
    feedbackBucket: feedbackBucketName(location),
    auditBucket: auditBucketName(location),
    alarmTopicArn: alarmTopicArn(location),
    regions: Object.fromEntries(
      locationsOf(config).map((regionLocation) => [
        regionLocation.region,
        describeRegion(config, regionLocation),
      ]),
    ),
    silenceHours: config.silenceHours,
    lock: { mode: config.lockMode, days: config.retentionDays, promiseDays: config.promiseDays },
    roles: Object.fromEntries(duties.map((duty) => [duty, dutyRoleArn(location.accountId, duty)])),
    ...describeChecks(config, location),
    writers: Object.fromEntries(
      config.sources.map(({ name }) => [name, writerRoleArn(location.accountId, name)]),
    ),
  }
}

/** Runs before the first declaration, so that a missing tarball stops the whole deployment. */
function readToolkitFiles(
  config: HoldfastConfig,
  location: VaultLocation,
  description: Record<string, unknown>,
): ToolkitFile[] {
  if (config.toolkit === '') return []
  const tarball = readTarball(config.toolkit)
  return toolkitFiles(
    tarball,
    description,
    renderRunbook(
      location,
      config.sources.map((source) => ({ name: source.name, location: locationOf(config, source) })),
      tarball.version,
    ),
  )
}

function describeToolkit(location: VaultLocation, files: readonly ToolkitFile[]): Record<string, unknown> {
  return {
    bucket: toolkitBucketName(location),
    files: Object.fromEntries(files.map(({ name, key }) => [name, key])),
  }
}

function describeRegion(config: HoldfastConfig, location: VaultLocation): Record<string, unknown> {
  return {
    vaultBucket: vaultBucketName(location),
    feedbackBucket: feedbackBucketName(location),
    alarmTopicArn: alarmTopicArn(location),
    sources: config.sources
      .filter((source) => locationOf(config, source).region === location.region)
      .map(({ name }) => name),
  }
}
