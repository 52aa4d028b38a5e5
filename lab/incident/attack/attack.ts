// What an attack is: a row of data with one real, signed request in it.
import type { EC2Client } from '@aws-sdk/client-ec2'
import type { S3Client } from '@aws-sdk/client-s3'
import type { Principal } from '../../sandbox/identity/principal.ts'
import type { AccountCall } from './account-call.ts'

export const walls = [
  'reads',
  'deletions',
  'locks',
  'writes',
  'configuration',
  'identities',
  'production',
  'elsewhere',
] as const
export type Wall = (typeof walls)[number]

/** Whoever attacks, with what it signs by. */
export interface Intruder {
  /** As in the report: `production's root, by the key that the agent found`. */
  who: string
  /** Names of the roles assumed on the way, in order; empty for a credential that somebody holds to begin with. */
  path: readonly string[]
  principal: Principal
  s3: S3Client
  ec2: EC2Client
  /** One signed request to the part of S3 that the SDK's client doesn't speak to. */
  callAccount: AccountCall
}

export interface AttackTarget {
  /** As in the report: what is attacked. */
  name: string
  bucket: string
  /** An object version that exists and is locked as its bucket locks. */
  victim: { key: string; versionId: string }
  /** A key below a source's prefix that nothing was ever stored under. */
  freshKey: string
  /** The time that dates of locks are reckoned from: the server's. */
  nowMs: number
  /** Whose bucket it is. */
  accountId: string
  /** A key of the intruder's own that it lets everyone use, to be taken away later. */
  foreignKeyArn: string
  /** A bucket of the intruder's own. */
  loot: string
}

export interface Attack {
  /** Stable, kebab-case. */
  name: string
  wall: Wall
  /** What was tried, as a reader of the report would say it. */
  what: string
  /** True if Object Lock alone must stop it, whoever asks: also the vault account's own root. */
  stoppedByLock?: true
  /** Which control bucket shows that the request is well-formed: a versioned one, or one with a lock that can be bypassed. */
  control: 'plain' | 'governed'
  /** Errors that come after authorization, so that they too show what the caller was allowed to do. */
  pastAuthorization?: string[]
  /** Errors that are a refusal of this very request, beside those that always are. */
  refusals?: string[]
  run(intruder: Pick<Intruder, 's3' | 'callAccount'>, target: AttackTarget): Promise<unknown>
}

export const dayMs = 86_400_000
export const versionOf = ({ bucket, victim }: AttackTarget) => ({
  Bucket: bucket,
  Key: victim.key,
  VersionId: victim.versionId,
})
export const inDays = ({ nowMs }: AttackTarget, days: number) => new Date(nowMs + days * dayMs)
