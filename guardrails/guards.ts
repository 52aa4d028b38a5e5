// Every guard of the vault and of production, by name: the property that it protects and the policy
// statements that enforce it. The drill removes each guard in turn (lab/incident/guards/guard-removal.ts),
// because a guard that no test misses may not work at all. The Pulumi program has no option that leaves a
// guard out.

export interface Guard {
  name: string
  /** The property that is lost without the guard, as a clause that completes "By itself: …". */
  description: string
  /**
   * The policy statements that make up the guard. Removal drops them from every policy. Empty for a setting
   * of a bucket or a role.
   */
  sids: readonly string[]
}

export const guards: readonly Guard[] = [
  {
    name: 'object-lock',
    description: 'the vault bucket has Object Lock, so versions can be locked',
    sids: [],
  },
  {
    name: 'compliance',
    description: 'every lock is in COMPLIANCE mode, which no principal can undo, the root user included',
    sids: [],
  },
  {
    name: 'default-retention',
    description: 'the bucket locks every version when it is written; the writer sends no lock header',
    sids: [],
  },
  {
    name: 'deny-delete',
    description: 'no principal can write a delete marker, and only the custodian can delete versions',
    sids: ['DenyDeleteMarkers', 'DenyVersionDeletes'],
  },
  {
    name: 'deny-bypass',
    description: 'no principal can bypass a lock in GOVERNANCE mode',
    sids: ['DenyBypass'],
  },
  { name: 'if-none-match', description: 'no upload can reuse an existing key', sids: ['RequireIfNoneMatch'] },
  {
    name: 'deny-lock-headers',
    description:
      "only the custodian can set a version's retention, because a lock header overrides the bucket's default",
    sids: ['DenyLockHeaders', 'DenyRetentionWrites'],
  },
  { name: 'retention-cap', description: 'no lock ends later than the cap', sids: ['CapRetention'] },
  {
    name: 'legal-holds',
    description: 'no principal can set or lift a legal hold',
    sids: ['DenyLegalHoldHeader', 'DenyLegalHolds'],
  },
  {
    name: 'event-holds',
    description: 'no principal can set an event hold, which extends a lock without limit',
    sids: ['DenyEventHoldHeader', 'DenyEventHolds'],
  },
  {
    name: 'customer-keys',
    description: 'no object is encrypted with a key that only the caller holds (SSE-C)',
    sids: ['DenyCustomerKeys'],
  },
  {
    name: 'foreign-keys',
    description: 'no object is encrypted with a KMS key, because an administrator can delete such a key',
    sids: ['DenyForeignKeys'],
  },
  {
    name: 'encryption-updates',
    description: 'no principal can re-encrypt an object with another key',
    sids: ['DenyEncryptionUpdates'],
  },
  {
    name: 'storage-class',
    description: 'no object goes to an archive, which a restore would have to wait for, or to a single zone',
    sids: ['DenyStorageClasses'],
  },
  {
    name: 'annotations',
    description: 'no principal can put, read or delete an annotation of a version',
    sids: ['DenyAnnotations'],
  },
  {
    name: 'replication',
    description: 'no object arrives by replication, because a replica keeps the lock of its source bucket',
    sids: ['DenyReplicas'],
  },
  { name: 'tls-only', description: 'no request is accepted without TLS', sids: ['DenyPlainText'] },
  {
    name: 'per-source-prefix',
    description: "a writer can write only under its own source's prefix",
    sids: ['DenyOtherSources'],
  },
  {
    name: 'writer-without-read',
    description: "a writer can't read or list the vault",
    sids: ['DenyReadsExceptReaders'],
  },
  {
    name: 'feedback-separation',
    description: 'a writer can read feedback only on its own source, and can write none',
    sids: ['DenyFeedbackWrites', 'DenyFeedbackOfOthers'],
  },
  {
    name: 'trust-conditions',
    description:
      'only the named workload or person can assume a role, not another principal of the same account or issuer',
    sids: [],
  },
  {
    name: 'second-factor',
    description: "a person can't use a role without a second factor",
    sids: ['DenyWithoutSecondFactor'],
  },
  { name: 'session-tag-denial', description: 'no caller can tag its own session', sids: ['DenySessionTags'] },
  {
    name: 'source-identity',
    description: 'every agent session names the person for whom the agent acts',
    sids: ['DenyNameless'],
  },
  {
    name: 'agent-boundary',
    description: "an agent can't destroy data, even if its task's policy allows it",
    sids: ['DenyDestruction', 'DenyDestructionByAgents'],
  },
  {
    name: 'agent-services',
    description: "an agent can't use a service that its task doesn't name, even if its policy allows it",
    sids: ['DenyOtherServicesToAgents'],
  },
  {
    name: 'mcp-reads',
    description: "a call through AWS's MCP servers can only read, even with an owner's credentials",
    sids: ['OnlyReadThroughMcp', 'NoCredentialsThroughMcp'],
  },
  {
    name: 'boundary-stays',
    description: "no principal in production can remove an agent's boundary",
    sids: ['KeepAgentBoundary', 'KeepAgentBoundaryPolicy'],
  },
  {
    name: 'environment-boundary',
    description: "an agent can't change resources of another environment",
    sids: ['DenyOtherEnvironments'],
  },
  { name: 'separate-account', description: 'the vault has an AWS account of its own', sids: [] },
  {
    name: 'frozen-bucket-policy',
    description: "no principal can change the buckets' policies and settings, the root user included",
    sids: ['FreezeVaultBucket'],
  },
  {
    name: 'frozen-ways-in',
    description: 'no principal can open another way to the bucket, such as an access point',
    sids: ['FreezeOtherWaysIn'],
  },
  {
    name: 'frozen-roles',
    description:
      'no principal can change the permissions or the trust of the notary, custodian, restorer and drill roles, or the identity providers of writers',
    sids: ['FreezeRoles', 'FreezeProviders'],
  },
  {
    name: 'lasting-credentials',
    description:
      "no principal of the vault's account can make a user, an access key or a password, the root user included",
    sids: ['DenyLastingCredentials'],
  },
  {
    name: 'parts-stay',
    description: 'no principal can delete a role or a key that the vault needs, the deployer included',
    sids: ['KeepParts'],
  },
  {
    name: 'alarms-stay',
    description: "no principal can turn off or blind an alarm, in the vault's account or in production",
    sids: [
      'FreezeAlarms',
      'FreezeMeasures',
      'FreezeChecks',
      'FreezeContacts',
      'DenyForgedLogs',
      'KeepAlarms',
      'KeepAlarmForwarder',
      'KeepTrail',
    ],
  },
  {
    name: 'native-backups',
    description:
      "no principal can delete, open or shorten AWS Backup's copies, or stop the plans that make them",
    sids: [
      'FreezeNativeVault',
      'KeepNativePlans',
      'KeepNativeVaults',
      'KeepNativeRole',
      'KeepNativeSettings',
    ],
  },
  {
    name: 'native-roles',
    description: "the roles of AWS Backup can't use another service, even if AWS adds it to their policies",
    sids: ['StayWithBackups', 'DenyMounts'],
  },
  {
    name: 'flood-alarms',
    description: 'a source that writes more objects or bytes in a day than its budget fires an alarm',
    sids: [],
  },
  {
    name: 'quarantine',
    description:
      "no principal can remove the quarantine that ends an agent's sessions, and no agent can quarantine another",
    sids: ['KeepQuarantine', 'DenyQuarantine'],
  },
  {
    name: 'audit-trail',
    description: 'only CloudTrail can write audit logs, and no principal can delete them',
    sids: ['DenyAllButTrails'],
  },
  {
    name: 'delays',
    description: 'no deletion in production is final at once where AWS can delay it',
    sids: [
      'KeepRecycleBin',
      'KeepKeyWindow',
      'KeepKeysInUse',
      'KeepSecretWindow',
      'DenyForcedSecretDeletion',
    ],
  },
  {
    name: 'membership',
    description: 'no account can leave the organization or be closed',
    sids: ['StayInOrganization'],
  },
  {
    name: 'delegated-administrators',
    description: "no delegated administrator of the organization can act on the vault's account",
    sids: ['DenyDelegation', 'DenyActionsOnAccounts', 'AdmitListedPrincipals'],
  },
]

/**
 * Statements that duplicate another guard, by Sid, with the guard that decides today. Removing one alone
 * changes no decision. They stay because they still deny on the day the other guard fails.
 */
export const defenceInDepth: Readonly<Record<string, string>> = {
  DenyOtherAccounts:
    'an outside account needs an allow in the bucket policy, which has none, and the perimeter policy denies it as well',
  DenyMultipart:
    "RequireIfNoneMatch already rejects multipart uploads, whose first step can't send the header",
  DenyAclWrites: 'BucketOwnerEnforced disables ACLs',
  DenyVault: "access to the vault's account needs an allow by a bucket or a role there, and none gives one",
  VaultDataStaysInside: "DenyOtherAccounts makes the same check in the bucket's own policy",
  VaultRolesStayInside: 'the trust policies name their principals, all of them inside the organization',
}
