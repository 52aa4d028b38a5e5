// The vault layer: in the vault's account, the locked buckets, a role for each duty and each writer, alarms,
// and scheduled checks.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { alarmPatterns } from '../guardrails/alarm-patterns.ts'
import { HoldfastError } from '../core/errors.ts'
import { rolePaths, toolkitBucketName, trailArn, vaultBucketName } from '../guardrails/names.ts'
import type { VaultLocation } from '../guardrails/names.ts'
import { nativeRestoreRoleArn, nativeRestoreRoleName } from '../guardrails/native-backups.ts'
import type { SigningDuty } from '../guardrails/signing-key-policy.ts'
import { accountProvider } from './account-provider.ts'
import { assertRegionsEnabled } from './account-reads.ts'
import { AlarmCenter } from './components/alarm-center.ts'
import { AlarmForwarder } from './components/alarm-forwarder.ts'
import { AuditBucket } from './components/audit-bucket.ts'
import { AuditTrail } from './components/audit-trail.ts'
import { DeployerLimit } from './components/deployer-limit.ts'
import type { ScopedRole } from './components/scoped-role.ts'
import type { SourceWriter } from './components/source-writer.ts'
import { NativeAlarms } from './components/native-alarms.ts'
import { declareNativeRole } from './components/native-role.ts'
import { NativeVault } from './components/native-vault.ts'
import { declareTestAlarm } from './test-alarm.ts'
import { ToolkitBucket } from './components/toolkit-bucket.ts'
import { expectedSettings } from './components/vault-bucket.ts'
import {
  agentServicesOf,
  alarmRegionsOf,
  firstLocationOf,
  locationOf,
  locationsOf,
  productionAccountsOf,
} from './config.ts'
import type { HoldfastConfig } from './config.ts'
import { renderRunbook } from './runbook.ts'
import { AlarmPath } from './expected-resources.ts'
import { deployCheckRoles, deployChecks } from './scheduled-checks.ts'
import { readTarball, toolkitFiles } from './toolkit.ts'
import type { ToolkitFile } from './toolkit.ts'
import { describeVault } from './vault-description.ts'
import { declareBuckets, declareDuties, declareRegion, declareWriters } from './vault-parts.ts'
import type { RegionKeys } from './vault-parts.ts'

/**
 * @throws HoldfastError `invalid-input` if the toolkit's tarball can't be used, or if no deployer is named where only
 * a policy on deployers keeps a shell of theirs from tearing the vault down
 */
