import { afterEach, describe, expect, test } from 'vitest'
import { IdentityService, roleNameOf } from '../../aws/identity-service.ts'
import { sendXml, startScriptedServer } from './scripted-server.ts'
import type { ScriptedServer } from './scripted-server.ts'
import { startScriptedIam } from './scripted-iam.ts'
import type { ScriptedIam } from './scripted-iam.ts'

const roleArn = 'arn:aws:iam::111122223333:role/team/ci'
const open: { stop(): unknown }[] = []

afterEach(() => Promise.all(open.splice(0).map((server) => server.stop())))

function connect(server: ScriptedServer): IdentityService {
  const iam = new IdentityService({
    endpoint: server.endpoint,
    credentials: () => Promise.resolve({ accessKeyId: 'AKID', secretAccessKey: 's' }),
  })
  open.push(server, { stop: () => iam.close() })
  return iam
}

async function serve(
  iam: Omit<ScriptedIam, 'roleArn'>,
): Promise<{ iam: IdentityService; calls: () => Record<string, string>[] }> {
  const server = await startScriptedIam({ roleArn, ...iam })
  return { iam: connect(server), calls: server.calls }
}

const statement = (Sid: string): object => ({
  Version: '2012-10-17',
  Statement: [{ Sid, Effect: 'Allow', Action: '*', Resource: '*' }],
})

describe('a role', () => {
  test('is read with everything that limits it, page by page', async () => {
    const attached = {
      'arn:aws:iam::111122223333:policy/x': statement('x'),
      'arn:aws:iam::aws:policy/y': statement('y'),
    }
    const boundary = { arn: 'arn:aws:iam::111122223333:policy/b', document: statement('b') }
    const { iam, calls } = await serve({
      inline: { a: statement('a'), 'c=d': statement('c') },
      attached,
      boundary,
      pageSize: 1,
    })
    const role = await iam.readPrincipal(roleArn)
    expect(role.arn).toBe(roleArn)
    expect(role.identity.map(({ name, json }) => [name, JSON.parse(json) as unknown])).toEqual([
      ['a', statement('a')],
      ['c=d', statement('c')],
      ...Object.entries(attached),
    ])
    expect(JSON.parse(role.boundary!.json)).toEqual(statement('b'))
    expect(calls().filter(({ Action }) => Action === 'ListRolePolicies')).toMatchObject([
      { RoleName: 'ci' },
      { Marker: '1' },
    ])
  })

  // IAM finds a role by its name alone, in the account of the credentials.
  test.each([
    ['another path', 'arn:aws:iam::111122223333:role/people/ci'],
    ['no path', 'arn:aws:iam::111122223333:role/ci'],
    ['another account', 'arn:aws:iam::444455556666:role/team/ci'],
  ])('of %s is another role, although it has the same name', async (_difference, arn) => {
    const { iam, calls } = await serve({ inline: { a: statement('a') } })
    await expect(iam.readPrincipal(arn)).rejects.toMatchObject({
      code: 'not-found',
      message: `${arn} doesn't exist: that name belongs to ${roleArn}`,
    })
    await expect(iam.putRolePolicy(arn, 'revoked', '{}')).rejects.toMatchObject({ code: 'not-found' })
    expect(calls().map(({ Action }) => Action)).toEqual(['GetRole', 'GetRole'])
  })

  test('is found by its name, with its path', async () => {
    const { iam } = await serve({})
    expect(await iam.findRole('ci')).toBe(roleArn)
  })

  test.each([
    ['NoSuchEntity', 404, 'not-found'],
    ['AccessDenied', 403, 'denied'],
    ['InvalidClientTokenId', 403, 'credentials'],
    ['ValidationError', 400, 'invalid-input'],
  ])('that IAM refuses with %s is `%s %s`', async (name, status, code) => {
    const iam = connect(
      await startScriptedServer((_request, response) => {
        response.writeHead(status, { 'content-type': 'text/xml' })
        response.end(
          `<ErrorResponse><Error><Type>Sender</Type><Code>${name}</Code><Message>about it</Message></Error></ErrorResponse>`,
        )
      }),
    )
    await expect(iam.readPrincipal(roleArn)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(roleArn) as string,
    })
  })

  test("with pages that don't end is an error", async () => {
    const server = await startScriptedServer(({ body }, response) => {
      const action = new URLSearchParams(body.toString()).get('Action')!
      const inside =
        action === 'GetRole'
          ? `<Role><Arn>${roleArn}</Arn></Role>`
          : '<PolicyNames/><IsTruncated>true</IsTruncated><Marker>again</Marker>'
      sendXml(response, `<${action}Response><${action}Result>${inside}</${action}Result></${action}Response>`)
    })
    await expect(connect(server).readPrincipal(roleArn)).rejects.toMatchObject({ code: 'unreachable' })
    expect(server.requests.length).toBeLessThan(10)
  })

  test('whose document is not decodable is an error, and never an empty document', async () => {
    const server = await startScriptedServer(({ body }, response) => {
      const action = new URLSearchParams(body.toString()).get('Action')!
      const inside =
        {
          GetRole: `<Role><Arn>${roleArn}</Arn></Role>`,
          ListRolePolicies: '<PolicyNames><member>a</member></PolicyNames>',
          GetRolePolicy: '<PolicyDocument>%zz</PolicyDocument>',
        }[action] ?? ''
      sendXml(response, `<${action}Response><${action}Result>${inside}</${action}Result></${action}Response>`)
    })
    await expect(connect(server).readPrincipal(roleArn)).rejects.toMatchObject({ code: 'unreachable' })
  })
})

