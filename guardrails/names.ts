// Names and ARNs of all resources. They follow from account, region and source alone, so no layer reads the
// outputs of another.

/** The account and region of a vault. Commercial partition only (`arn:aws:`). */
export interface VaultLocation {
  /** Twelve digits. */
  accountId: string
  /** As AWS spells it, e.g. `eu-central-1`. */
  region: string
  /** The namespace of the buckets' names. Default: global. */
  namespace?: BucketNamespace
}

/**
 * `global`: the name of a deleted bucket is free for any account. `account-regional`: no other account can take the
 * name, before or after.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
 */
export type BucketNamespace = (typeof bucketNamespaces)[number]
export const bucketNamespaces = ['global', 'account-regional'] as const

/**
 * A location with `*` for the region, which matches the vault's buckets in every region. For denies only,
 * never for a grant.
 */
export function everyRegion({ accountId }: Pick<VaultLocation, 'accountId'>): VaultLocation {
  return { accountId, region: '*' }
}

export const duties = ['notary', 'custodian', 'restorer', 'drill'] as const
/** A role of the vault that serves all sources. */
export type Duty = (typeof duties)[number]

export const rolePaths = {
  vault: '/holdfast/',
  agents: '/holdfast-agents/',
  production: '/holdfast-production/',
  audit: '/holdfast-audit/',
  checks: '/holdfast-checks/',
} as const

/**
 * Tag of a writer's role. The bucket policies limit the writer to this source, even if its own policy allows
 * more.
 */
export const sourceTag = 'holdfast-source'
/** Tag of an agent's role. The boundary compares it with the environment tag of the resource. */
export const agentEnvironmentTag = 'holdfast-environment'
/**
 * Session tag that confirms a second factor for Identity Center, because its sessions carry no MFA condition
 * keys.
 */
export const secondFactorTag = 'holdfast-second-factor'
/** Session tag that holds the reason of a break-glass session. */
export const reasonTag = 'holdfast-reason'

export function vaultBucketName(location: VaultLocation): string {
  return bucketName('vault', location)
}

export function feedbackBucketName(location: VaultLocation): string {
  return bucketName('feedback', location)
}

/** The feedback bucket beside a vault's bucket; null for a bucket that the vault layer didn't name. */
export function feedbackBucketBeside(vaultBucket: string): string | null {
  const match = /^holdfast-vault-(\d{12}-[a-z0-9-]{1,40})$/.exec(vaultBucket)
  return match === null ? null : `holdfast-feedback-${match[1]}`
}

export function auditBucketName(location: VaultLocation): string {
  return bucketName('audit', location)
}

/**
 * Bucket of the tool, the configuration and the runbook. Not the vault, because Pulumi's uploads can't send
 * `If-None-Match`.
 */
export function toolkitBucketName(location: VaultLocation): string {
  return bucketName('toolkit', location)
}

/** AWS requires account, region and `-an` at the end of a name of the account's own namespace. */
function bucketName(kind: string, { accountId, region, namespace = 'global' }: VaultLocation): string {
  const name = `holdfast-${kind}-${accountId}-${region}`
  return namespace === 'global' ? name : `${name}-an`
}

/**
 * Prefixes of keys: the first four in the vault, `toolkit` and `feedback` in their buckets. The product's
 * own keys are those of core/store/vault-keys.ts, which this folder may not import: a test holds both equal.
 */
export const keyPrefixes = {
  sources: 'sources/',
  receipts: 'receipts/',
  reports: 'reports/',
  acknowledgements: 'acknowledgements/',
  toolkit: 'toolkit/',
  feedback: 'feedback/',
} as const

/** The folder of manifests below a source's prefix. The same test holds it to the product's own keys. */
export const manifestFolder = 'manifests/'

/** @param source its name, or a policy variable that stands for it. */
export function sourcePrefix(source: string): string {
  return `${keyPrefixes.sources}${source}/`
}

/** @param source its name, or a policy variable that stands for it. */
export function feedbackPrefix(source: string): string {
  return `${keyPrefixes.feedback}${source}/`
}

/** The SHA-256 of a file stands in its key: an altered file has another one. */
export function toolkitKey(version: string, sha256: string, fileName: string): string {
  return `${keyPrefixes.toolkit}${version}/${sha256}/${fileName}`
}

