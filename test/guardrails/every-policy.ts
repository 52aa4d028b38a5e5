// Every document that the builders can make, at the sizes that the configuration allows at most.
import { agentBoundary, agentPolicy } from '../../guardrails/agent-policies.ts'
import {
  alarmBusPolicy,
  alarmTopicPolicy,
  auditBucketPolicy,
  forwarderPolicy,
  forwarderTrustPolicy,
} from '../../guardrails/audit-policies.ts'
import { approvalPolicy, approverPolicy, breakGlassPolicy } from '../../guardrails/break-glass-policy.ts'
import {
  layerEndpointPolicy,
  logEndpointPolicy,
  registryEndpointPolicy,
  auditReaderPolicy,
  schedulerPolicy,
  schedulerTrustPolicy,
  storageEndpointPolicy,
  taskExecutionPolicy,
} from '../../guardrails/check-policies.ts'
import {
  restoreTestMachinePolicy,
  restoreTestMachineTrustPolicy,
  restoreTestStarterPolicy,
  restoreTestStarterTrustPolicy,
  handOverPolicy,
} from '../../guardrails/restore-test-policies.ts'
import { deployerPolicy } from '../../guardrails/deployer-policy.ts'
import { vaultPrincipalsPolicy } from '../../guardrails/delegation-policies.ts'
import { feedbackBucketPolicy } from '../../guardrails/feedback-bucket-policy.ts'
import { nativeRolePolicy, nativeTrustPolicy, nativeVaultPolicy } from '../../guardrails/native-backups.ts'
import type { NativeBackup } from '../../guardrails/native-backups.ts'
import { nativeCopyLogPolicy } from '../../guardrails/native-copies.ts'
import { alarmBusArn, alarmBusName, alarmTopicArn, duties, trailArn } from '../../guardrails/names.ts'
import {
  membershipPolicy,
  productionDelayPolicy,
  productionPolicy,
  vaultFreezePolicy,
  vaultPerimeterPolicy,
} from '../../guardrails/organization-policies.ts'
import {
  quarantinePolicy,
  quarantineStarterPolicy,
  quarantineStarterTrustPolicy,
  quarantineTrustPolicy,
  responderPolicy,
} from '../../guardrails/quarantine.ts'
import { signingKeyPolicy } from '../../guardrails/signing-key-policy.ts'
import { dutyPolicy, writerPolicy } from '../../guardrails/role-policies.ts'
import {
  administratorTrustPolicy,
  agentTrustPolicy,
  breakGlassTrustPolicy,
  namedHumanTrustPolicy,
  restorerTrustPolicy,
  runnerTrustPolicy,
  writerTrustPolicy,
} from '../../guardrails/trust-policies.ts'
import { toolkitBucketPolicy } from '../../guardrails/toolkit-bucket-policy.ts'
import { vaultBucketPolicy } from '../../guardrails/vault-bucket-policy.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { servicesOf } from '../../guardrails/catalogue/agent-limits.ts'
import { mcpPolicy } from '../../guardrails/mcp-policy.ts'
import { quotaChars } from '../../guardrails/policy.ts'
import type { Policy } from '../../guardrails/policy.ts'

export interface NamedDocument {
  name: string
  quota: keyof typeof quotaChars
  document: Policy
}

const location = { accountId: '111111111111', region: 'ap-southeast-7' }
const locations = [location, { ...location, region: 'eu-west-1' }, { ...location, region: 'eu-south-2' }]
const fileSystemArn = `arn:aws:elasticfilesystem:${location.region}:${location.accountId}`
const [production, longName] = ['222222222222', 'a'.repeat(48)]
const people = ['operator', 'AWSReservedSSO_Operators_*', 'third'].map(
  (name) => `arn:aws:iam::${production}:role/people/${name}`,
)
const issuer = 'https://oidc.platform.example/tenants/one'

const native: readonly NativeBackup[] = [{ tag: 'backup=daily', schedule: 'daily', retentionDays: 35 }]

/** The task of the shipped example's agent. */
const exampleTask = exampleConfig.agents[0]!.may

