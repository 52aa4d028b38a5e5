// Object Lock operations: the configuration of a bucket, and retention and legal hold of a version.

import type { ConditionContext } from '../../authorization/access.ts'
import { lockKeys } from '../../condition-keys/s3.ts'
import type { RequestedLockFields } from '../../condition-keys/s3.ts'
import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import { childOf, expectOnly, parseXml, refuseXml, textOf } from '../../protocol/xml.ts'
import type { XmlElement, XmlNode } from '../../protocol/xml.ts'
import type { S3Call } from '../call.ts'
import type { Bucket, EventHold, Lock, LockDefault, Version } from '../model.ts'
import { findRequestedVersion, findVersion, missingVersion } from '../objects/find-version.ts'
import { makeEventHold, readLockMode, readRetainUntil } from '../objects/headers.ts'
import { emptyReply, xmlReply } from '../reply.ts'
import { protectedByLock, retentionOf, reasonAgainstRetention } from './lock-rules.ts'
import type { Retention } from './lock-rules.ts'

const maxDocumentBytes = 64 * 1024
const maxDays = 36_500
const maxYears = 100

const missingConfiguration = () =>
  new AwsError(
    404,
    'ObjectLockConfigurationNotFoundError',
    'Object Lock configuration does not exist for this bucket',
  )
const bucketWithoutLock = () =>
  new AwsError(400, 'InvalidRequest', 'Bucket is missing Object Lock Configuration')

export async function getLockConfiguration(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetBucketObjectLockConfiguration')
  if (!bucket.lockEnabled) throw missingConfiguration()
  const rule = bucket.lockDefault
  const content: XmlElement[] = [['ObjectLockEnabled', 'Enabled']]
  if (rule !== null)
    content.push([
      'Rule',
      [
        [
          'DefaultRetention',
          [
            ['Mode', rule.mode],
            ['Days', rule.days],
            ['Years', rule.years],
          ],
        ],
      ],
    ])
  return xmlReply('ObjectLockConfiguration', content)
}

/**
 * Enables the lock on a bucket with versioning, or changes the default for new objects. No request can
 * disable it.
 */
export async function putLockConfiguration(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketObjectLockConfiguration')
  const root = parseXml(await call.readDocument(maxDocumentBytes, true), 'ObjectLockConfiguration')
  expectOnly(root, 'ObjectLockEnabled', 'Rule')
  if (textOf(root, 'ObjectLockEnabled') !== 'Enabled') refuseXml()
  const rule = childOf(root, 'Rule')
  const lockDefault = rule === null ? null : readLockDefault(rule)
  if (bucket.versioning !== 'Enabled')
    throw new AwsError(
      409,
      'InvalidBucketState',
      "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
    )
  call.catalog.transact(() =>
    call.catalog.updateBucket({ ...call.findBucket(bucket.name), lockEnabled: true, lockDefault }),
  )
  return emptyReply(200)
}

function readLockDefault(rule: XmlNode): LockDefault {
  expectOnly(rule, 'DefaultRetention')
  const retention = childOf(rule, 'DefaultRetention')
  if (retention === null) refuseXml()
  expectOnly(retention, 'Mode', 'Days', 'Years', 'DefaultEventHold')
  if (childOf(retention, 'DefaultEventHold') !== null)
    throw new AwsError(501, 'NotImplemented', 'A default event hold is not implemented')
  const [days, years] = [textOf(retention, 'Days'), textOf(retention, 'Years')]
  // Exactly one of both is required.
  if ((days === null) === (years === null)) refuseXml()
  const mode = textOf(retention, 'Mode')
  if (mode !== 'COMPLIANCE' && mode !== 'GOVERNANCE') refuseXml()
  return { mode, days: readPeriod(days, maxDays), years: readPeriod(years, maxYears) }
}

function readPeriod(text: string | null, max: number): number | null {
  if (text === null) return null
  if (!/^-?\d{1,10}$/.test(text)) refuseXml()
  const count = Number(text)
  if (count < 1)
    throw new AwsError(400, 'InvalidArgument', 'Default retention period must be a positive integer value.')
  if (count > max) throw new AwsError(400, 'InvalidArgument', 'Default retention period too large')
  return count
}

export async function getRetention(call: S3Call): Promise<ServiceReply> {
  const { bucket, version } = await findRequestedVersion(call, 's3:GetObjectRetention')
  if (!bucket.lockEnabled) throw bucketWithoutLock()
  const retention = retentionOf(version.lock, call.nowMs)
  if (retention === null)
    throw new AwsError(
      404,
      'NoSuchObjectLockConfiguration',
      'The specified object does not have a ObjectLock configuration',
    )
  const { eventHold } = version.lock
  return xmlReply('Retention', [
    ['Mode', retention.mode],
    ['RetainUntilDate', new Date(retention.untilMs).toISOString()],
    ...(eventHold === null
      ? []
      : ([
          ['EventHold', 'ON'],
          [
            'EventHoldDuration',
            [
              ['Days', eventHold.days],
              ['Years', eventHold.years],
            ],
          ],
        ] satisfies XmlElement[])),
  ])
}

interface RequestedRetention {
  /** Null removes the retention. */
  retention: Retention | null
  /** `keep` if the request doesn't mention the hold. */
  eventHold: EventHold | 'off' | 'keep'
}

