// A small cloud for tests: a vault account with a locked bucket, a production account with a plain one.

import type { CloudDeclaration, DeclaredAccount, DeclaredBucket } from '../../../lab/sandbox/declaration.ts'

export const vaultAccount = '111111111111'
export const productionAccount = '222222222222'
export const region = 'eu-central-1'
export const dayMs = 24 * 3600 * 1000

function account(id: string, name: string): DeclaredAccount {
  return { id, name, isManagement: false, scps: [], rcps: [] }
}

export function bucket(name: string, changes: Partial<DeclaredBucket> = {}): DeclaredBucket {
  return {
    accountId: vaultAccount,
    name,
    region,
    versioning: 'Enabled',
    objectLock: { enabled: false, default: null },
    encryption: null,
    publicAccessBlock: null,
    ownership: null,
    policy: null,
    lifecycleRules: [],
    tags: {},
    ...changes,
  }
}

export function declareCloud(buckets: DeclaredBucket[]): CloudDeclaration {
  return {
    accounts: [account(vaultAccount, 'vault'), account(productionAccount, 'production')],
    buckets,
    roles: [],
    oidcProviders: [],
    alarms: [],
    keys: [],
    organizationId: null,
    alarmPath: [],
    notEmulated: [],
  }
}

/**
 * `locked`: 40 days of COMPLIANCE by default. `lockable`: Object Lock without a default. `versioned`, `plain`,
 * `production`.
 */
export const standardCloud = declareCloud([
  bucket('locked', { objectLock: { enabled: true, default: { mode: 'COMPLIANCE', days: 40 } } }),
  bucket('governed', { objectLock: { enabled: true, default: { mode: 'GOVERNANCE', days: 40 } } }),
  bucket('lockable', { objectLock: { enabled: true, default: null } }),
  bucket('versioned'),
  bucket('plain', { versioning: null }),
  bucket('production', { accountId: productionAccount }),
])
