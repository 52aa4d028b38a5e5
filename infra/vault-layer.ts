// The vault layer: the locked bucket, the feedback bucket, and a role for each duty. All of it in the vault account.
import * as aws from '@pulumi/aws'
import { alarmPatterns } from '../guardrails/alarm-patterns.ts'
import {
  alarmTopicArn, auditBucketName, duties, dutyRoleArn, dutyRoleName, feedbackBucketName, issuerName, rolePaths, toolkitBucketName, trailArn, vaultBucketName, writerRoleArn,
} from '../guardrails/names.ts'
import { dutyPolicy } from '../guardrails/role-policies.ts'
import { restorerTrustPolicy, runnerTrustPolicy } from '../guardrails/trust-policies.ts'
import { accountProvider } from './account-provider.ts'
import { AlarmCenter } from './components/alarm-center.ts'
import { AlarmForwarder } from './components/alarm-forwarder.ts'
import { AuditBucket } from './components/audit-bucket.ts'
import { AuditTrail } from './components/audit-trail.ts'
import { FeedbackBucket } from './components/feedback-bucket.ts'
import { ScopedRole } from './components/scoped-role.ts'
import { SourceWriter } from './components/source-writer.ts'
import { ToolkitBucket } from './components/toolkit-bucket.ts'
import { VaultBucket } from './components/vault-bucket.ts'
import type { Duty, VaultPlace } from '../guardrails/names.ts'
import { alarmRegionsOf } from './config.ts'
import { renderRunbook } from './runbook.ts'
import { deployChecks, describeChecks } from './scheduled-checks.ts'
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
  const provider = accountProvider('vault', place.accountId, place.region)
  const options = { providers: [provider] }
  // Against a bucket of this account that someone opens later, here or by another name.
  new aws.s3.AccountPublicAccessBlock(
    'vault',
    { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    { provider, protect: true, retainOnDelete: true },
  )
  new VaultBucket('vault', { ...config, place }, options)
  new FeedbackBucket('feedback', { place }, options)
  new ToolkitBucket('toolkit', { ...config, place, files }, options)
  for (const duty of duties) {
    const trust =
      duty === 'restorer'
        ? restorerTrustPolicy(place.accountId, config.restorers)
        : runnerTrustPolicy({ ...place, runners: config.runners })
    new ScopedRole(
      duty,
      { roleName: dutyRoleName(duty), path: rolePaths.vault, description: descriptions[duty], trust, policy: dutyPolicy(place, duty) },
      options,
    )
  }
  const patterns = alarmPatterns({ vault: place, productionAccountId: config.productionAccountId })
  const trails = config.detached ? [place.accountId, config.productionAccountId] : [config.managementAccountId]
  const audit = new AuditBucket(
    'audit',
    { place, lockMode: config.lockMode, retentionDays: config.auditRetentionDays, trailArns: trails.map((id) => trailArn(id, place.region)) },
    options,
  )
  // In an organization its one trail covers this account too.
  if (config.detached) new AuditTrail('vault-trail', { vault: place, accountId: place.accountId, ofOrganization: false }, { ...options, dependsOn: [audit.policy] })
  new AlarmCenter(
    'alarms',
    { place, patterns, ...config, emails: config.alarmEmails, webhooks: config.alarmWebhooks, sources: config.sources.map(({ name }) => name) },
    options,
  )
  const own = patterns.filter(({ account }) => account === 'vault')
  new AlarmForwarder('vault-forwarder', { vault: place, accountId: place.accountId, regions: alarmRegionsOf(config), patterns: own }, options)
  deployChecks(config, place, provider)
  const issuers = trustIssuers(config, provider)
  for (const source of config.sources) {
    const issuer = 'oidc' in source.trust ? issuers.get(issuerName(source.trust.oidc.issuer)) : undefined
    new SourceWriter(`writer-${source.name}`, { place, source, provider: issuer }, options)
  }
  return { ...described, toolkit: describeToolkit(place, files) }
}

/** One identity provider per issuer, for all audiences that its sources name. */
function trustIssuers(config: HoldfastConfig, provider: aws.Provider): Map<string, aws.iam.OpenIdConnectProvider> {
  const audiences = new Map<string, { url: string; audiences: Set<string> }>()
  for (const { trust } of config.sources) {
    if (!('oidc' in trust)) continue
    const known = audiences.get(issuerName(trust.oidc.issuer)) ?? { url: trust.oidc.issuer, audiences: new Set() }
    audiences.set(issuerName(trust.oidc.issuer), known)
    known.audiences.add(trust.oidc.audience)
  }
  return new Map(
    [...audiences].map(([name, issuer]) => [
      name,
      new aws.iam.OpenIdConnectProvider(`issuer-${name}`, { url: issuer.url, clientIdLists: [...issuer.audiences].sort() }, { provider }),
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
    silenceHours: config.silenceHours,
    lock: { mode: config.lockMode, days: config.retentionDays, promiseDays: config.promiseDays },
    roles: Object.fromEntries(duties.map((duty) => [duty, dutyRoleArn(place.accountId, duty)])),
    ...describeChecks(config, place),
    writers: Object.fromEntries(config.sources.map(({ name }) => [name, writerRoleArn(place.accountId, name)])),
  }
}

/** Read before anything is declared: a file that isn't there refuses the deployment as a whole. */
function toolkitOf(config: HoldfastConfig, place: VaultPlace, described: Record<string, unknown>): ToolkitFile[] {
  if (config.toolkit === '') return []
  const tarball = readTarball(config.toolkit)
  return toolkitFiles(tarball, described, renderRunbook(place, config.sources.map(({ name }) => name), tarball.version))
}

function describeToolkit(place: VaultPlace, files: readonly ToolkitFile[]): Record<string, unknown> {
  return { bucket: toolkitBucketName(place), files: Object.fromEntries(files.map(({ name, key }) => [name, key])) }
}
