import { PutObjectCommand } from '@aws-sdk/client-s3'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Credentials } from '../../../../lab/sandbox/identity/credentials.ts'
import type { Principal } from '../../../../lab/sandbox/identity/principal.ts'
import { send, signRequest, signerOf } from '../raw-request.ts'
import type { RawRequest } from '../raw-request.ts'
import { dayMs, productionAccount, rootOf, startWorld, vaultAccount } from '../world.ts'

const sandbox = await startWorld()
const root = sandbox.rootCredentials(vaultAccount)
await rootOf(sandbox).send(new PutObjectCommand({ Bucket: 'versioned', Key: 'signed', Body: 'x' }))

const minuteMs = 60_000
const read: RawRequest & { credentials: Credentials } = { path: '/versioned/signed', credentials: root }

function issueSession(expiresMs: number): Credentials {
  const principal: Principal = {
    kind: 'role-session',
    accountId: vaultAccount,
    arn: `arn:aws:sts::${vaultAccount}:assumed-role/tester/t`,
    session: {
      roleArn: `arn:aws:iam::${vaultAccount}:role/tester`,
      sessionName: 't',
      sourceIdentity: null,
      tags: {},
      policies: [],
      issuedMs: 0,
      chainDepth: 1,
      multiFactor: null,
      federated: {},
    },
  }
  return sandbox.credentials.issue(principal, expiresMs)
}

describe('a signature in headers', () => {
  test('is accepted from the key that made it', async () => {
    expect(await send(sandbox, read)).toMatchObject({ status: 200, body: 'x' })
  })

  test("may differ from the sandbox's clock by up to 15 minutes", async () => {
    const now = sandbox.clock.nowMs()
    for (const skewMs of [-14 * minuteMs, 14 * minuteMs])
      expect((await send(sandbox, { ...read, signedMs: now + skewMs })).status).toBe(200)
    for (const skewMs of [-16 * minuteMs, 16 * minuteMs])
      expect(await send(sandbox, { ...read, signedMs: now + skewMs })).toMatchObject({
        status: 403,
        code: 'RequestTimeTooSkewed',
      })
  })

  test("is checked by the sandbox's clock, not by the wall clock", async () => {
    sandbox.clock.turn(400 * dayMs)
    expect((await send(sandbox, read)).status).toBe(200)
    expect(await send(sandbox, { ...read, signedMs: Date.now() })).toMatchObject({
      code: 'RequestTimeTooSkewed',
    })
    sandbox.clock.turn(-400 * dayMs)
  })

  test('of an unknown key is InvalidAccessKeyId, of a wrong secret SignatureDoesNotMatch', async () => {
    expect(
      await send(sandbox, { ...read, credentials: { ...root, accessKeyId: 'AKIAAAAAAAAAAAAAAAAA' } }),
    ).toMatchObject({ status: 403, code: 'InvalidAccessKeyId' })
    expect(
      await send(sandbox, { ...read, credentials: { ...root, secretAccessKey: 'wrong' } }),
    ).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' })
  })

  test('for another region, service or day is refused', async () => {
    expect(await send(sandbox, { ...read, signingRegion: 'us-east-1' })).toMatchObject({
      status: 400,
      code: 'AuthorizationHeaderMalformed',
    })
    expect(await send(sandbox, { ...read, service: 'sqs' })).toMatchObject({
      status: 501,
      code: 'NotImplemented',
    })
    const otherDay = await send(sandbox, {
      ...read,
      tamper: ({ headers }) =>
        void (headers.authorization = (headers.authorization ?? '').replace(/\/\d{8}\//, '/20200101/')),
    })
    expect(otherDay).toMatchObject({ status: 400, code: 'AuthorizationHeaderMalformed' })
  })

  test('is refused as malformed with any header, and never crashes the sandbox', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 120, unit: 'grapheme-ascii' }), async (text) => {
        const reply = await send(sandbox, {
          path: '/versioned/signed',
          headers: {
            authorization: `AWS4-HMAC-SHA256 ${text}`,
            'x-amz-date': '20260101T000000Z',
            'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
          },
        })
        expect(reply.status).toBeGreaterThanOrEqual(400)
        expect(reply.status).toBeLessThan(500)
      }),
      { numRuns: 60 },
    )
    expect(sandbox.defects).toEqual([])
  })

  test.each<[string, NonNullable<RawRequest['tamper']>]>([
    ['method of the path', (signed) => void (signed.path = '/versioned/signed2')],
    ['query', (signed) => void (signed.path = '/versioned/signed?versionId=null')],
    ['a signed header', ({ headers }) => void (headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD')],
    ['the host', ({ headers }) => void (headers.host = 'elsewhere.localhost')],
    [
      'a digit of the signature',
      ({ headers }) =>
        void (headers.authorization = (headers.authorization ?? '').replace(/.$/, (last) =>
          last === '0' ? '1' : '0',
        )),
    ],
    ['a signed header taken away', ({ headers }) => void delete headers['x-amz-content-sha256']],
  ])('notices a change of %s', async (_what, tamper) => {
    const reply = await send(sandbox, { ...read, tamper })
    expect([400, 403]).toContain(reply.status)
    expect(['SignatureDoesNotMatch', 'InvalidRequest']).toContain(reply.code)
  })

  test('must cover every header that S3 uses', async () => {
    const reply = await send(sandbox, {
      ...read,
      method: 'PUT',
      body: 'y',
      tamper: ({ headers }) => void (headers['x-amz-bypass-governance-retention'] = 'true'),
    })
    expect(reply).toMatchObject({ status: 403, code: 'AccessDenied' })
    expect(reply.body).toContain('x-amz-bypass-governance-retention')
  })

  test('covers repeated headers as they came', async () => {
    const signed = await signRequest(sandbox, { ...read, headers: { 'x-amz-meta-a': 'one,two' } })
    expect((await send(sandbox, { path: signed.path, headers: signed.headers })).status).toBe(200)
  })

  test('of a changed body is XAmzContentSHA256Mismatch, and nothing is stored', async () => {
    const put = { path: '/versioned/swapped', method: 'PUT', credentials: root, body: 'real' }
    const signed = await signRequest(sandbox, put)
    expect(
      await send(sandbox, { path: put.path, method: 'PUT', headers: { ...signed.headers }, body: 'fake' }),
    ).toMatchObject({ status: 400, code: 'XAmzContentSHA256Mismatch' })
    expect((await send(sandbox, { path: put.path, credentials: root })).status).toBe(404)
  })

  test('sent twice is refused by If-None-Match the second time', async () => {
    const put = {
      path: '/versioned/replayed',
      method: 'PUT',
      credentials: root,
      body: 'once',
      headers: { 'if-none-match': '*' },
    }
    const signed = await signRequest(sandbox, put)
    const replay = () =>
      send(sandbox, { path: put.path, method: 'PUT', headers: { ...signed.headers }, body: 'once' })
    expect((await replay()).status).toBe(200)
    expect(await replay()).toMatchObject({ status: 412, code: 'PreconditionFailed' })
  })
})

