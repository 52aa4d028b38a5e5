// The type of an attack: a row of data with one real, signed request.
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

/** The attacker, with its signing clients. */
export interface Intruder {
  /** As in the report: `production's root, by the key that the agent found`. */
  who: string
  /** Names of the assumed roles, in order; empty for a credential that the intruder has from the start. */
  path: readonly string[]
  principal: Principal
  s3: S3Client
  ec2: EC2Client
  /** Sends one signed request to S3's account API, which the SDK's S3 client lacks. */
  callAccount: AccountCall
}

export interface AttackTarget {
  /** The target's name in the report. */
  name: string
  bucket: string
  /** An existing object version with the lock that its bucket gives. */
  victim: { key: string; versionId: string }
  /** An unused key below a source's prefix. */
  freshKey: string
  /** The server's time, from which the dates of locks are computed. */
  nowMs: number
  /** Account of the bucket. */
  accountId: string
  /** The intruder's own key, which every principal may use until the intruder deletes it. */
  foreignKeyArn: string
  /** The intruder's own bucket. */
  loot: string
}

export interface Attack {
  /** Stable, kebab-case. */
  name: string
  wall: Wall
  /** The attempt, as the report words it. */
  description: string
  /** True if Object Lock alone must stop it for every caller, the vault account's root user included. */
  stoppedByLock?: true
  /** The control bucket on which the attack must succeed: a versioned one, or one with a lock that can be bypassed. */
  control: 'plain' | 'governed'
  /** Errors that come after authorization, so they mean that the caller was allowed. */
  pastAuthorization?: string[]
  /** Errors that count as a refusal for this request only. */
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