export function bucketArn(bucket: string): string {
  return `arn:aws:s3:::${bucket}`
}

export function writerRoleName(source: string): string {
  return `holdfast-writer-${source}`
}

export function dutyRoleName(duty: Duty): string {
  return `holdfast-${duty}`
}

export function agentRoleName(agent: string): string {
  return `holdfast-agent-${agent}`
}

/** The permissions boundary of one agent; `*` for all. */
export function agentBoundaryName(agent: string): string {
  return `holdfast-agent-boundary-${agent}`
}

export const breakGlassRoleName = 'holdfast-break-glass'
/** Without an Organization: the policy that keeps deployers of the vault layer from deletions. */
export const deployerPolicyName = 'holdfast-deployer'
export const administratorRoleName = 'holdfast-administrator'

/** The trail's name in every account. The management account's trail covers the whole organization. */
export const trailName = 'holdfast-audit'
export const alarmBusName = 'holdfast-alarms'
export const alarmTopicName = 'holdfast-alarms'
export const forwarderRoleName = 'holdfast-alarm-forwarder'

/** The name of the state machine that ends an agent's sessions, and of its role. */
export const quarantineName = 'holdfast-quarantine'
/** The role with which an event rule starts the quarantine. */
export const quarantineStarterName = 'holdfast-quarantine-starter'
/** The role of a person who ends an agent's sessions by hand. */
export const responderRoleName = 'holdfast-responder'
/**
 * The role of a person who approves break-glass, and the policy that holds the approved person and the end
 * time.
 */
export const approverRoleName = 'holdfast-approver'
export const approvalPolicyName = 'holdfast-break-glass-approval'

/** The keys with which the notary signs receipts, and the checks their reports. Each region of a vault has both. */
export const notaryKeyAlias = 'alias/holdfast-notary'
export const reportKeyAlias = 'alias/holdfast-reports'

/** Scheduled checks: container tasks in the vault's account. */
export const checkClusterName = 'holdfast-checks'
export const checkGroupName = 'holdfast-checks'
export const checkQueueName = 'holdfast-checks-not-started'
export const checkLogGroupName = '/holdfast/checks'
export const imageRepositoryName = 'holdfast'
export const taskExecutionRoleName = 'holdfast-task-execution'
export const schedulerRoleName = 'holdfast-check-scheduler'
/** The role that reads the audit trail, for the check of agents. It can't open the vault. */
export const auditReaderRoleName = 'holdfast-audit-reader'

/** The roles that a scheduled task may get. */
export type TaskRole = Duty | 'audit-reader'

/**
 * Restore tests: one state machine for each source, the role that starts its tasks, and the role that starts
 * the machine.
 */
export const restoreTestGroupName = 'holdfast-examinations'
export const restoreTestMachineRoleName = 'holdfast-examination-machine'
export const restoreTestStarterRoleName = 'holdfast-examination-starter'
/**
 * Log of the task that starts restored data. Restored data can forge any line, so no metric counts this log.
 */
export const restoreTestLogGroupName = '/holdfast/examinations'

/**
 * The rule, its access to the log, and the log of every object that was created in a vault. EventBridge demands the
 * log's prefix.
 */
export const writeRuleName = 'holdfast-writes'
export const writeLogGroupName = '/aws/events/holdfast-writes'

/** The rule that Step Functions manages itself, to learn that a task has ended. */
export const taskRuleName = 'StepFunctionsGetEventsForECSTaskRule'

/** The state machine of one source, or of all sources with `*`. */
export function restoreTestName(source: string): string {
  return `holdfast-examination-${source}`
}

/** Family of the task definition that runs one step of a restore test. */
export function restoreTestFamily(step: string, source: string): string {
  return `holdfast-examination-${step}-${source}`
}

export function restoreTestMachineArn({ accountId, region }: VaultLocation, source: string): string {
  return `arn:aws:states:${region}:${accountId}:stateMachine:${restoreTestName(source)}`
}

/** The image of checks without its `@sha256:…`. Only the vault account's own registry may hold it. */
export function imageRepository({ accountId, region }: VaultLocation): string {
  return `${accountId}.dkr.ecr.${region}.amazonaws.com/${imageRepositoryName}`
}

