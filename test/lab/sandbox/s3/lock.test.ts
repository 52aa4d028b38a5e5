import { createHash } from 'node:crypto'
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectRetentionCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  UpdateObjectEncryptionCommand,
} from '@aws-sdk/client-s3'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TurnableClock } from '../../../../lab/sandbox/clock.ts'
import {
  retentionOf,
  reasonAgainstDeletion,
  reasonAgainstRetention,
} from '../../../../lab/sandbox/s3/lock/lock-rules.ts'
import type { Lock } from '../../../../lab/sandbox/s3/model.ts'
import { send } from '../raw-request.ts'
import { codeOf, dayMs, rootOf, startWorld, vaultAccount } from '../world.ts'
import cases from './cases/lock.json' with { type: 'json' }

interface LockCase {
  name: string
  bucket: string
  put?: { mode?: 'COMPLIANCE' | 'GOVERNANCE'; days?: number; legalHold?: boolean }
  first?: string
  afterDays?: number
  do: string
  mode?: 'COMPLIANCE' | 'GOVERNANCE'
  days?: number
  bypass?: boolean
  answer: string
}

const start = Date.parse('2026-04-01T00:00:00Z')

// A turn of the clock needs a new client, because a client signs by the time that it was made with.
async function play(lockCase: LockCase): Promise<string> {
  const clock = new TurnableClock(() => start)
  const sandbox = await startWorld({ clock })
  const object = { Bucket: lockCase.bucket, Key: 'object' }
  const at = (days: number) => new Date(start + days * dayMs)
  const put = () =>
    rootOf(sandbox).send(
      new PutObjectCommand({
        ...object,
        Body: 'x',
        ...(lockCase.put?.mode === undefined
          ? {}
          : { ObjectLockMode: lockCase.put.mode, ObjectLockRetainUntilDate: at(lockCase.put.days ?? 0) }),
        ...(lockCase.put?.legalHold === true ? { ObjectLockLegalHoldStatus: 'ON' as const } : {}),
      }),
    )
  const answer = async (call: Promise<unknown>) => {
    const outcome = await call.then(
      () => 'ok',
      (error: Error) => error.name,
    )
    expect(sandbox.defects).toEqual([])
    return outcome
  }
  if (lockCase.do === 'put') return answer(put())
  const { VersionId } = await put()
  const version = { ...object, VersionId }
  const hold = {
    Mode: 'COMPLIANCE' as const,
    RetainUntilDate: at(40),
    EventHold: 'ON' as const,
    EventHoldDuration: { Days: 60 },
  }
  if (lockCase.first === 'release')
    await rootOf(sandbox).send(new PutObjectLegalHoldCommand({ ...version, LegalHold: { Status: 'OFF' } }))
  if (lockCase.first?.startsWith('event-hold') === true)
    await rootOf(sandbox).send(new PutObjectRetentionCommand({ ...version, Retention: hold }))
  if (lockCase.first === 'event-hold-and-off')
    await rootOf(sandbox).send(new PutObjectRetentionCommand({ ...version, Retention: { EventHold: 'OFF' } }))
  clock.turn((lockCase.afterDays ?? 0) * dayMs)
  const client = rootOf(sandbox)
  const bypass = lockCase.bypass === true ? { BypassGovernanceRetention: true } : {}
  if (lockCase.do === 'delete') return answer(client.send(new DeleteObjectCommand({ ...version, ...bypass })))
  const retention =
    lockCase.do === 'unretain'
      ? {}
      : { Mode: lockCase.mode, RetainUntilDate: new Date(clock.nowMs() + (lockCase.days ?? 0) * dayMs) }
  return answer(client.send(new PutObjectRetentionCommand({ ...version, ...bypass, Retention: retention })))
}

describe('Object Lock refuses, also for root', () => {
  test.each(
    (cases as LockCase[]).map((lockCase): [string, LockCase] => [
      `${lockCase.name}: ${lockCase.answer}`,
      lockCase,
    ]),
  )('%s', async (_name, lockCase) => {
    expect(await play(lockCase)).toBe(lockCase.answer)
  })
})

