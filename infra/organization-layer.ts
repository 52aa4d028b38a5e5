// The organization layer: control policies that bind the vault's and production's accounts, their root users
// included. It is deployed to the management account. AWS doesn't bind that account by control policies, so
// it should run nothing else.
import {
  membershipPolicy,
  productionDelayPolicy,
  productionPolicy,
  vaultFreezePolicy,
  vaultPerimeterPolicy,
} from '../guardrails/organization-policies.ts'
import { accountProvider } from './account-provider.ts'
import { AuditTrail } from './components/audit-trail.ts'
import { ControlPolicy } from './components/control-policy.ts'
import type { ControlPolicyArgs } from './components/control-policy.ts'
import { OrganizationUnits } from './components/organization-units.ts'
import type { VaultLocation } from '../guardrails/names.ts'
import type * as pulumi from '@pulumi/pulumi'
import type { HoldfastConfig } from './config.ts'

export function deployOrganizationLayer(config: HoldfastConfig): Record<string, unknown> {
  const vault = { accountId: config.vaultAccountId, region: config.region }
  const options = { providers: [accountProvider('organization', config.managementAccountId, config.region)] }
  const units =
    config.organizationParentId === ''
      ? undefined
      : new OrganizationUnits('units', { parentId: config.organizationParentId }, options)
  // First, because the trail has to record every attempt against the policies below.
  new AuditTrail(
    'organization-trail',
    { vault, accountId: config.managementAccountId, ofOrganization: true },
    options,
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

/**
 * The control policies by resource name. Each is attached to the accounts, and to the units for accounts that
 * join later.
 */
function controlPolicies(
  config: HoldfastConfig,
  vault: VaultLocation,
  units: OrganizationUnits | undefined,
): Record<string, ControlPolicyArgs> {
  const { productionAccountId, thawUntil } = config
  const type = 'SERVICE_CONTROL_POLICY'
  const vaultTargets = {
    vault: vault.accountId,
    ...(units === undefined ? {} : { 'vault-unit': units.vault.id }),
  }
  const productionTargets = {
    production: productionAccountId,
    ...(units === undefined ? {} : { 'production-unit': units.production.id }),
  }
  return {
    membership: {
      type,
      description: 'No account leaves the organization, is closed, or loses its policies',
      document: membershipPolicy(),
      targets: { ...vaultTargets, ...productionTargets },
    },
    'vault-freeze': {
      type,
      description: "The vault's buckets and roles can't be changed",
      document: vaultFreezePolicy(vault, thawUntil),
      targets: vaultTargets,
    },
    production: {
      type,
      description: "Agents can't destroy data",
      document: productionPolicy(productionAccountId, thawUntil),
      targets: productionTargets,
    },
    'production-delays': {
      type,
      description: 'No deletion is final at once where AWS can delay it',
      document: productionDelayPolicy(productionAccountId, thawUntil),
      targets: productionTargets,
    },
    'vault-perimeter': {
      type: 'RESOURCE_CONTROL_POLICY',
      description: "No principal outside the vault's account can access the vault",
      document: vaultPerimeterPolicy(vault, config.organizationId),
      // Not attached to the unit, because the policy names the one account that its principals must belong
      // to.
      targets: { vault: vault.accountId },
    },
  }
}

/** Ids of the units, to which an operator moves accounts by hand. Null without units. */
function describeUnits(units: OrganizationUnits | undefined): Record<string, pulumi.Output<string>> | null {
  return units === undefined ? null : { vault: units.vault.id, production: units.production.id }
}
