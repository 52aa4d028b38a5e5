import type { S3Client } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { attempt } from '../../../../sandbox/drill/attack/attempt.ts'
import { s3Attacks } from '../../../../sandbox/drill/attack/s3-attacks.ts'
import type { Attack } from '../../../../sandbox/drill/attack/s3-attacks.ts'

const target = { bucket: 'vault', victim: { key: 'k', versionId: 'v' }, freshKey: 'f', nowMs: 0 }
const answering = (answer: () => Promise<unknown>) => ({ who: 'someone', client: { send: answer } as unknown as S3Client })
const failing = (name: string, status?: number) =>
  answering(() => Promise.reject(Object.assign(new Error('no'), { name, $metadata: { httpStatusCode: status } })))
const attackNamed = (name: string): Attack => s3Attacks.find((attack) => attack.name === name)!

describe('what came of an attack', () => {
  const cases: [string, string, number | undefined, string][] = [
    ['list-versions', 'AccessDenied', 403, 'refused'],
    ['suspend-versioning', 'InvalidBucketState', 409, 'refused'],
    ['list-versions', 'NotImplemented', 501, 'not-emulated'],
    ['delete-bucket', 'BucketNotEmpty', 409, 'allowed'],
    ['read-bucket-policy', 'NoSuchBucketPolicy', 404, 'allowed'],
    // None of these says that the intruder may not: the request was wrong, or nobody answered.
    ['list-versions', 'NoSuchBucket', 404, 'unclear'],
    ['list-versions', 'BucketNotEmpty', 409, 'unclear'],
    ['list-versions', 'InvalidAccessKeyId', 403, 'unclear'],
    ['list-versions', 'SignatureDoesNotMatch', 403, 'unclear'],
    ['list-versions', 'RequestTimeTooSkewed', 403, 'unclear'],
    ['list-versions', 'MalformedXML', 400, 'unclear'],
    ['list-versions', 'TimeoutError', undefined, 'unclear'],
  ]
  test.each(cases)('%s that fails with %s (%s) is %s', async (name, code, status, outcome) => {
    expect(await attempt(failing(code, status), attackNamed(name), target, () => '')).toMatchObject({ outcome, code, status: status ?? 0 })
  })

  test('a call that succeeds was allowed', async () => {
    const answer = await attempt(answering(() => Promise.resolve({})), attackNamed('list-versions'), target, () => 'x')
    expect(answer).toMatchObject({ who: 'someone', outcome: 'allowed', code: 'ok' })
  })

  test.each(['Unknown', 'UnknownError', '403'])('a HEAD that is forbidden has no code (%s), and is a refusal all the same', async (name) => {
    expect(await attempt(failing(name, 403), attackNamed('head-version'), target, () => '')).toMatchObject({ outcome: 'refused', code: 'AccessDenied' })
  })

  test('a deletion of many that answers 200 with an error inside was not allowed', async () => {
    const inner = (Code: string) => answering(() => Promise.resolve({ Errors: [{ Code, Message: 'no' }] }))
    expect(await attempt(inner('AccessDenied'), attackNamed('delete-many'), target, () => '')).toMatchObject({ outcome: 'refused' })
    expect(await attempt(inner('InternalError'), attackNamed('delete-many'), target, () => '')).toMatchObject({ outcome: 'unclear' })
  })
})

test('every attack has a name of its own, in kebab-case', () => {
  const names = s3Attacks.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const name of names) expect(name).toMatch(/^[a-z]+(-[a-z]+)+$/)
})