/** Family of the task definition that runs `check` for one source; null: for the whole vault. */
export function checkFamily(check: string, source: string | null): string {
  return source === null ? checkMetricName(check) : `${checkMetricName(check)}-${source}`
}

/** The metric that counts the passed runs of `check`, and its filter. */
export function checkMetricName(check: string): string {
  return `holdfast-check-${check}`
}

export function checkClusterArn({ accountId, region }: VaultLocation): string {
  return `arn:aws:ecs:${region}:${accountId}:cluster/${checkClusterName}`
}

export function checkQueueArn({ accountId, region }: VaultLocation): string {
  return `arn:aws:sqs:${region}:${accountId}:${checkQueueName}`
}

export function checkGroupArn({ accountId, region }: VaultLocation): string {
  return `arn:aws:scheduler:${region}:${accountId}:schedule-group/${checkGroupName}`
}

export function restoreTestGroupArn({ accountId, region }: VaultLocation): string {
  return `arn:aws:scheduler:${region}:${accountId}:schedule-group/${restoreTestGroupName}`
}

export function checkRoleArn(accountId: string, name: string): string {
  return roleArn(accountId, rolePaths.checks, name)
}

export function taskRoleArn(accountId: string, role: TaskRole): string {
  return role === 'audit-reader' ? checkRoleArn(accountId, auditReaderRoleName) : dutyRoleArn(accountId, role)
}

export function trailArn(accountId: string, region: string): string {
  return `arn:aws:cloudtrail:${region}:${accountId}:trail/${trailName}`
}

export function alarmBusArn(location: VaultLocation): string {
  return `arn:aws:events:${location.region}:${location.accountId}:event-bus/${alarmBusName}`
}

export function alarmTopicArn(location: VaultLocation): string {
  return `arn:aws:sns:${location.region}:${location.accountId}:${alarmTopicName}`
}

export function forwarderRoleArn(accountId: string): string {
  return roleArn(accountId, rolePaths.audit, forwarderRoleName)
}

/** ARN of the state machine in one region, or in every region with `*`. */
export function quarantineMachineArn(accountId: string, region: string): string {
  return `arn:aws:states:${region}:${accountId}:stateMachine:${quarantineName}`
}

/** Matches every execution of the quarantine, in every region. */
export function quarantineExecutionArn(accountId: string): string {
  return `arn:aws:states:*:${accountId}:execution:${quarantineName}:*`
}

/** Matches every agent of an account, also an agent that is added later. */
export function anyAgentArn(accountId: string): string {
  return roleArn(accountId, rolePaths.agents, '*')
}

export function approvalPolicyArn(accountId: string): string {
  return `arn:aws:iam::${accountId}:policy/${approvalPolicyName}`
}

export function deployerPolicyArn(accountId: string): string {
  return `arn:aws:iam::${accountId}:policy/${deployerPolicyName}`
}

export function roleArn(accountId: string, path: string, name: string): string {
  return `arn:aws:iam::${accountId}:role${path}${name}`
}

export function writerRoleArn(accountId: string, source: string): string {
  return roleArn(accountId, rolePaths.vault, writerRoleName(source))
}

/** Matches every writer of the vault, also the writer of a source that is added later. */
export function anyWriterArn(accountId: string): string {
  return roleArn(accountId, rolePaths.vault, writerRoleName('*'))
}

export function dutyRoleArn(accountId: string, duty: Duty): string {
  return roleArn(accountId, rolePaths.vault, dutyRoleName(duty))
}

export function agentRoleArn(accountId: string, agent: string): string {
  return roleArn(accountId, rolePaths.agents, agentRoleName(agent))
}

export function oidcProviderArn(accountId: string, issuer: string): string {
  return `arn:aws:iam::${accountId}:oidc-provider/${issuerName(issuer)}`
}

/** An issuer's URL without scheme and trailing slash, as IAM writes it in ARNs and condition keys. */
export function issuerName(issuer: string): string {
  return issuer.replace(/^https:\/\//, '').replace(/\/+$/, '')
}

/**
 * The external id that a workload sends with AssumeRole, so that a misconfigured workload can't write another
 * source.
 */
export function externalIdOf(source: string): string {
  return `holdfast/${source}`
}
