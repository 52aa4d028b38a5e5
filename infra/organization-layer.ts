// The organization layer: control policies that bind the vault's and production's accounts, their root users
// included. It is deployed to the management account. AWS doesn't bind that account by control policies, so
// it should run nothing else.
import * as aws from '@pulumi/aws'
import { vaultPrincipalsPolicy } from '../guardrails/delegation-policies.ts'
import { mcpPolicy } from '../guardrails/mcp-policy.ts'
import {
  membershipPolicy,
  productionDelayPolicy,
  productionPolicy,
  publicAccessPolicy,
  vaultFreezePolicy,
  vaultPerimeterPolicy,
} from '../guardrails/organization-policies.ts'
import { alarmPatterns } from '../guardrails/alarm-patterns.ts'
import { accountProvider } from './account-provider.ts'
import { assertOrganizationFits } from './account-reads.ts'
import { AlarmForwarder } from './components/alarm-forwarder.ts'
import { AuditTrail } from './components/audit-trail.ts'
import { ControlPolicy } from './components/control-policy.ts'
import type { ControlPolicyArgs } from './components/control-policy.ts'
import { OrganizationUnits } from './components/organization-units.ts'
import type { VaultLocation } from '../guardrails/names.ts'
import type * as pulumi from '@pulumi/pulumi'
import { agentServicesOf, alarmRegionsOf, firstLocationOf } from './config.ts'
import type { HoldfastConfig } from './config.ts'

export async function deployOrganizationLayer(config: HoldfastConfig): Promise<Record<string, unknown>> {
  const vault = firstLocationOf(config)
  const provider = accountProvider('organization', config.managementAccountId, config.region)
  const options = { providers: [provider], protect: true }
  const attached = (accountId: string) =>
    Object.values(controlPolicies(config, vault, undefined)).filter(
      ({ type, targets }) => type === 'SERVICE_CONTROL_POLICY' && Object.values(targets).includes(accountId),
    ).length
  await assertOrganizationFits(
    config,
    {
      vaultAccountId: attached(config.vaultAccountId),
      productionAccountId: attached(config.productionAccountId),
    },
    { provider },
  )
  const units =
    config.organizationParentId === ''
      ? undefined
      : new OrganizationUnits(
          'units',
          { parentId: config.organizationParentId, hasProduction: config.productionAccountId !== '' },
          options,
        )
  // First, because the trail has to record every attempt against the policies below.
  new AuditTrail(
    'organization-trail',
    { vault, accountId: config.managementAccountId, ofOrganization: true, dataEvents: config.dataEvents },
    options,
  )
  new AlarmForwarder(
    'organization-forwarder',
    {
      vault,
      accountId: config.managementAccountId,
      regions: alarmRegionsOf(config),
      patterns: alarmPatterns({ ...config, vault, agentServices: agentServicesOf(config) }).filter(
        ({ accounts }) => accounts.includes('management'),
      ),
    },
    options,
  )
  if (config.native.length > 0)
    new aws.backup.GlobalSettings(
      'native',
      { globalSettings: { isCrossAccountBackupEnabled: 'true' } },
      { provider, protect: true, retainOnDelete: true },
    )
  for (const [name, args] of Object.entries(controlPolicies(config, vault, units)))
    new ControlPolicy(name, args, options)
  return {
    formatVersion: 1,
    layer: 'organization',
    organizationId: config.organizationId,
    managementAccountId: config.managementAccountId,
    units: describeUnits(units),
    vaultFrozen: config.thawUntil === '' ? true : { again: config.thawUntil },
  }
}

type Targets = ControlPolicyArgs['targets']

/**
 * The policies by resource name. Each is attached to the accounts, and to the units for accounts that join later.
 */
function controlPolicies(
  config: HoldfastConfig,
  vault: VaultLocation,
  units: OrganizationUnits | undefined,
): Record<string, ControlPolicyArgs> {
  const vaultTargets = {
    vault: vault.accountId,
    ...(units === undefined ? {} : { 'vault-unit': units.vault.id }),
  }
  const productionTargets: Targets =
    config.productionAccountId === ''
      ? {}
      : {
          production: config.productionAccountId,
          ...(units?.production ? { 'production-unit': units.production.id } : {}),
        }
  return {
    membership: {
      type: 'SERVICE_CONTROL_POLICY',
      description: 'No account leaves the organization, loses its policies, or administers other accounts',
      document: membershipPolicy(),
      targets: { ...vaultTargets, ...productionTargets },
    },
    ...vaultPolicies(config, vault, vaultTargets),
    ...(config.productionAccountId === '' ? {} : productionPolicies(config, productionTargets)),
  }
}

function vaultPolicies(
  config: HoldfastConfig,
  vault: VaultLocation,
  targets: Targets,
): Record<string, ControlPolicyArgs> {
  // Not attached to the unit, where a policy names the one account that its principals must belong to.
  const account = { vault: vault.accountId }
  return {
    'vault-freeze': {
      type: 'SERVICE_CONTROL_POLICY',
      description: "The vault's buckets and roles can't be changed",
      document: vaultFreezePolicy(vault, config.thawUntil, config.native),
      targets,
    },
    'vault-principals': {
      type: 'SERVICE_CONTROL_POLICY',
      description: "Only listed principals can do anything in the vault's account",
      document: vaultPrincipalsPolicy(vault.accountId, [
        ...config.deployers,
        ...config.restorers,
        ...config.runners,
      ]),
      targets: account,
    },
    'vault-perimeter': {
      type: 'RESOURCE_CONTROL_POLICY',
      description: "No principal outside the vault's account can access the vault",
      document: vaultPerimeterPolicy(vault, config.organizationId),
      targets: account,
    },
    'vault-public-access': {
      type: 'S3_POLICY',
      description: "No bucket of the vault's account can be public",
      document: publicAccessPolicy(),
      targets,
    },
  }
}

function productionPolicies(config: HoldfastConfig, targets: Targets): Record<string, ControlPolicyArgs> {
  const type = 'SERVICE_CONTROL_POLICY'
  const { productionAccountId, thawUntil, controlPolicyChars } = config
  const agentServices = agentServicesOf(config)
  return {
    production: {
      type,
      description: "Agents can't destroy data",
      document: productionPolicy(productionAccountId, agentServices),
      targets,
    },
    'production-delays': {
      type,
      description: 'No deletion is final at once where AWS can delay it; boundaries and alarms stay',
      document: productionDelayPolicy(productionAccountId, thawUntil, config.native),
      targets,
    },
    'production-mcp': {
      type,
      description: "Through AWS's MCP servers, people's credentials only read",
      document: mcpPolicy(agentServices, controlPolicyChars),
      targets,
    },
  }
}

/** Ids of the units, to which an operator moves accounts by hand. Null without units, or without production. */
function describeUnits(
  units: OrganizationUnits | undefined,
): Record<string, pulumi.Output<string> | null> | null {
  return units === undefined ? null : { vault: units.vault.id, production: units.production?.id ?? null }
}
