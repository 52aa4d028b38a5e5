// The organization layer: what binds the vault's and production's accounts, their roots included. Deployed to the
// management account, which it doesn't bind: nothing else belongs there.
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
import { OrganizationUnits } from './components/organization-units.ts'
import type * as pulumi from '@pulumi/pulumi'
import type { HoldfastConfig } from './config.ts'

export function deployOrganizationLayer(config: HoldfastConfig): Record<string, unknown> {
  const vault = { accountId: config.vaultAccountId, region: config.region }
  const options = { providers: [accountProvider('organization', config.managementAccountId, config.region)] }
  const units =
    config.organizationParentId === ''
      ? undefined
      : new OrganizationUnits('units', { parentId: config.organizationParentId }, options)
  // The accounts themselves, wherever they are moved; and the units, for accounts that come later.
  const vaults = {
    vault: config.vaultAccountId,
    ...(units === undefined ? {} : { 'vault-unit': units.vault.id }),
  }
  const productions = {
    production: config.productionAccountId,
    ...(units === undefined ? {} : { 'production-unit': units.production.id }),
  }
  const service = 'SERVICE_CONTROL_POLICY' as const
  // First: what the policies below freeze has to be watched.
  new AuditTrail(
    'organization-trail',
    { vault, accountId: config.managementAccountId, ofOrganization: true },
    options,
  )
  new ControlPolicy(
    'membership',
    {
      type: service,
      description: 'Nobody leaves, closes or detaches',
      document: membershipPolicy(),
      targets: { ...vaults, ...productions },
    },
    options,
  )
  new ControlPolicy(
    'vault-freeze',
    {
      type: service,
      description: "The vault's buckets and roles stay as they are",
      document: vaultFreezePolicy(vault, config.thawUntil),
      targets: vaults,
    },
    options,
  )
  new ControlPolicy(
    'production',
    {
      type: service,
      description: "Agents don't destroy",
      document: productionPolicy(config.productionAccountId, config.thawUntil),
      targets: productions,
    },
    options,
  )
  new ControlPolicy(
    'production-delays',
    {
      type: service,
      description: 'No deletion is final at once where AWS can delay it',
      document: productionDelayPolicy(config.productionAccountId, config.thawUntil),
      targets: productions,
    },
    options,
  )
  new ControlPolicy(
    'vault-perimeter',
    {
      type: 'RESOURCE_CONTROL_POLICY',
      description: 'Nobody from outside touches the vault',
      document: vaultPerimeterPolicy(vault, config.organizationId),
      // Not the unit: it says of which account the principals have to be.
      targets: { vault: config.vaultAccountId },
    },
    options,
  )
  return {
    formatVersion: 1,
    layer: 'organization',
    organizationId: config.organizationId,
    managementAccountId: config.managementAccountId,
    units: describeUnits(units),
    vaultFrozen: config.thawUntil === '' ? true : { again: config.thawUntil },
  }
}

/** Ids of the units that accounts are moved to by hand; null without any. */
function describeUnits(units: OrganizationUnits | undefined): Record<string, pulumi.Output<string>> | null {
  return units === undefined ? null : { vault: units.vault.id, production: units.production.id }
}
