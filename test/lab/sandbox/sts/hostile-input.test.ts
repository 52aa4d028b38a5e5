import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anyCharacter } from '../../../fixtures/any-character.ts'
import { cloud, accountIds, role } from '../authorization/declaration.ts'
import { startStsCloud } from './cloud.ts'
import type { StsCloud } from './cloud.ts'

const target = role(accountIds.vault, 'target')
let running: StsCloud
beforeAll(async () => {
  running = await startStsCloud(cloud({ roles: [target] }))
})
afterAll(async () => {
  expect(running.sandbox.defects).toEqual([])
  await running.stop()
})

async function post(
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<{ status: number; code: string; text: string }> {
  const response = await fetch(running.sandbox.endpoint, {
    method: 'POST',
    body: new Uint8Array(Buffer.from(body)),
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', ...headers },
  })
  const text = await response.text()
  return { status: response.status, code: /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? '', text }
}

const web = (parameters: Record<string, string>) =>
  new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: target.arn,
    RoleSessionName: 'session',
    WebIdentityToken: 'aaaa',
    ...parameters,
  }).toString()

describe('the query protocol', () => {
  it.for([
    ['no action', '', 400, 'MissingAction'],
    ['an action twice', 'Action=GetCallerIdentity&Action=AssumeRole', 400, 'MalformedQueryString'],
    ['a parameter twice', `${web({})}&RoleArn=x`, 400, 'MalformedQueryString'],
    ['an unknown action', 'Action=Nope', 400, 'InvalidAction'],
    ['a name of an object', 'Action=constructor', 400, 'InvalidAction'],
    ['another version', 'Action=GetCallerIdentity&Version=2010-05-08', 400, 'InvalidAction'],
    ['no signature', 'Action=AssumeRole&Version=2011-06-15', 403, 'MissingAuthenticationToken'],
    [
      'no signature for who am I',
      'Action=GetCallerIdentity&Version=2011-06-15',
      403,
      'MissingAuthenticationToken',
    ],
    ['a broken escape', 'Action=%zz', 400, 'MalformedQueryString'],
    ['bytes that are no text', 'Action=%ff%fe', 400, 'MalformedQueryString'],
    [
      'a thousand and one parameters',
      Array.from({ length: 1001 }, (_, at) => `p${at}=x`).join('&'),
      400,
      'MalformedQueryString',
    ],
    ['no role', web({ RoleArn: '' }), 400, 'ValidationError'],
    ['a role that is none', web({ RoleArn: 'arn:aws:iam::1:role/x-----------' }), 400, 'ValidationError'],
    ['markup for a role', web({ RoleArn: '<script>alert(1)</script>' }), 400, 'ValidationError'],
    ['a session name with a slash', web({ RoleSessionName: '../x' }), 400, 'ValidationError'],
    ['a session name with a line break', web({ RoleSessionName: 'ab\n' }), 400, 'ValidationError'],
    ['a long session name', web({ RoleSessionName: 'x'.repeat(65) }), 400, 'ValidationError'],
    ['a duration that is no number', web({ DurationSeconds: '1e3' }), 400, 'MalformedInput'],
    ['a duration beyond counting', web({ DurationSeconds: '9'.repeat(400) }), 400, 'MalformedInput'],
    ['a duration of zero', web({ DurationSeconds: '0' }), 400, 'ValidationError'],
    ['a token that is none', web({}), 400, 'InvalidIdentityToken'],
    ['what the sandbox lacks', 'Action=AssumeRoleWithSAML&Version=2011-06-15', 501, 'NotImplemented'],
  ] as const)('with %s', async ([, body, status, code]) => {
    expect(await post(body)).toMatchObject(
      status === 501 || code === 'MissingAuthenticationToken'
        ? { code: expect.stringMatching(/MissingAuthenticationToken|NotImplemented/) as string }
        : { status, code },
    )
  })

  it('never repeats markup as markup', async () => {
    const { text } = await post(web({ RoleArn: '<Code>Hacked</Code>&amp;"' }))
    expect(text).not.toContain('<Code>Hacked')
  })

  it('refuses a body beyond its limit', async () => {
    expect((await post(`Action=GetCallerIdentity&x=${'y'.repeat(300_000)}`)).status).toBeGreaterThanOrEqual(
      400,
    )
  })

  it('returns an error of AWS for any bytes, and keeps running', async () => {
    const names = fc.constantFrom(
      'Action',
      'Version',
      'RoleArn',
      'RoleSessionName',
      'WebIdentityToken',
      'DurationSeconds',
      'Policy',
      'PolicyArns.member.1.arn',
      'PolicyArns.member.0',
      'Tags.member.x',
      '__proto__',
    )
    const value = fc.oneof(
      fc.constantFrom('AssumeRoleWithWebIdentity', 'GetCallerIdentity', '2011-06-15', target.arn, '900'),
      fc.string({ unit: anyCharacter, maxLength: 40 }),
    )
    const form = fc
      .array(fc.tuple(names, value), { maxLength: 8 })
      .map((pairs) => new URLSearchParams(pairs).toString())
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          form,
          fc.string(),
          fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
        ),
        async (body) => {
          const { status, code } = await post(body)
          expect(status).toBeGreaterThanOrEqual(400)
          expect(status).toBeLessThan(500)
          expect(code).toMatch(/^[A-Za-z]+$/)
        },
      ),
      { numRuns: 150 },
    )
  })
})