describe('session credentials', () => {
  test("work until they expire by the sandbox's clock", async () => {
    const session = issueSession(sandbox.clock.nowMs() + 900_000)
    expect((await send(sandbox, { ...read, credentials: session })).status).toBe(200)
    sandbox.clock.turn(900_000)
    expect(await send(sandbox, { ...read, credentials: session })).toMatchObject({
      status: 400,
      code: 'ExpiredToken',
    })
    sandbox.clock.turn(-900_000)
  })

  test('without their token are unknown, with another one InvalidToken; so is a token with a root key', async () => {
    const session = issueSession(sandbox.clock.nowMs() + 900_000)
    expect(await send(sandbox, { ...read, credentials: { ...session, sessionToken: null } })).toMatchObject({
      status: 403,
      code: 'InvalidAccessKeyId',
    })
    expect(
      await send(sandbox, { ...read, credentials: { ...session, sessionToken: `${session.sessionToken}A` } }),
    ).toMatchObject({ code: 'InvalidToken' })
    expect(
      await send(sandbox, { ...read, credentials: { ...root, sessionToken: session.sessionToken } }),
    ).toMatchObject({ code: 'InvalidToken' })
  })
})

describe('a presigned URL', () => {
  const presign = async (expiresIn: number, signedMs = sandbox.clock.nowMs()) => {
    const signed = await signerOf(root).presign(
      {
        method: 'GET',
        protocol: 'http:',
        hostname: '127.0.0.1',
        path: '/versioned/signed',
        query: {},
        headers: { host: `127.0.0.1:${sandbox.port}`, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
      },
      { expiresIn, signingDate: new Date(signedMs) },
    )
    return `/versioned/signed?${new URLSearchParams(signed.query as Record<string, string>).toString()}`
  }

  test('opens its object until it expires', async () => {
    const path = await presign(60)
    expect((await send(sandbox, { path })).status).toBe(200)
    sandbox.clock.turn(61_000)
    expect(await send(sandbox, { path })).toMatchObject({
      status: 403,
      code: 'AccessDenied',
      body: expect.stringContaining('Request has expired') as string,
    })
    sandbox.clock.turn(-61_000)
  })

  test("can't be extended, redirected or dated ahead", async () => {
    const path = await presign(60)
    expect(
      await send(sandbox, { path: path.replace('X-Amz-Expires=60', 'X-Amz-Expires=600') }),
    ).toMatchObject({ code: 'SignatureDoesNotMatch' })
    expect(await send(sandbox, { path: path.replace('/signed?', '/other?') })).toMatchObject({
      code: 'SignatureDoesNotMatch',
    })
    expect(
      await send(sandbox, { path: path.replace('X-Amz-Expires=60', 'X-Amz-Expires=604801') }),
    ).toMatchObject({ code: 'AuthorizationQueryParametersError' })
    expect(
      (await send(sandbox, { path: await presign(60, sandbox.clock.nowMs() + 16 * minuteMs) })).status,
    ).toBe(403)
  })

  test('beside an Authorization header is refused', async () => {
    expect(
      await send(sandbox, { path: await presign(60), headers: { authorization: 'AWS4-HMAC-SHA256 x' } }),
    ).toMatchObject({ status: 400, code: 'InvalidArgument' })
  })
})

test("the host's first label is the bucket in virtual-hosted requests", async () => {
  const reply = await send(sandbox, {
    path: '/signed',
    credentials: root,
    headers: { host: `versioned.localhost:${sandbox.port}` },
  })
  expect(reply).toMatchObject({ status: 200, body: 'x' })
})

test('another account and an anonymous caller get AccessDenied', async () => {
  expect(
    await send(sandbox, { ...read, credentials: sandbox.rootCredentials(productionAccount) }),
  ).toMatchObject({ status: 403, code: 'AccessDenied' })
  expect(await send(sandbox, { path: '/versioned/signed' })).toMatchObject({
    status: 403,
    code: 'AccessDenied',
  })
})
