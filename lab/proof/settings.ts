// Settings that no policy states: locks, versions, encryption, public access, and the protection of resources.
import {
  agentBoundaryName,
  auditBucketName,
  feedbackBucketName,
  rolePaths,
  toolkitBucketName,
  vaultBucketName,
} from '../../guardrails/names.ts'
import { firstLocationOf, locationsOf } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import type { CloudDeclaration, DeclaredBucket } from '../sandbox/declaration.ts'
import type { Setting } from './setting.ts'
import { taskSettings } from './task-settings.ts'
import { vaultAccountSettings } from './vault-account-settings.ts'

export function examineSettings(
  declaration: CloudDeclaration,
  resources: readonly RecordedResource[],
  config: HoldfastConfig,
): Setting[] {
  const place = firstLocationOf(config)
  const bucket = (name: string) =>
    declaration.buckets.find(
      (candidate) => candidate.name === name && candidate.accountId === place.accountId,
    )
  const audit = bucket(auditBucketName(place))
  const toolkit = bucket(toolkitBucketName(place))
  return [
    ...locationsOf(config).flatMap((at) => {
      const named = (kind: string) => (at.region === place.region ? kind : `${kind} of ${at.region}`)
      const vault = bucket(vaultBucketName(at))
      return [
        ...lockSettings(named('vault bucket'), vault, {
          mode: config.lockMode,
          days: config.promiseDays + config.generationDays,
        }),
        ...bucketSettings(named('vault bucket'), vault),
        ...bucketSettings(named('feedback bucket'), bucket(feedbackBucketName(at))),
      ]
    }),
    ...lockSettings('audit bucket', audit, { mode: config.lockMode, days: config.auditRetentionDays }),
    ...lockSettings('toolkit bucket', toolkit, { mode: config.lockMode, days: config.retentionDays }),
    ...bucketSettings('audit bucket', audit),
    ...bucketSettings('toolkit bucket', toolkit),
    ...declaration.roles
      .filter(({ path }) => path.startsWith('/holdfast'))
      .map(({ name, maxSessionSeconds }) => ({
        name: `session of ${name}`,
        sentence: `A session of ${name} lasts at most one hour.`,
        holds: maxSessionSeconds <= 3600,
      })),
    ...declaration.roles
      .filter(({ path, name }) => path === rolePaths.agents && name !== 'unbounded')
      .map(({ name, boundary }) => ({
        name: `boundary of ${name}`,
        sentence: `${name} has the boundary of its own task.`,
        holds:
          boundary?.name.endsWith(`:policy/${agentBoundaryName(name.replace(/^holdfast-agent-/, ''))}`) ===
          true,
      })),
    ...vaultAccountSettings(resources, config),
    ...taskSettings(resources),
    ...protection(resources),
  ]
}

interface LockExpected {
  mode: string
  days: number
}

function lockSettings(
  name: string,
  bucket: DeclaredBucket | undefined,
  { mode, days }: LockExpected,
): Setting[] {
  const lock = bucket?.objectLock
  return [
    { name: `${name}: lock`, sentence: `The ${name} has Object Lock.`, holds: lock?.enabled === true },
    {
      name: `${name}: versions`,
      sentence: `The ${name} keeps versions.`,
      holds: bucket?.versioning === 'Enabled',
    },
    {
      name: `${name}: mode`,
      sentence: `The ${name} locks in the configured mode.`,
      holds: lock?.default?.mode === mode,
    },
    {
      name: `${name}: days`,
      sentence: `The ${name} has the configured default retention.`,
      holds: lock?.default?.days === days,
    },
    {
      name: `${name}: lifecycle`,
      sentence: `The lifecycle of the ${name} only aborts multipart uploads, so no object expires.`,
      holds:
        bucket !== undefined &&
        bucket.lifecycleRules.every((rule) => {
          const actions = Object.keys(rule as object).filter(
            (key) => !['id', 'status', 'filter', 'abortIncompleteMultipartUpload'].includes(key),
          )
          return actions.length === 0
        }),
    },
  ]
}

function bucketSettings(name: string, bucket: DeclaredBucket | undefined): Setting[] {
  const block = bucket?.publicAccessBlock
  const flags = ['blockPublicAcls', 'blockPublicPolicy', 'ignorePublicAcls', 'restrictPublicBuckets'] as const
  return [
    {
      name: `${name}: encryption`,
      sentence: `The ${name} encrypts with S3's own keys, which no role can delete.`,
      holds: bucket?.encryption?.algorithm === 'AES256',
    },
    {
      name: `${name}: ownership`,
      sentence: `The ${name} has no ACLs.`,
      holds: bucket?.ownership === 'BucketOwnerEnforced',
    },
    {
      name: `${name}: policy`,
      sentence: `The ${name} has a policy.`,
      holds: bucket !== undefined && bucket.policy !== null,
    },
    ...flags.map((flag) => ({
      name: `${name}: ${flag}`,
      sentence: `The ${name} has ${flag}.`,
      holds: block?.[flag] === true,
    })),
  ]
}

/** Types and names of resources that the vault's promise doesn't need, so that a deployment may delete them. */
const unneeded =
  /^aws:(cloudwatch\/logMetricFilter:LogMetricFilter passed-|ecr\/replicationConfiguration:|s3\/bucketObjectv2:|iam\/role(|Policy|PolicyAttachment):\w+ (agent-|administrator$|task-execution$|check-scheduler$|audit-reader$|examination-))/

/** `pulumi destroy` must fail for it. The machines of checks are not needed: an alarm on missed runs pages on-call. */
function needsProtection({ type, name, parent, inputs }: RecordedResource): boolean {
  if (type.endsWith(':MetricAlarm') && String(inputs['name']).endsWith('-missed')) return true
  return (
    type.startsWith('aws:') &&
    parent?.includes('holdfast:checks:') !== true &&
    !unneeded.test(`${type} ${name}`)
  )
}

/** AWS must keep a resource of these types that leaves the program. */
const keptTypes =
  /^aws:(s3\/|organizations\/|cloudtrail\/|rbin\/|iam\/policy:|kms\/|sns\/topic:|ecr\/repository:|backup\/|cloudwatch\/eventBus:|cloudwatch\/logGroup:)/

function protection(resources: readonly RecordedResource[]): Setting[] {
  const called = ({ type, name }: RecordedResource) => `${type.split(':').at(-1)} ${name}`
  return [
    ...resources.filter(needsProtection).map((resource) => ({
      name: `${called(resource)}: protected`,
      sentence: `The program can't destroy ${called(resource)}.`,
      holds: resource.protect,
    })),
    ...resources
      .filter(({ type }) => keptTypes.test(type))
      .map((resource) => ({
        name: `${called(resource)}: retained`,
        sentence: `AWS keeps ${called(resource)} after it leaves the program.`,
        holds: resource.retainOnDelete,
      })),
  ]
}
