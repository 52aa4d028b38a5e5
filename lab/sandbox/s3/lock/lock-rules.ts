// The rules of Object Lock: what protects a version, and which changes of that protection S3 allows. Pure.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html

import type { LockMode } from '../../../../core/store/object-store.ts'
import { AwsError } from '../../protocol/aws-error.ts'
import type { Lock, LockDefault } from '../model.ts'

const dayMs = 24 * 3600 * 1000

export interface Retention {
  mode: LockMode
  untilMs: number
}

/**
 * The retention of a version, even if it has ended; null if there is none. An event hold keeps its end ahead
 * of `nowMs`.
 */
export function retentionOf(lock: Lock, nowMs: number): Retention | null {
  if (lock.mode === null || lock.untilMs === null) return null
  const untilMs =
    lock.eventHold === null ? lock.untilMs : Math.max(lock.untilMs, nowMs + lock.eventHold.durationMs)
  return { mode: lock.mode, untilMs }
}

/**
 * The reason why a version can't be deleted, or its encryption changed, now; null if it can.
 * @param bypass whether the request asks to bypass GOVERNANCE, and may.
 */
export function reasonAgainstDeletion(lock: Lock, nowMs: number, bypass: boolean): string | null {
  if (lock.legalHold) return 'legal hold'
  const retention = retentionOf(lock, nowMs)
  if (retention === null || retention.untilMs <= nowMs) return null
  if (retention.mode === 'GOVERNANCE' && bypass) return null
  return `${retention.mode} until ${new Date(retention.untilMs).toISOString()}`
}

/**
 * The reason why the retention can't become `requested` (null for none); null if it can.
 * @param bypass whether the request asks to bypass GOVERNANCE, and may.
 */
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

/** The retention that a bucket's default gives to a version made at `madeMs`. */
export function defaultRetention(rule: LockDefault | null, madeMs: number): Retention | null {
  if (rule === null) return null
  return { mode: rule.mode, untilMs: madeMs + periodMs(rule.days, rule.years) }
}

/** A year has 365 days, as in S3. */
export function periodMs(days: number | null, years: number | null): number {
  return ((days ?? 0) + (years ?? 0) * 365) * dayMs
}

/**
 * The value of `s3:object-lock-remaining-retention-days`. Part of a day counts as a day, so that no retention
 * exceeds a cap.
 */
export function remainingDays(untilMs: number, nowMs: number): number {
  return Math.max(0, Math.ceil((untilMs - nowMs) / dayMs))
}

export function protectedByLock(): AwsError {
  return new AwsError(403, 'AccessDenied', 'Access Denied because object protected by object lock.')
}
