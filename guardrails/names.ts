// Names and ARNs that follow from account, region and source alone, so that no layer has to ask another for one.

/** Where the vault is. Commercial partition only (`arn:aws:`). */
export interface VaultLocation {
  /** Twelve digits. */
  accountId: string
  /** As AWS spells it, e.g. `eu-central-1`. */
  region: string
}

/** Stands for the place of a vault in every region: its buckets' names with `*` for the region. For denies; no right is given so. */
export function everyRegion({ accountId }: Pick<VaultLocation, 'accountId'>): VaultLocation {
  return { accountId, region: '*' }
}

export const duties = ['notary', 'custodian', 'restorer', 'drill'] as const
/** A role of the vault that isn't bound to one source. */
export type Duty = (typeof duties)[number]

export const rolePaths = {
  vault: '/holdfast/',
  agents: '/holdfast-agents/',
  production: '/holdfast-production/',
  audit: '/holdfast-audit/',
  checks: '/holdfast-checks/',
} as const

/** Set on a writer's role; the bucket policies hold it to this source, whatever its own policy says. */
export const sourceTag = 'holdfast-source'
/** Set on an agent's role; compared with the environment tag of what it touches. */
export const agentEnvironmentTag = 'holdfast-environment'
/** Session tag by which Identity Center (whose sessions carry no MFA keys) vouches for a second factor. */
export const secondFactorTag = 'holdfast-second-factor'
/** Session tag in which whoever breaks the glass says why. */
export const reasonTag = 'holdfast-reason'

export function vaultBucketName(location: VaultLocation): string {
  return `holdfast-vault-${location.accountId}-${location.region}`
}

export function feedbackBucketName(location: VaultLocation): string {
  return `holdfast-feedback-${location.accountId}-${location.region}`
}

export function auditBucketName(location: VaultLocation): string {
  return `holdfast-audit-${location.accountId}-${location.region}`
}

/** Tool, configuration and runbook. A bucket of its own, for Pulumi's uploads can't say `If-None-Match`, which the vault's asks of everybody. */
export function toolkitBucketName(location: VaultLocation): string {
  return `holdfast-toolkit-${location.accountId}-${location.region}`
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

export const breakGlassRoleName = 'holdfast-break-glass'
export const administratorRoleName = 'holdfast-administrator'
export const agentBoundaryName = 'holdfast-agent-boundary'

/** One trail per account that has one: the management account's covers the organization. */
export const trailName = 'holdfast-audit'
export const alarmBusName = 'holdfast-alarms'
export const alarmTopicName = 'holdfast-alarms'
export const forwarderRoleName = 'holdfast-alarm-forwarder'

/** The state machine that ends an agent's sessions, the role that it runs as, and the role by which a rule starts it. */
export const quarantineName = 'holdfast-quarantine'
export const quarantineStarterName = 'holdfast-quarantine-starter'
/** Whoever ends an agent's sessions by hand. */
export const responderRoleName = 'holdfast-responder'
/** Whoever approves that the glass is broken, and the policy that says for whom and until when. */
export const approverRoleName = 'holdfast-approver'
export const approvalPolicyName = 'holdfast-break-glass-approval'

/** Where checks run: container tasks in the vault's account, started by a schedule. */
export const checkClusterName = 'holdfast-checks'
export const checkGroupName = 'holdfast-checks'
export const checkQueueName = 'holdfast-checks-not-started'
export const checkLogGroupName = '/holdfast/checks'
export const imageRepositoryName = 'holdfast'
export const taskExecutionRoleName = 'holdfast-task-execution'
export const schedulerRoleName = 'holdfast-check-scheduler'

/** Where restored data is started: one state machine per source, and the roles by which it starts tasks and is started. */
export const restoreTestGroupName = 'holdfast-examinations'
export const restoreTestMachineRoleName = 'holdfast-examination-machine'
export const restoreTestStarterRoleName = 'holdfast-examination-starter'
/** What a task without a role says, which may be anything: nothing is counted by it. */
export const restoreTestLogGroupName = '/holdfast/examinations'

/** Step Functions' own rule, by which it learns that a task has ended. */
export const taskRuleName = 'StepFunctionsGetEventsForECSTaskRule'

/** The state machine of one source; `*` for all. */
export function restoreTestName(source: string): string {
  return `holdfast-examination-${source}`
}

/** Family of the task definition that does one step of it. */
export function restoreTestFamily(step: string, source: string): string {
  return `holdfast-examination-${step}-${source}`
}

export function restoreTestMachineArn({ accountId, region }: VaultLocation, source: string): string {
  return `arn:aws:states:${region}:${accountId}:stateMachine:${restoreTestName(source)}`
}

/** What stands before the `@sha256:…` of the image that checks run: the vault account's own registry, and nobody else's. */
export function imageRepository({ accountId, region }: VaultLocation): string {
  return `${accountId}.dkr.ecr.${region}.amazonaws.com/${imageRepositoryName}`
}

/** Family of the task definition that runs `check` for one source. */
export function checkFamily(check: string, source: string): string {
  return `holdfast-check-${check}-${source}`
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

/** Of the state machine in one region, or with `*` in any. */
export function quarantineMachineArn(accountId: string, region: string): string {
  return `arn:aws:states:${region}:${accountId}:stateMachine:${quarantineName}`
}

/** Any run of it, in any region. */
export function quarantineExecutionArn(accountId: string): string {
  return `arn:aws:states:*:${accountId}:execution:${quarantineName}:*`
}

/** Every agent of an account, those that don't exist yet too. */
export function anyAgentArn(accountId: string): string {
  return roleArn(accountId, rolePaths.agents, '*')
}

export function approvalPolicyArn(accountId: string): string {
  return `arn:aws:iam::${accountId}:policy/${approvalPolicyName}`
}

export function roleArn(accountId: string, path: string, name: string): string {
  return `arn:aws:iam::${accountId}:role${path}${name}`
}

export function writerRoleArn(accountId: string, source: string): string {
  return roleArn(accountId, rolePaths.vault, writerRoleName(source))
}

/** Matches every writer of the vault, those of sources that don't exist yet too. */
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

/** An issuer's URL as IAM spells it in ARNs and condition keys: without scheme and trailing slash. */
export function issuerName(issuer: string): string {
  return issuer.replace(/^https:\/\//, '').replace(/\/+$/, '')
}

/** What a workload with an AWS role sends along with AssumeRole, so that it can't be made to write another source by mistake. */
export function externalIdOf(source: string): string {
  return `holdfast/${source}`
}