describe('a simulation', () => {
  test('is one decision per action and resource, from every page', async () => {
    const { iam } = await serve({
      pageSize: 1,
      simulate: (action, resource) => ({
        decision: resource === '*' || action === 'ec2:DeleteSnapshot' ? 'implicitDeny' : 'allowed',
        missing: ['aws:TagKeys'],
      }),
    })
    const decisions = await iam.simulatePrincipal(
      roleArn,
      ['ec2:DeleteVolume', 'ec2:DeleteSnapshot'],
      ['*', 'arn:aws:ec2:*:*:volume/v'],
    )
    expect(
      decisions.map(({ action, resource, allowed, missingContext }) => [
        action,
        resource,
        allowed,
        missingContext,
      ]),
    ).toEqual([
      ['ec2:DeleteVolume', '*', false, ['aws:TagKeys']],
      ['ec2:DeleteVolume', 'arn:aws:ec2:*:*:volume/v', true, ['aws:TagKeys']],
      ['ec2:DeleteSnapshot', '*', false, ['aws:TagKeys']],
      ['ec2:DeleteSnapshot', 'arn:aws:ec2:*:*:volume/v', false, ['aws:TagKeys']],
    ])
  })
})

test('a policy is written to the role of that name', async () => {
  const { iam, calls } = await serve({})
  await iam.putRolePolicy(roleArn, 'revoked', '{"a":1}')
  expect(calls()).toMatchObject([
    { Action: 'GetRole' },
    { Action: 'PutRolePolicy', RoleName: 'ci', PolicyName: 'revoked', PolicyDocument: '{"a":1}' },
  ])
})

test('a policy is written without the right to read the role', async () => {
  const { iam, calls } = await serve({ denies: (action) => action === 'GetRole' })
  await iam.putRolePolicy(roleArn, 'revoked', '{}')
  expect(calls().map(({ Action }) => Action)).toEqual(['GetRole', 'PutRolePolicy'])
})

test.each([
  '',
  'ci',
  'arn:aws:iam::111122223333:user/ci',
  'arn:aws:iam::1:role/ci',
  `${roleArn}\n`,
  'arn:aws:iam::111122223333:role/a b',
  `arn:aws:iam::111122223333:role/${'a/'.repeat(400)}x`,
])('%j is not the ARN of a role', (arn) => {
  expect(() => roleNameOf(arn)).toThrow('not the ARN of a role')
})
