// The organization layer: what binds the vault's and production's accounts, their roots included. Deployed to the
// management account, which it doesn't bind: nothing else belongs there.
import { membershipPolicy, productionDelayPolicy, productionPolicy, vaultFreezePolicy, vaultPerimeterPolicy } from '../guardrails/organization-policies.ts'
import { accountProvider } from './account-provider.ts'
import { AuditTrail } from './components/audit-trail.ts'
import { ControlPolicy } from './components/control-policy.ts'
import type { HoldfastConfig } from './config.ts'

export function deployOrganizationLayer(config: HoldfastConfig): Record<string, unknown> {
  const vault = { accountId: config.vaultAccountId, region: config.region }
  const options = { providers: [accountProvider('organization', config.managementAccountId, config.region)] }
  const service = 'SERVICE_CONTROL_POLICY' as const
  // First: what the policies below freeze has to be watched.
  new AuditTrail('organization-trail', { vault, accountId: config.managementAccountId, ofOrganization: true }, options)
  new ControlPolicy(
    'membership',
    {
      type: service,
      description: 'Nobody leaves, closes or detaches',
      document: membershipPolicy(),
      targets: { vault: config.vaultAccountId, production: config.productionAccountId },
    },
    options,
  )
  new ControlPolicy(
    'vault-freeze',
    {
      type: service,
      description: 'The vault\'s buckets and roles stay as they are',
      document: vaultFreezePolicy(vault, config.thawUntil),
      targets: { vault: config.vaultAccountId },
    },
    options,
  )
  new ControlPolicy(
    'production',
    {
      type: service,
      description: 'Agents don\'t destroy',
      document: productionPolicy(config.productionAccountId, config.thawUntil),
      targets: { production: config.productionAccountId },
    },
    options,
  )
  new ControlPolicy(
    'production-delays',
    {
      type: service,
      description: 'No deletion is final at once where AWS can delay it',
      document: productionDelayPolicy(config.productionAccountId, config.thawUntil),
      targets: { production: config.productionAccountId },
    },
    options,
  )
  new ControlPolicy(
    'vault-perimeter',
    {
      type: 'RESOURCE_CONTROL_POLICY',
      description: 'Nobody from outside touches the vault',
      document: vaultPerimeterPolicy(vault, config.organizationId),
      targets: { vault: config.vaultAccountId },
    },
    options,
  )
  return {
    formatVersion: 1,
    layer: 'organization',
    organizationId: config.organizationId,
    managementAccountId: config.managementAccountId,
    vaultFrozen: config.thawUntil === '' ? true : { again: config.thawUntil },
  }
}
