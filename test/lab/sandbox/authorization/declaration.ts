// Small clouds for tests. Everything has a default, so that a test states only its subject.

import type {
  CloudDeclaration,
  DeclaredAccount,
  DeclaredBucket,
  DeclaredRole,
  NamedPolicy,
  PolicyDocument,
} from '../../../../lab/sandbox/declaration.ts'
import type { Principal } from '../../../../lab/sandbox/identity/principal.ts'

export const accountIds = {
  vault: '111111111111',
  production: '222222222222',
  outsider: '444444444444',
} as const

export function policy(...statements: Record<string, unknown>[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements }
}

export function allow(
  action: string | string[],
  resource: string | string[] = '*',
  changes: Record<string, unknown> = {},
): Record<string, unknown> {
  return { Effect: 'Allow', Action: action, Resource: resource, ...changes }
}

export function deny(
  action: string | string[],
  resource: string | string[] = '*',
  changes: Record<string, unknown> = {},
): Record<string, unknown> {
  return { Effect: 'Deny', Action: action, Resource: resource, ...changes }
}

/** A trust policy of one statement. */
export function trust(principal: unknown, changes: Record<string, unknown> = {}): PolicyDocument {
  return policy({ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole', ...changes })
}

export function account(id: string, changes: Partial<DeclaredAccount> = {}): DeclaredAccount {
  return { id, name: id, isManagement: false, scps: [], rcps: [], ...changes }
}

export function named(document: PolicyDocument, name = 'policy'): NamedPolicy {
  return { name, document }
}

export function role(accountId: string, name: string, changes: Partial<DeclaredRole> = {}): DeclaredRole {
  const path = changes.path ?? '/'
  return {
    accountId,
    arn: `arn:aws:iam::${accountId}:role${path}${name}`,
    name,
    path,
    maxSessionSeconds: 3600,
    trust: trust({ AWS: accountId }),
    policies: [],
    boundary: null,
    tags: {},
    ...changes,
  }
}

export function bucket(
  accountId: string,
  name: string,
  changes: Partial<DeclaredBucket> = {},
): DeclaredBucket {
  return {
    accountId,
    name,
    region: 'us-east-1',
    versioning: 'Enabled',
    objectLock: { enabled: true, default: null },
    encryption: null,
    publicAccessBlock: null,
    ownership: null,
    policy: null,
    lifecycleRules: [],
    tags: {},
    ...changes,
  }
}

export function cloud(changes: Partial<CloudDeclaration> = {}): CloudDeclaration {
  return {
    accounts: Object.values(accountIds).map((id) => account(id)),
    buckets: [],
    roles: [],
    oidcProviders: [],
    alarms: [],
    keys: [],
    organizationId: null,
    alarmPath: [],
    notEmulated: [],
    ...changes,
  }
}

export function sessionOf(
  { accountId, arn, name }: DeclaredRole,
  changes: Partial<NonNullable<Principal['session']>> = {},
): Principal {
  const sessionName = changes.sessionName ?? 'session'
  return {
    kind: 'role-session',
    accountId,
    arn: `arn:aws:sts::${accountId}:assumed-role/${name}/${sessionName}`,
    session: {
      roleArn: arn,
      sessionName,
      sourceIdentity: null,
      tags: {},
      policies: [],
      issuedMs: Date.parse('2026-11-01T00:00:00Z'),
      chainDepth: 1,
      multiFactor: null,
      federated: {},
      ...changes,
    },
  }
}

export function rootOf(accountId: string): Principal {
  return { kind: 'root', accountId, arn: `arn:aws:iam::${accountId}:root` }
}

export const anonymous: Principal = { kind: 'anonymous', accountId: null, arn: '*' }
