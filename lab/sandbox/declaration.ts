// The contents of an embedded cloud, as plain data. The loader reads them from a recorded run of the Pulumi
// program; the services and the authorizer use them. Policy documents are as the program rendered them,
// parsed from JSON.

export type PolicyDocument = Record<string, unknown>

export interface NamedPolicy {
  /** ARN of a managed policy, or name of an inline one. Explanations show it. */
  name: string
  document: PolicyDocument
}

export interface DeclaredAccount {
  /** Twelve digits. */
  id: string
  /** `vault`, `production`, `organization`, or a name that a test chose. */
  name: string
  /** The management account of the organization: SCPs and RCPs don't bind it. */
  isManagement: boolean
  /** SCPs and RCPs per level from the root to the account, outermost first; empty without an organization. */
  scps: NamedPolicy[][]
  rcps: NamedPolicy[][]
}

export interface DeclaredBucket {
  accountId: string
  name: string
  region: string
  versioning: 'Enabled' | 'Suspended' | null
  objectLock: { enabled: boolean; default: { mode: 'COMPLIANCE' | 'GOVERNANCE'; days: number } | null }
  encryption: { algorithm: string; kmsKeyId: string | null } | null
  publicAccessBlock: {
    blockPublicAcls: boolean
    ignorePublicAcls: boolean
    blockPublicPolicy: boolean
    restrictPublicBuckets: boolean
  } | null
  ownership: string | null
  policy: PolicyDocument | null
  lifecycleRules: unknown[]
  tags: Record<string, string>
}

export interface DeclaredRole {
  accountId: string
  arn: string
  name: string
  path: string
  maxSessionSeconds: number
  trust: PolicyDocument
  policies: NamedPolicy[]
  boundary: NamedPolicy | null
  tags: Record<string, string>
}

export interface DeclaredOidcProvider {
  accountId: string
  arn: string
  /** Issuer without scheme, as in the ARN. */
  url: string
  clientIds: string[]
}

export interface DeclaredKey {
  accountId: string
  arn: string
  policy: PolicyDocument | null
  /** A key on P-256 for signatures; else one for encryption. */
  signs?: boolean
  /** `alias/…` */
  aliases?: readonly string[]
}

/** An alarm on the sum of what a metric filter counts. */
export interface DeclaredAlarm {
  accountId: string
  name: string
  filter: { pattern: string; value: string }
  /** Whether the alarm fires above or below its threshold. */
  fires: 'above' | 'below'
  threshold: number
}

/** A resource whose inputs a service shows as they are. */
export interface DeclaredResource {
  /** Pulumi's type token. */
  type: string
  accountId: string
  region: string
  inputs: Record<string, unknown>
}

export interface CloudDeclaration {
  accounts: DeclaredAccount[]
  buckets: DeclaredBucket[]
  roles: DeclaredRole[]
  oidcProviders: DeclaredOidcProvider[]
  keys: DeclaredKey[]
  alarms: DeclaredAlarm[]
  /** The resources that carry an alarm to on-call: alarms, rules, schedules, topics and what belongs to them. */
  alarmPath: DeclaredResource[]
  /** The id of the organization (`o-…`), null without one. */
  organizationId: string | null
  /**
   * Every resource of the program that the sandbox doesn't emulate. The user sees this list, so that no
   * resource is dropped in silence.
   */
  notEmulated: { type: string; name: string; account: string }[]
}
