import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { AssumeRoleCommand } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  accountIds,
  allow,
  bucket,
  cloud,
  deny,
  named,
  policy,
  role,
  trust,
} from '../authorization/declaration.ts'
import { codeOf, startStsCloud } from './cloud.ts'
import type { StsCloud } from './cloud.ts'

const { vault, production } = accountIds
const app = role(production, 'app', { policies: [named(policy(allow('sts:AssumeRole')))] })
const writer = role(vault, 'writer', {
  trust: trust({ AWS: app.arn }),
  policies: [named(policy(allow('s3:PutObject', 'arn:aws:s3:::vault/sources/a/*')))],
})
const vaultBucket = bucket(vault, 'vault', {
  policy: policy(
    deny('s3:PutObject', 'arn:aws:s3:::vault/*', {
      Sid: 'NewKeysOnly',
      Principal: '*',
      Condition: { Null: { 's3:if-none-match': 'true' } },
    }),
  ),
})

let running: StsCloud
let s3: S3Client
beforeAll(async () => {
  running = await startStsCloud(cloud({ roles: [app, writer], buckets: [vaultBucket] }))
  const { Credentials: credentials } = await running
    .clientOf(app.arn)
    .send(new AssumeRoleCommand({ RoleArn: writer.arn, RoleSessionName: 'session' }))
  s3 = new S3Client({
    endpoint: running.sandbox.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: {
      accessKeyId: credentials?.AccessKeyId ?? '',
      secretAccessKey: credentials?.SecretAccessKey ?? '',
      sessionToken: credentials?.SessionToken ?? '',
    },
  })
})
afterAll(async () => {
  s3.destroy()
  expect(running.sandbox.defects).toEqual([])
  await running.stop()
})

const put = (Key: string, input: Record<string, unknown> = {}) =>
  codeOf(s3.send(new PutObjectCommand({ Bucket: 'vault', Key, Body: 'x', IfNoneMatch: '*', ...input })))

describe('a session of a writer role, against the bucket', () => {
  it.for([
    ['sources/a/x', {}, 'none'],
    ['sources/b/x', {}, 'AccessDenied'],
    ['*', {}, 'AccessDenied'],
    ['sources/a/*', {}, 'none'],
    ['sources/a/y', { IfNoneMatch: undefined }, 'AccessDenied'],
    ['sources/a/z\n', { IfNoneMatch: undefined }, 'AccessDenied'],
  ] as const)('puts %j with %j: %s', async ([key, input, code]) => {
    expect(await put(key, input)).toBe(code)
  })

  it('reads and lists nothing', async () => {
    expect(await codeOf(s3.send(new GetObjectCommand({ Bucket: 'vault', Key: 'sources/a/x' })))).toBe(
      'AccessDenied',
    )
    expect(await codeOf(s3.send(new ListObjectsV2Command({ Bucket: 'vault' })))).toBe('AccessDenied')
  })
})
