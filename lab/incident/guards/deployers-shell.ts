// A shell with the vault deployer's credentials: the calls that `pulumi destroy` makes once its protection is cleared.
// The drill evaluates the loaded policies, with an Organization and without one.
import {
  alarmBusArn,
  alarmTopicArn,
  auditBucketName,
  bucketArn,
  checkClusterArn,
  checkLogGroupName,
  duties,
  dutyRoleArn,
  feedbackBucketName,
  forwarderRoleArn,
  imageRepositoryName,
  oidcProviderArn,
  toolkitBucketName,
  trailArn,
  vaultBucketName,
  writerRoleArn,
} from '../../../guardrails/names.ts'
import { nativeVaultArn } from '../../../guardrails/native-backups.ts'
import type { VaultLocation } from '../../../guardrails/names.ts'
import { evaluate } from '../../sandbox/authorization/evaluate.ts'
import type { CloudDeclaration } from '../../sandbox/declaration.ts'
import { sessionOfRole } from '../../sandbox/identity/role-principal.ts'
import { exampleAccounts, exampleConfig, withoutOrganization } from '../../sandbox/loader/example-config.ts'
import { loadDeclaration } from '../../sandbox/loader/loader.ts'
import type { ClaimFindings } from '../claims.ts'
import { roleNamed } from '../principals.ts'
import { findGuard, isGuard, removeStatements } from './guard-removal.ts'
import { makeExaminer } from './isolation.ts'

interface Deletion {
  action: string
  resource: string
}

/** A bucket, and the settings that go with a resource of their own. */
const bucketDeletions = [
  's3:DeleteBucket',
  's3:DeleteBucketPolicy',
  's3:PutBucketNotification',
  's3:PutBucketOwnershipControls',
  's3:PutBucketPublicAccessBlock',
  's3:PutBucketVersioning',
  's3:PutEncryptionConfiguration',
  's3:PutLifecycleConfiguration',
]

/** The calls that delete the resources of the vault's layer. */
function deletionsIn(location: VaultLocation): Deletion[] {
  const { accountId, region } = location
  const arn = (service: string, name: string) => `arn:aws:${service}:${region}:${accountId}:${name}`
  const on = (resource: string, ...actions: string[]) => actions.map((action) => ({ action, resource }))
  const buckets = [vaultBucketName, feedbackBucketName, auditBucketName, toolkitBucketName]
  const roles = [
    ...duties.map((duty) => dutyRoleArn(accountId, duty)),
    ...exampleConfig.sources.map(({ name }) => writerRoleArn(accountId, name)),
    forwarderRoleArn(accountId),
  ]
  return [
    ...buckets.flatMap((nameOf) => on(bucketArn(nameOf(location)), ...bucketDeletions)),
    ...on('*', 's3:PutAccountPublicAccessBlock', 'events:RemovePermission', 'logs:DeleteResourcePolicy'),
    ...roles.flatMap((role) => on(role, 'iam:DeleteRole', 'iam:DeleteRolePolicy')),
    ...on(oidcProviderArn(accountId, 'https://oidc.platform.example'), 'iam:DeleteOpenIDConnectProvider'),
    ...on(arn('rolesanywhere', 'trust-anchor/some'), 'rolesanywhere:DeleteTrustAnchor'),
    ...on(arn('kms', 'key/recorded-notary'), 'kms:ScheduleKeyDeletion', 'kms:DisableKey'),
    ...['rule/holdfast-writes', 'rule/holdfast-alarms/holdfast-vault-alarms'].flatMap((rule) =>
      on(arn('events', rule), 'events:DeleteRule', 'events:DisableRule', 'events:RemoveTargets'),
    ),
    ...on(alarmBusArn(location), 'events:DeleteEventBus'),
    ...on(alarmTopicArn(location), 'sns:DeleteTopic', 'sns:Unsubscribe'),
    ...on(arn('cloudwatch', 'alarm:holdfast-flood-bytes-rental-db'), 'cloudwatch:DeleteAlarms'),
    ...on(arn('logs', `log-group:${checkLogGroupName}`), 'logs:DeleteLogGroup', 'logs:DeleteMetricFilter'),
    ...on(arn('ecr', `repository/${imageRepositoryName}`), 'ecr:DeleteRepository'),
    ...on(checkClusterArn(location), 'ecs:DeleteCluster'),
    ...on(trailArn(accountId, region), 'cloudtrail:DeleteTrail', 'cloudtrail:StopLogging'),
  ]
}

/** The copies of AWS Backup, which only an Organization has. */
function nativeDeletionsIn(location: VaultLocation): Deletion[] {
  const resource = nativeVaultArn(location)
  return [
    'backup:DeleteBackupVault',
    'backup:DeleteBackupVaultAccessPolicy',
    'backup:DeleteRecoveryPoint',
  ].map((action) => ({ action, resource }))
}

const everything = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'Everything', Effect: 'Allow', Action: '*', Resource: '*' }],
}

/** Recorded once per process, because recording takes seconds. */
let detachedCloud: Promise<CloudDeclaration> | undefined

/**
 * @param declaration of the drill's cloud, which has an Organization
 * @param without the guard that the drill leaves out, or null
 */
export async function examineDeployersShell(
  declaration: CloudDeclaration,
  without: string | null,
  nowMs: number,
): Promise<ClaimFindings> {
  detachedCloud ??= loadDeclaration({ config: withoutOrganization })
  const apart = await detachedCloud
  const clouds = {
    'in an Organization': declaration,
    'without an Organization': isGuard(without) ? removeStatements(apart, findGuard(without)) : apart,
  }
  const location = { accountId: exampleAccounts.vault, region: exampleConfig.region }
  const deletions = deletionsIn(location)
  const nativeDeletions = nativeDeletionsIn(location)
  const findings: string[] = []
  for (const [circumstance, cloud] of Object.entries(clouds)) {
    const evaluated = cloud === declaration ? [...deletions, ...nativeDeletions] : deletions
    for (const { action, resource } of await listAllowed(cloud, evaluated, nowMs))
      findings.push(`${circumstance} the deployer may ${action} on ${resource}`)
  }
  return {
    findings,
    evidence: `${deletions.length} deletions, each evaluated in two clouds, and ${nativeDeletions.length} of AWS Backup's copies in one`,
  }
}

/** The deletions that the deployer may make, although it is an administrator of its account. */
async function listAllowed(
  cloud: CloudDeclaration,
  deletions: readonly Deletion[],
  nowMs: number,
): Promise<Deletion[]> {
  const role = roleNamed(cloud, exampleConfig.deployers[0]!.split('/').at(-1)!)
  const administrator = {
    ...role,
    policies: [...role.policies, { name: 'AdministratorAccess', document: everything }],
  }
  const roles = cloud.roles.map((candidate) => (candidate === role ? administrator : candidate))
  const { authorizer } = await makeExaminer({ ...cloud, roles }, nowMs)
  const principal = sessionOfRole(administrator, { sessionName: 'shell', nowMs })
  const allowed: Deletion[] = []
  for (const deletion of deletions)
    if ((await evaluate(authorizer, { principal, ...deletion })).allowed) allowed.push(deletion)
  return allowed
}
