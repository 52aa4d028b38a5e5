// What isn't a policy and holds all the same: locks, versions, encryption, public access, protection of the resources.
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
    declaration.buckets.find((each) => each.name === name && each.accountId === place.accountId)
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
        sentence: `A session of ${name} ends after an hour at most.`,
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
      sentence: 'Its locks are in the mode that the configuration says.',
      holds: lock?.default?.mode === mode,
    },
    {
      name: `${name}: days`,
      sentence: 'Its default retention is as long as the configuration says.',
      holds: lock?.default?.days === days,
    },
    {
      name: `${name}: lifecycle`,
      sentence: 'Nothing in it expires: its lifecycle aborts multipart uploads, or does nothing.',
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
      sentence: `The ${name} encrypts by S3's own keys, which nobody can delete.`,
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

/** `pulumi destroy` touches none of these, and a resource that goes from the program stays on AWS. */
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
          sentence: `${called} can't be destroyed by the program.`,
          holds: protect,
        },
        {
          name: `${called}: retained`,
          sentence: `${called} stays if it goes from the program.`,
          holds: retainOnDelete,
        },
      ]
    })
}
