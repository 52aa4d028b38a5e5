// Exported as `holdfast/pulumi/policies`: guardrails that a preview checks, for a policy pack of your own. They see
// what a program declares, and the control policies hold against what it calls: a pack is advice to the author, and
// no wall.
import type {
  Policies,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from '@pulumi/policy'
import { agentBoundaryName, rolePaths } from '../guardrails/names.ts'

/** One check of a resource's inputs: the violation, or null. */
type Check = (args: ResourceValidationArgs) => string | null

function resourcePolicy(
  name: string,
  description: string,
  checks: Readonly<Record<string, Check>>,
): ResourceValidationPolicy {
  return {
    name,
    description,
    enforcementLevel: 'mandatory',
    validateResource: (args, report) => {
      const violation = Object.hasOwn(checks, args.type) ? checks[args.type]!(args) : null
      if (violation !== null) report(violation)
    },
  }
}

/** A preview throws for a value that only a deployment knows. */
const unknownYet = Symbol('known after the deployment')

function readProperty(props: ResourceValidationArgs['props'], property: string): unknown {
  try {
    return props[property] as unknown
  } catch {
    return unknownYet
  }
}

const lockedBucketKept: Check = ({ props, opts }) => {
  if (props['objectLockEnabled'] !== true) return null
  if (!opts.protect)
    return 'a bucket with Object Lock is not protected, so a changed name would replace it: set `protect: true`'
  return opts.deleteBeforeReplace === true
    ? 'a bucket with Object Lock would be deleted before its replacement: leave `deleteBeforeReplace` out'
    : null
}

/** Settings of a bucket have no switch of their own: without the bucket's protection a deletion would open it. */
const vaultKept = resourcePolicy(
  'vault-kept',
  'A bucket with Object Lock is protected, so that no change of the program replaces it',
  { 'aws:s3/bucket:Bucket': lockedBucketKept, 'aws:s3/bucketV2:BucketV2': lockedBucketKept },
)

/** Pulumi's policies see no replacement: they see the stack as it would be afterwards. */
const vaultStays: StackValidationPolicy = {
  name: 'vault-stays',
  description: "The buckets of the policy's configuration are in the stack, each under its own name",
  enforcementLevel: 'mandatory',
  configSchema: {
    properties: {
      buckets: { type: 'array', items: { type: 'string' }, default: [] },
    },
  },
  validateStack: (stack, report) => {
    const { resources } = stack
    const { buckets = [] } = stack.getConfig<{ buckets?: readonly string[] }>()
    const declared = new Set(
      resources
        .filter(({ type }) => type.startsWith('aws:s3/bucket'))
        .map(({ props }) => readProperty(props, 'bucket')),
    )
    for (const bucket of buckets)
      if (!declared.has(bucket))
        report(`the stack would abandon or replace the bucket ${bucket}: set back what changes its name`)
  },
}

const noAccessKeys = resourcePolicy(
  'no-access-keys',
  'No program makes an access key, which lives until it is revoked: give an agent or a workload a role',
  {
    'aws:iam/accessKey:AccessKey': ({ props }) =>
      `an access key for ${String(props['user'])} lives until it is revoked: give the workload a role, and an agent an AgentRole`,
  },
)

const agentHasBoundary = resourcePolicy(
  'agent-has-boundary',
  'Every role of an agent has the permissions boundary of its own task',
  {
    'aws:iam/role:Role': ({ props }) => {
      if (props['path'] !== rolePaths.agents) return null
      const boundary = readProperty(props, 'permissionsBoundary')
      if (boundary === unknownYet) return null
      return typeof boundary === 'string' && boundary.includes(`:policy/${agentBoundaryName('')}`)
        ? null
        : `the role ${String(props['name'])} of an agent has no boundary of its own: declare it with AgentRole`
    },
  },
)

/** The property that turns AWS's deletion protection on, by type. */
const protectedBy: Readonly<Record<string, string>> = {
  'aws:cognito/userPool:UserPool': 'deletionProtection',
  'aws:docdb/cluster:Cluster': 'deletionProtection',
  'aws:dynamodb/table:Table': 'deletionProtectionEnabled',
  'aws:neptune/cluster:Cluster': 'deletionProtection',
  'aws:rds/cluster:Cluster': 'deletionProtection',
  'aws:rds/globalCluster:GlobalCluster': 'deletionProtection',
  'aws:rds/instance:Instance': 'deletionProtection',
}

const deletionProtection = resourcePolicy(
  'deletion-protection',
  'Databases, tables and user pools have the deletion protection that AWS offers',
  Object.fromEntries(
    Object.entries(protectedBy).map(([type, property]): [string, Check] => [
      type,
      ({ props }) =>
        props[property] === true || props[property] === 'ACTIVE'
          ? null
          : `it could be deleted by one call: set \`${property}\``,
    ]),
  ),
)

const refuseForced: Check = ({ props }) =>
  props['forceDestroy'] === true
    ? 'a deletion would take every version and backup in it along: leave `forceDestroy` out'
    : null

const keepFinalSnapshot: Check = ({ props }) =>
  props['skipFinalSnapshot'] === true
    ? 'a deletion would leave no snapshot behind: set `finalSnapshotIdentifier` instead of `skipFinalSnapshot`'
    : null

const noForcedDeletion = resourcePolicy(
  'no-forced-deletion',
  'No program deletes a bucket with its objects, a backup vault with its backups, or a database without a last snapshot',
  {
    'aws:backup/vault:Vault': refuseForced,
    'aws:rds/cluster:Cluster': keepFinalSnapshot,
    'aws:rds/instance:Instance': keepFinalSnapshot,
    'aws:s3/bucket:Bucket': refuseForced,
    'aws:s3/bucketV2:BucketV2': refuseForced,
  },
)

/** All of them, for `new PolicyPack(name, { policies })`. */
export const policies: Policies = [
  vaultKept,
  vaultStays,
  noAccessKeys,
  agentHasBoundary,
  deletionProtection,
  noForcedDeletion,
]
