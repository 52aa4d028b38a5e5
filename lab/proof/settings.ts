// Settings that no policy states: locks, versions, encryption, public access, and the protection of resources.
import {
  auditBucketName,
  feedbackBucketName,
  rolePaths,
  toolkitBucketName,
  vaultBucketName,
} from '../../guardrails/names.ts'
import { locationsOf } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import type { CloudDeclaration, DeclaredBucket } from '../sandbox/declaration.ts'
import type { Setting } from './setting.ts'
import { taskSettings } from './task-settings.ts'

export function examineSettings(
  declaration: CloudDeclaration,
  resources: readonly RecordedResource[],
  config: HoldfastConfig,
): Setting[] {
  const place = { accountId: config.vaultAccountId, region: config.region }
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
        sentence: `${name} has the boundary of agents.`,
        holds: boundary?.name.endsWith(':policy/holdfast-agent-boundary') === true,
      })),
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

/** `pulumi destroy` must fail for these types, and AWS must keep a resource that leaves the program. */
const keptTypes =
  /^aws:(s3\/|organizations\/|cloudtrail\/|rbin\/|iam\/policy:|sns\/topic:|ecr\/repository:|cloudwatch\/eventBus:|cloudwatch\/logGroup:)/

function protection(resources: readonly RecordedResource[]): Setting[] {
  return resources
    .filter(({ type }) => keptTypes.test(type))
    .flatMap(({ type, name, protect, retainOnDelete }) => {
      const called = `${type.split(':').at(-1)} ${name}`
      return [
        {
          name: `${called}: protected`,
          sentence: `The program can't destroy ${called}.`,
          holds: protect,
        },
        {
          name: `${called}: retained`,
          sentence: `AWS keeps ${called} after it leaves the program.`,
          holds: retainOnDelete,
        },
      ]
    })
}