export async function deployVaultLayer(config: HoldfastConfig): Promise<Record<string, unknown>> {
  assertDeployers(config)
  const location = firstLocationOf(config)
  const description = describeVault(config, location)
  const files = readToolkitFiles(config, location, description)
  const locations = locationsOf(config)
  const alarmPath = new AlarmPath()
  const provider = accountProvider('vault', location.accountId, location.region)
  await assertRegionsEnabled(config, 'vaultAccountId', ['regions', 'alarmRegions'], { provider })
  const regions = locations.map((regionLocation) => ({
    location: regionLocation,
    provider:
      regionLocation.region === location.region
        ? provider
        : accountProvider(`vault-${regionLocation.region}`, location.accountId, regionLocation.region),
  }))
  // For the whole account, so that a bucket that is created later can't be public either.
  new aws.s3.AccountPublicAccessBlock(
    'vault',
    { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    { provider, protect: true, retainOnDelete: true },
  )
  const audit = deployAuditBucket(config, location, { providers: [provider], protect: true })
  const guards = [
    audit.policy,
    ...regions.flatMap(
      (region) =>
        declareBuckets(config, region.location, { provider: region.provider, protect: true }).guards,
    ),
  ]
  // A failure ends a deployment, and then a bucket's policy may be missing: so everything else comes after them.
  const owner = { provider, protect: true, dependsOn: guards }
  const options = { providers: [provider], protect: true, dependsOn: guards }
  const roles = [
    ...Object.values(declareDuties(config, locations, owner)),
    ...deployCheckRoles(config, locations, { ...options, protect: false }),
  ]
  const keys = Object.fromEntries(
    regions.map((region) => [region.location.region, deployRegion(config, region, { guards, roles })]),
  )
  roles.push(...regions.flatMap((region) => deployNative(config, region, guards)))
  const writers = declareWriters(config, owner)
  const alarms = deployAudit(config, location, options)
  declareTestAlarm(location, owner)
  // The expected state has every alarm, so it comes after them.
  const lateFiles = {
    'notary.pem': joinKeys(keys, 'notary'),
    'reports.pem': joinKeys(keys, 'drill'),
    'expected.json': describeExpected(
      config,
      expectedRoles(roles, writers),
      alarmPath.describe(location.accountId),
    ),
  }
  const toolkit = new ToolkitBucket('toolkit', { ...config, location, files, lateFiles }, options)
  // Last, because it denies its own deployer the changes above.
  if (config.detached)
    new DeployerLimit(
      'deployer',
      { location, thawUntil: config.thawUntil, deployers: config.deployers },
      { ...options, dependsOn: [...guards, ...Object.values(writers), toolkit, ...alarms] },
    )
  return { ...description, ...describePublicKeys(keys), toolkit: describeToolkit(location, files) }
}

function assertDeployers({ detached, deployers }: HoldfastConfig): void {
  if (!detached || deployers.length > 0) return
  throw new HoldfastError(
    'invalid-input',
    'holdfast:deployers: name the roles or users of the vault account that deploy this layer, because without an Organization a policy on them keeps a shell of theirs from tearing the vault down',
    { hint: "run `pulumi config set --path 'holdfast:deployers[0]' ARN`; nothing was changed" },
  )
}

function deployAuditBucket(
  config: HoldfastConfig,
  location: VaultLocation,
  options: pulumi.ComponentResourceOptions,
): AuditBucket {
  const trails = config.detached
    ? [location.accountId, ...productionAccountsOf(config)]
    : [config.managementAccountId]
  return new AuditBucket(
    'audit',
    {
      location,
      lockMode: config.lockMode,
      retentionDays: config.auditRetentionDays,
      trailArns: trails.map((id) => trailArn(id, location.region)),
    },
    options,
  )
}

/** The trail of a detached account, the bus of alarms, and the rules that feed it. */
function deployAudit(
  config: HoldfastConfig,
  location: VaultLocation,
  options: pulumi.ComponentResourceOptions,
): pulumi.Resource[] {
  const patterns = alarmPatterns({ ...config, vault: location, agentServices: agentServicesOf(config) })
  // With an Organization, the organization's trail covers this account.
  if (config.detached)
    new AuditTrail(
      'vault-trail',
      { vault: location, accountId: location.accountId, ofOrganization: false, dataEvents: [] },
      options,
    )
  const accountIds = [
    location.accountId,
    ...productionAccountsOf(config),
    ...(config.detached ? [] : [config.managementAccountId]),
  ]
  const center = new AlarmCenter('alarms', { location, patterns, accountIds }, options)
  if (config.native.length > 0)
    new NativeAlarms(
      'native',
      { ...config, locations: locationsOf(config) },
      { ...options, dependsOn: [center] },
    )
  const vaultPatterns = patterns.filter(({ accounts }) => accounts.includes('vault'))
  const forwarder = new AlarmForwarder(
    'vault-forwarder',
    {
      vault: location,
      accountId: location.accountId,
      regions: alarmRegionsOf(config),
      patterns: vaultPatterns,
    },
    options,
  )
  return [center, forwarder]
}

function joinKeys(keys: Readonly<Record<string, RegionKeys>>, duty: SigningDuty): pulumi.Output<string> {
  const pems = Object.values(keys).map(({ [duty]: { publicKeyPem } }) => publicKeyPem)
  return pulumi.all(pems).apply((texts) => texts.join(''))
}

function describePublicKeys(keys: Readonly<Record<string, RegionKeys>>): Record<string, unknown> {
  return { notaryPublicKeys: publicKeysOf(keys, 'notary'), reportPublicKeys: publicKeysOf(keys, 'drill') }
}

/** The keys are the names of regions. */
function publicKeysOf(
  keys: Readonly<Record<string, RegionKeys>>,
  duty: SigningDuty,
): Record<string, pulumi.Output<string>> {
  return Object.fromEntries(
    Object.entries(keys).map(
      ([
        region,
        {
          [duty]: { publicKey },
        },
      ]) => [region, publicKey],
    ),
  )
}

/** The settings of each vault bucket, the roles and the way of the alarms, as `holdfast check` compares them. */
function describeExpected(
  config: HoldfastConfig,
  expectedRolesOf: pulumi.Output<Record<string, unknown>>,
  expectedResources: pulumi.Output<Record<string, unknown>>,
): pulumi.Output<string> {
  const buckets = Object.fromEntries(
    locationsOf(config).map((location) => [
      vaultBucketName(location),
      expectedSettings({ ...config, location }),
    ]),
  )
  return pulumi
    .all([expectedRolesOf, expectedResources])
    .apply(([roles, resources]) => JSON.stringify({ buckets, roles, resources }))
}

/** The roles by their ARNs, a writer with its source. */
function expectedRoles(
  roles: readonly ScopedRole[],
  writers: Readonly<Record<string, SourceWriter>>,
): pulumi.Output<Record<string, unknown>> {
  const describe = ({ role, expected }: ScopedRole, source: string | null) =>
    pulumi.all([role.arn, expected]).apply(([arn, documents]) => [arn, { ...documents, source }] as const)
  return pulumi
    .all([
      ...roles.map((role) => describe(role, null)),
      ...Object.entries(writers).map(([source, { scoped }]) => describe(scoped, source)),
    ])
    .apply((entries) => Object.fromEntries(entries))
}

/** The air-gapped vault of one region, and once the role that restores from it: a role belongs to no region. */
function deployNative(
  config: HoldfastConfig,
  { location, provider }: { location: VaultLocation; provider: aws.Provider },
  guards: readonly pulumi.Resource[],
): ScopedRole[] {
  if (config.native.length === 0) return []
  const isFirst = location.region === config.region
  const roles = isFirst
    ? [
        declareNativeRole(
          'native-restore',
          { roleName: nativeRestoreRoleName, path: rolePaths.checks, use: 'Restores' },
          { provider, protect: true, dependsOn: [...guards] },
        ),
      ]
    : []
  new NativeVault(
    isFirst ? 'native' : `native-${location.region}`,
    {
      location,
      productionAccountId: config.productionAccountId,
      restoreRoleArn: nativeRestoreRoleArn(location.accountId),
    },
    { providers: [provider], dependsOn: [...guards] },
  )
  return roles
}

/** Resources of one region besides its buckets: alarms, keys and checks. */
function deployRegion(
  config: HoldfastConfig,
  { location, provider }: { location: VaultLocation; provider: aws.Provider },
  { guards, roles }: Record<'guards' | 'roles', readonly pulumi.Resource[]>,
): RegionKeys {
  const { keys } = declareRegion(config, location, { provider, protect: true, dependsOn: [...guards] })
  const sources = config.sources.filter((source) => locationOf(config, source).region === location.region)
  deployChecks(
    config,
    {
      location,
      sources: sources.map(({ name }) => name),
      after: [...guards, ...roles],
      notaryPem: keys.notary.publicKeyPem,
    },
    provider,
  )
  return keys
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
