import { describe, expect, test } from 'vitest'
import type { S3Client } from '@aws-sdk/client-s3'
import { attempt } from '../../../../lab/incident/attack/attempt.ts'
import { ec2Attacks } from '../../../../lab/incident/attack/ec2-attacks.ts'
import { duties } from '../../../../lab/incident/attack/expectations.ts'
import { s3Attacks } from '../../../../lab/incident/attack/s3-attacks.ts'
import type { Attack } from '../../../../lab/incident/attack/attack.ts'

const target = {
  name: 'the vault',
  bucket: 'vault',
  victim: { key: 'k', versionId: 'v' },
  freshKey: 'f',
  nowMs: 0,
  accountId: '1',
  foreignKeyArn: 'arn:aws:kms:x',
  loot: 'own',
}
const answering = (answer: () => Promise<unknown>) => ({
  s3: { send: answer } as unknown as S3Client,
  callAccount: async () => void (await answer()),
})
const failing = (name: string, status?: number) =>
  answering(() =>
    Promise.reject(Object.assign(new Error('no'), { name, $metadata: { httpStatusCode: status } })),
  )
const tryOn = (intruder: ReturnType<typeof answering>, attack: Attack, decision = '') =>
  attempt(
    {
      who: 'someone',
      path: [],
      attack: attack.name,
      wall: attack.wall,
      what: attack.description,
      target: target.name,
      duty: null,
    },
    attack,
    () => attack.run(intruder, target),
    () => decision,
  )
const attackNamed = (name: string): Attack => s3Attacks.find((attack) => attack.name === name)!

describe('the outcome of an attack', () => {
  const cases: [string, string, number | undefined, string][] = [
    ['list-versions', 'AccessDenied', 403, 'refused'],
    ['suspend-versioning', 'InvalidBucketState', 409, 'refused'],
    ['list-versions', 'NotImplemented', 501, 'not-emulated'],
    ['delete-bucket', 'BucketNotEmpty', 409, 'allowed'],
    ['read-bucket-policy', 'NoSuchBucketPolicy', 404, 'allowed'],
    ['open-access-point', 'NotImplemented', 501, 'allowed'],
    ['overwrite-conditionally', 'PreconditionFailed', 412, 'refused'],
    ['add-conditionally', 'PreconditionFailed', 412, 'unclear'],
    // None of these is a refusal: the request was wrong, or no response came.
    ['list-versions', 'NoSuchBucket', 404, 'unclear'],
    ['list-versions', 'BucketNotEmpty', 409, 'unclear'],
    ['list-versions', 'InvalidAccessKeyId', 403, 'unclear'],
    ['list-versions', 'SignatureDoesNotMatch', 403, 'unclear'],
    ['list-versions', 'RequestTimeTooSkewed', 403, 'unclear'],
    ['list-versions', 'MalformedXML', 400, 'unclear'],
    ['list-versions', 'TimeoutError', undefined, 'unclear'],
  ]
  test.each(cases)('%s that fails with %s (%s) is %s', async (name, code, status, outcome) => {
    expect(await tryOn(failing(code, status), attackNamed(name))).toMatchObject({
      outcome,
      code,
      status: status ?? 0,
    })
  })

  test('a call that succeeds was allowed', async () => {
    const answer = await tryOn(
      answering(() => Promise.resolve({})),
      attackNamed('list-versions'),
      'x',
    )
    expect(answer).toMatchObject({ who: 'someone', outcome: 'allowed', code: 'ok' })
  })

  test.each(['Unknown', 'UnknownError', '403'])(
    'a HEAD that is forbidden has no code (%s), and is a refusal all the same',
    async (name) => {
      expect(await tryOn(failing(name, 403), attackNamed('head-version'))).toMatchObject({
        outcome: 'refused',
        code: 'AccessDenied',
      })
    },
  )

  test('a deletion of many that answers 200 with an error inside was not allowed', async () => {
    const inner = (Code: string) => answering(() => Promise.resolve({ Errors: [{ Code, Message: 'no' }] }))
    expect(await tryOn(inner('AccessDenied'), attackNamed('delete-many'))).toMatchObject({
      outcome: 'refused',
    })
    expect(await tryOn(inner('InternalError'), attackNamed('delete-many'))).toMatchObject({
      outcome: 'unclear',
    })
  })
})

test('every attack has a name of its own, in kebab-case', () => {
  const names = s3Attacks.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const name of names) expect(name).toMatch(/^[a-z]+(-[a-z]+)+$/)
})

test('each duty names an existing attack, so that a misspelt name exempts no row of the table', () => {
  const attackNames = new Set([...s3Attacks, ...ec2Attacks].map(({ name }) => name))
  expect(duties.flatMap(({ attacks }) => attacks).filter((name) => !attackNames.has(name))).toEqual([])
})
