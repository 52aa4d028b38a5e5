// Object Lock's rules, pure: what protects a version, and which changes of that protection are let through.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html

import type { LockMode } from '../../../../core/store/object-store.ts'
import { AwsError } from '../../protocol/aws-error.ts'
import type { Lock, LockDefault } from '../model.ts'

const dayMs = 24 * 3600 * 1000

export interface Retention {
  mode: LockMode
  untilMs: number
}

/** The retention in force at `nowMs`, also one that is over; null if there is none. An event hold keeps its end ahead of now. */
export function retentionOf(lock: Lock, nowMs: number): Retention | null {
  if (lock.mode === null || lock.untilMs === null) return null
  const untilMs =
    lock.eventHold === null ? lock.untilMs : Math.max(lock.untilMs, nowMs + lock.eventHold.durationMs)
  return { mode: lock.mode, untilMs }
}

/** Why a version can't be deleted now; null if it can. `bypass` is a permitted request to bypass GOVERNANCE. */
export function reasonAgainstDeletion(lock: Lock, nowMs: number, bypass: boolean): string | null {
  if (lock.legalHold) return 'legal hold'
  const retention = retentionOf(lock, nowMs)
  if (retention === null || retention.untilMs <= nowMs) return null
  if (retention.mode === 'GOVERNANCE' && bypass) return null
  return `${retention.mode} until ${new Date(retention.untilMs).toISOString()}`
}

/** Why the retention can't become `wanted` (null: none at all); null if it can. */
export function reasonAgainstRetention(
  lock: Lock,
  requested: Retention | null,
  nowMs: number,
  bypass: boolean,
): string | null {
  const current = retentionOf(lock, nowMs)
  if (current === null || current.untilMs <= nowMs) return null
  if (requested?.mode === current.mode && requested.untilMs >= current.untilMs) return null
  if (current.mode === 'GOVERNANCE' && bypass) return null
  return `${current.mode} until ${new Date(current.untilMs).toISOString()}`
}

/** Why the object's encryption can't be changed: only objects without a lock, or in COMPLIANCE refused outright. */
export function whyEncryptionStays(lock: Lock, nowMs: number): string | null {
  return reasonAgainstDeletion(lock, nowMs, false)
}

/** What a bucket's default gives to a version made at `madeMs`. */
export function defaultRetention(rule: LockDefault | null, madeMs: number): Retention | null {
  if (rule === null) return null
  return { mode: rule.mode, untilMs: madeMs + periodMs(rule.days, rule.years) }
}

/** A year is 365 days, as S3 reckons periods. */
export function periodMs(days: number | null, years: number | null): number {
  return ((days ?? 0) + (years ?? 0) * 365) * dayMs
}

/** For `s3:object-lock-remaining-retention-days`: a part of a day counts as one, so that a cap is never passed. */
export function remainingDays(untilMs: number, nowMs: number): number {
  return Math.max(0, Math.ceil((untilMs - nowMs) / dayMs))
}

export function protectedByLock(): AwsError {
  return new AwsError(403, 'AccessDenied', 'Access Denied because object protected by object lock.')
}