export async function putRetention(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const bucket = call.requireBucket()
  const versionId = call.query.get('versionId') ?? null
  const root = parseXml(await call.readDocument(maxDocumentBytes, true), 'Retention')
  await call.allow(bucket, 's3:PutObjectRetention', key, retentionKeys(root, call.nowMs))
  const bypass = call.flag('x-amz-bypass-governance-retention')
  if (bypass) await call.allow(bucket, 's3:BypassGovernanceRetention', key)
  if (!bucket.lockEnabled) throw bucketWithoutLock()
  const request = readRequestedRetention(root, call.nowMs)
  call.catalog.transact(() => {
    const version = requireLockable(call, bucket, key, versionId)
    const lock = applyRetention(version.lock, request, call.nowMs)
    const reason = reasonAgainstRetention(version.lock, retentionOf(lock, call.nowMs), call.nowMs, bypass)
    if (reason !== null) {
      call.recordLock('s3:PutObjectRetention', bucket, key, reason)
      throw protectedByLock()
    }
    call.catalog.updateLock(version.order, lock)
  })
  return emptyReply(200)
}

// An ended hold leaves the version locked for the hold's duration from now. A continuing hold keeps the end
// ahead of the clock.
function applyRetention(before: Lock, request: RequestedRetention, nowMs: number): Lock {
  const rolled = retentionOf(before, nowMs)
  const onlyHold = request.retention === null && request.eventHold !== 'keep'
  const retention = onlyHold ? rolled : request.retention
  const eventHold =
    request.eventHold === 'keep'
      ? retention === null
        ? null
        : before.eventHold
      : request.eventHold === 'off'
        ? null
        : request.eventHold
  if (eventHold !== null && retention === null)
    throw new AwsError(400, 'InvalidRequest', 'An event hold needs a retention mode')
  return { ...before, mode: retention?.mode ?? null, untilMs: retention?.untilMs ?? null, eventHold }
}

function readRequestedRetention(root: XmlNode, nowMs: number): RequestedRetention {
  expectOnly(root, 'Mode', 'RetainUntilDate', 'EventHold', 'EventHoldDuration')
  const [mode, until, hold] = [
    textOf(root, 'Mode'),
    textOf(root, 'RetainUntilDate'),
    textOf(root, 'EventHold'),
  ]
  if ((mode === null) !== (until === null)) refuseXml()
  if (mode !== null && mode !== 'COMPLIANCE' && mode !== 'GOVERNANCE') refuseXml()
  const retention =
    mode === null || until === null
      ? null
      : { mode: readLockMode(mode), untilMs: readRetainUntil(until, nowMs) }
  if (hold === null) return { retention, eventHold: 'keep' }
  if (hold === 'OFF') return { retention, eventHold: 'off' }
  if (hold !== 'ON') refuseXml()
  const duration = childOf(root, 'EventHoldDuration')
  return {
    retention,
    eventHold: makeEventHold(
      duration === null ? null : textOf(duration, 'Days'),
      duration === null ? null : textOf(duration, 'Years'),
    ),
  }
}

function retentionKeys(root: XmlNode, nowMs: number): ConditionContext {
  const duration = childOf(root, 'EventHoldDuration')
  const fields: RequestedLockFields = {
    mode: textOf(root, 'Mode'),
    retainUntil: textOf(root, 'RetainUntilDate'),
    eventHold: textOf(root, 'EventHold'),
    eventHoldDays: duration === null ? null : textOf(duration, 'Days'),
    eventHoldYears: duration === null ? null : textOf(duration, 'Years'),
  }
  return lockKeys(fields, nowMs)
}

function requireLockable(call: S3Call, bucket: Bucket, key: string, versionId: string | null): Version {
  const version = findVersion(call, bucket, key, versionId)
  if (version === null) throw missingVersion(bucket, key, versionId, null)
  if (version.content === null)
    throw new AwsError(
      405,
      'MethodNotAllowed',
      'The specified method is not allowed against this resource.',
      { fields: { Method: 'PUT', ResourceType: 'DeleteMarker' } },
    )
  return version
}

export async function getLegalHold(call: S3Call): Promise<ServiceReply> {
  const { bucket, version } = await findRequestedVersion(call, 's3:GetObjectLegalHold')
  if (!bucket.lockEnabled) throw bucketWithoutLock()
  return xmlReply('LegalHold', [['Status', version.lock.legalHold ? 'ON' : 'OFF']])
}

export async function putLegalHold(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const bucket = call.requireBucket()
  const root = parseXml(await call.readDocument(maxDocumentBytes, true), 'LegalHold')
  const status = textOf(root, 'Status')
  await call.allow(bucket, 's3:PutObjectLegalHold', key, lockKeys({ legalHold: status }, call.nowMs))
  expectOnly(root, 'Status')
  if (status !== 'ON' && status !== 'OFF') refuseXml()
  if (!bucket.lockEnabled) throw bucketWithoutLock()
  call.catalog.transact(() => {
    const version = requireLockable(call, bucket, key, call.query.get('versionId') ?? null)
    call.catalog.updateLock(version.order, { ...version.lock, legalHold: status === 'ON' })
  })
  return emptyReply(200)
}