export const everyPolicy: readonly NamedDocument[] = [
  {
    name: 'vault bucket',
    quota: 'bucketPolicy',
    document: vaultBucketPolicy({
      location,
      retentionCapDays: 3650,
      detached: false,
      storageClasses: ['STANDARD'],
    }),
  },
  {
    name: 'vault bucket, detached',
    quota: 'bucketPolicy',
    document: vaultBucketPolicy({
      location,
      retentionCapDays: 3650,
      detached: true,
      storageClasses: ['STANDARD', 'INTELLIGENT_TIERING'],
    }),
  },
  {
    name: 'audit bucket',
    quota: 'bucketPolicy',
    document: auditBucketPolicy(
      location,
      ['333333333333', '444444444444'].map((id) => trailArn(id, location.region)),
    ),
  },
  {
    name: 'alarm topic',
    quota: 'managedPolicy',
    document: alarmTopicPolicy(location.accountId, alarmTopicArn(location)),
  },
  {
    name: 'alarm bus',
    quota: 'bucketPolicy',
    document: alarmBusPolicy(alarmBusArn(location), [location.accountId, '222222222222']),
  },
  { name: 'alarm forwarder', quota: 'inlinePolicies', document: forwarderPolicy(alarmBusArn(location)) },
  {
    name: 'trust of the alarm forwarder',
    quota: 'trustPolicy',
    document: forwarderTrustPolicy(location.accountId),
  },
  { name: 'execution of tasks', quota: 'inlinePolicies', document: taskExecutionPolicy([location]) },
  {
    name: 'scheduler of checks',
    quota: 'inlinePolicies',
    document: schedulerPolicy([location], [...duties, 'audit-reader']),
  },
  { name: 'reader of the audit trail', quota: 'inlinePolicies', document: auditReaderPolicy(location) },
  { name: 'trust of the scheduler', quota: 'trustPolicy', document: schedulerTrustPolicy([location]) },
  { name: 'machine of examinations', quota: 'inlinePolicies', document: restoreTestMachinePolicy(locations) },
  {
    name: 'trust of the machine of examinations',
    quota: 'trustPolicy',
    document: restoreTestMachineTrustPolicy(locations),
  },
  { name: 'starter of examinations', quota: 'inlinePolicies', document: restoreTestStarterPolicy(locations) },
  {
    name: 'trust of the starter of examinations',
    quota: 'trustPolicy',
    document: restoreTestStarterTrustPolicy(locations),
  },
  {
    name: 'hand-over of restored data',
    quota: 'fileSystemPolicy',
    document: handOverPolicy(location.accountId, {
      fileSystem: `${fileSystemArn}:file-system/fs-0123456789abcdef0`,
      data: `${fileSystemArn}:access-point/fsap-0123456789abcdef0`,
      answer: `${fileSystemArn}:access-point/fsap-0123456789abcdef1`,
    }),
  },
  { name: 'way to layers', quota: 'bucketPolicy', document: layerEndpointPolicy(location) },
  { name: 'way to S3', quota: 'bucketPolicy', document: storageEndpointPolicy(location) },
  { name: 'way to the registry', quota: 'bucketPolicy', document: registryEndpointPolicy(location) },
  { name: 'way to the logs', quota: 'bucketPolicy', document: logEndpointPolicy(location) },
  { name: 'toolkit bucket', quota: 'bucketPolicy', document: toolkitBucketPolicy(location) },
  { name: 'notary key', quota: 'keyPolicy', document: signingKeyPolicy(location.accountId, 'notary') },
  { name: 'report key', quota: 'keyPolicy', document: signingKeyPolicy(location.accountId, 'drill') },
  { name: 'feedback bucket', quota: 'bucketPolicy', document: feedbackBucketPolicy(location) },
  { name: 'writer', quota: 'inlinePolicies', document: writerPolicy(location, longName) },
  ...duties.map((duty) => ({
    name: duty,
    quota: 'inlinePolicies' as const,
    document: dutyPolicy(locations, duty),
  })),
  {
    name: 'agent boundary',
    quota: 'managedPolicy',
    document: agentBoundary(location, { may: exampleTask, environmentTag: 'e'.repeat(128) }),
  },
  { name: 'agent', quota: 'inlinePolicies', document: agentPolicy(['ec2:*', 'logs:Describe*']) },
  { name: 'break-glass', quota: 'inlinePolicies', document: breakGlassPolicy(location) },
  {
    name: 'approval of break-glass',
    quota: 'managedPolicy',
    document: approvalPolicy({ sourceIdentity: 's'.repeat(64), until: '2030-01-31T18:00:00Z' }),
  },
  { name: 'approval of nobody', quota: 'managedPolicy', document: approvalPolicy(null) },
  { name: 'approver', quota: 'inlinePolicies', document: approverPolicy(production) },
  { name: 'quarantine', quota: 'inlinePolicies', document: quarantinePolicy(production) },
  { name: 'trust of the quarantine', quota: 'trustPolicy', document: quarantineTrustPolicy(production) },
  {
    name: 'starter of the quarantine',
    quota: 'inlinePolicies',
    document: quarantineStarterPolicy(production),
  },
  {
    name: "trust of the quarantine's starter",
    quota: 'trustPolicy',
    document: quarantineStarterTrustPolicy(production),
  },
  { name: 'responder', quota: 'inlinePolicies', document: responderPolicy(production) },
  {
    name: 'air-gapped vault of AWS Backup',
    quota: 'managedPolicy',
    document: nativeVaultPolicy(location, production),
  },
  {
    name: 'role of AWS Backup for backups',
    quota: 'inlinePolicies',
    document: nativeRolePolicy('Backup'),
  },
  {
    name: 'role of AWS Backup for restores',
    quota: 'inlinePolicies',
    document: nativeRolePolicy('Restores'),
  },
  { name: 'trust of the roles of AWS Backup', quota: 'trustPolicy', document: nativeTrustPolicy() },
  {
    name: 'log of copies of AWS Backup',
    quota: 'managedPolicy',
    document: nativeCopyLogPolicy(location, alarmBusName),
  },
  {
    name: 'vault freeze with AWS Backup',
    quota: 'serviceControlPolicy',
    document: vaultFreezePolicy(location, '2030-01-31T18:00:00.000+00:00', native),
  },
  {
    name: 'production delays with AWS Backup',
    quota: 'serviceControlPolicy',
    document: productionDelayPolicy(production, '2030-01-31T18:00:00.000+00:00', native),
  },
  { name: 'membership', quota: 'serviceControlPolicy', document: membershipPolicy() },
  {
    name: 'vault freeze',
    quota: 'serviceControlPolicy',
    document: vaultFreezePolicy(location, '2030-01-31T18:00:00.000+00:00'),
  },
  {
    name: 'deployer of a vault without an Organization',
    quota: 'managedPolicy',
    document: deployerPolicy(location, '2030-01-31T18:00:00.000+00:00'),
  },
  {
    name: 'vault principals',
    quota: 'serviceControlPolicy',
    document: vaultPrincipalsPolicy(
      location.accountId,
      people.map((arn) => arn.replace(production, location.accountId)),
    ),
  },
  {
    name: 'production',
    quota: 'serviceControlPolicy',
    document: productionPolicy(production, servicesOf(exampleTask)),
  },
  {
    name: "sessions through AWS's MCP servers",
    quota: 'serviceControlPolicy',
    document: mcpPolicy(servicesOf(exampleTask), quotaChars.serviceControlPolicy),
  },
  {
    name: 'production delays',
    quota: 'serviceControlPolicy',
    document: productionDelayPolicy(production, '2030-01-31T18:00:00.000+00:00'),
  },
  {
    name: 'vault perimeter',
    quota: 'resourceControlPolicy',
    document: vaultPerimeterPolicy(location, `o-${'a'.repeat(32)}`),
  },
  {
    name: 'trust of a writer by role',
    quota: 'trustPolicy',
    document: writerTrustPolicy(location.accountId, longName, {
      kind: 'aws-role',
      roleArn: `arn:aws:iam::${production}:role/workloads/${longName}`,
    }),
  },
  {
    name: 'trust of a writer by token',
    quota: 'trustPolicy',
    document: writerTrustPolicy(location.accountId, longName, {
      kind: 'oidc',
      issuer,
      audience: 'holdfast',
      subject: 's'.repeat(255),
    }),
  },
  {
    name: 'trust of a writer by certificate',
    quota: 'trustPolicy',
    document: writerTrustPolicy(location.accountId, longName, {
      kind: 'roles-anywhere',
      trustAnchorArn:
        'arn:aws:rolesanywhere:ap-southeast-7:111111111111:trust-anchor/00000000-0000-0000-0000-000000000000',
      commonName: 'c'.repeat(64),
    }),
  },
  {
    name: 'trust of a duty',
    quota: 'trustPolicy',
    document: runnerTrustPolicy({
      accountId: location.accountId,
      regions: ['eu-central-1', 'eu-west-1', location.region],
      runners: people,
    }),
  },
  {
    name: 'trust of the restorer',
    quota: 'trustPolicy',
    document: restorerTrustPolicy(location.accountId, people),
  },
  { name: 'trust of an agent', quota: 'trustPolicy', document: agentTrustPolicy(production, people) },
  { name: 'trust of break-glass', quota: 'trustPolicy', document: breakGlassTrustPolicy(production, people) },
  {
    name: 'trust of responder and approver',
    quota: 'trustPolicy',
    document: namedHumanTrustPolicy(production, people),
  },
  {
    name: 'trust of the administrator',
    quota: 'trustPolicy',
    document: administratorTrustPolicy(production, people),
  },
]