describe('Object Lock of a bucket', async () => {
  const sandbox = await startWorld()
  const client = rootOf(sandbox)

  test("can't be suspended with versioning, nor disabled", async () => {
    expect(
      await codeOf(
        client.send(
          new PutBucketVersioningCommand({
            Bucket: 'locked',
            VersioningConfiguration: { Status: 'Suspended' },
          }),
        ),
      ),
    ).toBe('InvalidBucketState')
    const off = await send(sandbox, {
      method: 'PUT',
      path: '/locked?object-lock',
      credentials: sandbox.rootCredentials(vaultAccount),
      body: '<ObjectLockConfiguration><ObjectLockEnabled>Disabled</ObjectLockEnabled></ObjectLockConfiguration>',
      headers: { 'content-md5': 'x' },
    })
    expect(off.status).toBe(400)
  })

  test('applies a new default to new versions only, and takes days or years but not both', async () => {
    const set = (DefaultRetention: object) =>
      client.send(
        new PutObjectLockConfigurationCommand({
          Bucket: 'locked',
          ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention } },
        }),
      )
    const before = await client.send(new PutObjectCommand({ Bucket: 'locked', Key: 'before', Body: 'x' }))
    await set({ Mode: 'GOVERNANCE', Days: 1 })
    const stored = await client.send(
      new GetObjectRetentionCommand({ Bucket: 'locked', Key: 'before', VersionId: before.VersionId }),
    )
    expect(stored.Retention?.Mode).toBe('COMPLIANCE')
    await client.send(new PutObjectCommand({ Bucket: 'locked', Key: 'after', Body: 'x' }))
    expect(
      (await client.send(new GetObjectRetentionCommand({ Bucket: 'locked', Key: 'after' }))).Retention?.Mode,
    ).toBe('GOVERNANCE')
    expect(await codeOf(set({ Mode: 'COMPLIANCE', Days: 1, Years: 1 }))).toBe('MalformedXML')
    expect(await codeOf(set({ Mode: 'COMPLIANCE' }))).toBe('MalformedXML')
    expect(await codeOf(set({ Mode: 'COMPLIANCE', Days: 0 }))).toBe('InvalidArgument')
    await set({ Mode: 'COMPLIANCE', Years: 1 })
  })

  test('allows delete markers and newer versions, and keeps the versions below them', async () => {
    const { VersionId } = await client.send(
      new PutObjectCommand({ Bucket: 'locked', Key: 'hidden', Body: 'kept' }),
    )
    await client.send(new DeleteObjectCommand({ Bucket: 'locked', Key: 'hidden' }))
    await client.send(
      new PutObjectCommand({ Bucket: 'locked', Key: 'hidden', Body: 'overlaid', IfNoneMatch: '*' }),
    )
    const many = await client.send(
      new DeleteObjectsCommand({
        Bucket: 'locked',
        Delete: { Objects: [{ Key: 'hidden' }, { Key: 'hidden', VersionId }] },
      }),
    )
    expect(many.Errors).toEqual([expect.objectContaining({ Key: 'hidden', VersionId, Code: 'AccessDenied' })])
    expect(many.Deleted).toEqual([expect.objectContaining({ Key: 'hidden', DeleteMarker: true })])
    const listing = await client.send(new ListObjectVersionsCommand({ Bucket: 'locked', Prefix: 'hidden' }))
    expect(listing.Versions?.map((version) => version.VersionId)).toContain(VersionId)
  })

  test('refuses a change of the encryption key, and logs the reason', async () => {
    const { VersionId } = await client.send(
      new PutObjectCommand({ Bucket: 'locked', Key: 'keyed', Body: 'x' }),
    )
    const KMSKeyArn = `arn:aws:kms:eu-central-1:${vaultAccount}:alias/aws/s3`
    expect(
      await codeOf(
        client.send(
          new UpdateObjectEncryptionCommand({
            Bucket: 'locked',
            Key: 'keyed',
            VersionId,
            ObjectEncryption: { SSEKMS: { KMSKeyArn } },
          }),
        ),
      ),
    ).toBe('AccessDenied')
    expect(sandbox.decisions.entries.at(-1)).toMatchObject({
      by: 'lock',
      action: 's3:UpdateObjectEncryption',
      allowed: false,
      result: expect.stringMatching(/^COMPLIANCE until/) as string,
    })
  })

  test('needs a digest with each upload', async () => {
    const put = (headers: Record<string, string>) =>
      send(sandbox, {
        method: 'PUT',
        path: '/governed/undigested',
        credentials: sandbox.rootCredentials(vaultAccount),
        body: 'x',
        headers,
      })
    expect(await put({})).toMatchObject({ status: 400, code: 'InvalidRequest' })
    expect(await put({ 'content-md5': createHash('md5').update('y').digest('base64') })).toMatchObject({
      status: 400,
      code: 'BadDigest',
    })
    expect(await put({ 'content-md5': 'not sixteen bytes' })).toMatchObject({
      status: 400,
      code: 'InvalidDigest',
    })
    expect((await put({ 'content-md5': createHash('md5').update('x').digest('base64') })).status).toBe(200)
  })
})

describe('the rules of retention', () => {
  const time = fc.integer({ min: 0, max: 1000 })
  const mode = fc.constantFrom('COMPLIANCE' as const, 'GOVERNANCE' as const)
  const retention = fc.record({ mode, untilMs: time })
  const lockOf = (heldRetention: { mode: Lock['mode']; untilMs: number }): Lock => ({
    ...heldRetention,
    legalHold: false,
    eventHold: null,
  })

  test('no accepted change lets a COMPLIANCE lock end sooner', () => {
    fc.assert(
      fc.property(time, fc.option(retention), time, fc.boolean(), (untilMs, requested, nowMs, bypass) => {
        fc.pre(untilMs > nowMs)
        const refused = reasonAgainstRetention(
          lockOf({ mode: 'COMPLIANCE', untilMs }),
          requested,
          nowMs,
          bypass,
        )
        expect(refused === null).toBe(
          requested !== null && requested.mode === 'COMPLIANCE' && requested.untilMs >= untilMs,
        )
      }),
    )
  })

  test('a version that is locked before a change without bypass is locked after it', () => {
    fc.assert(
      fc.property(retention, retention, time, time, (before, requested, nowMs, laterMs) => {
        fc.pre(
          laterMs >= nowMs &&
            before.untilMs > nowMs &&
            reasonAgainstRetention(lockOf(before), requested, nowMs, false) === null,
        )
        if (reasonAgainstDeletion(lockOf(before), laterMs, false) !== null)
          expect(reasonAgainstDeletion(lockOf(requested), laterMs, false)).not.toBeNull()
      }),
    )
  })

  test('an event hold never ends sooner than its duration', () => {
    fc.assert(
      fc.property(retention, time, time, (heldRetention, durationMs, nowMs) => {
        const held = { ...lockOf(heldRetention), eventHold: { durationMs, days: null, years: null } }
        expect(retentionOf(held, nowMs)?.untilMs).toBe(Math.max(heldRetention.untilMs, nowMs + durationMs))
      }),
    )
  })
})
