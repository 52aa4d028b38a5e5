import { IAMClient, GetRoleCommand, ListRolesCommand } from '@aws-sdk/client-iam'
import { afterAll, describe, expect, test } from 'vitest'
import { IdentityService } from '../../../../aws/identity-service.ts'
import type { DeclaredRole } from '../../../../lab/sandbox/declaration.ts'
import { codeOf, declareCloud, region, startWorld, vaultAccount } from '../world.ts'

const trust = { Version: '2012-10-17', Statement: [{ Sid: 'Päth/+ %', Effect: 'Allow' }] }
const document = { Version: '2012-10-17', Statement: [] }
const attached = 'arn:aws:iam::aws:policy/ReadOnlyAccess'
const boundary = `arn:aws:iam::${vaultAccount}:policy/limit`
const role: DeclaredRole = {
  accountId: vaultAccount,
  arn: `arn:aws:iam::${vaultAccount}:role/path/one`,
  name: 'one',
  path: '/path/',
  maxSessionSeconds: 3600,
  trust,
  policies: [
    { name: 'duty', document },
    { name: attached, document },
  ],
  boundary: { name: boundary, document },
  tags: {},
}
const sandbox = await startWorld({ declaration: { ...declareCloud([]), roles: [role] } })
const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
const { endpoint } = sandbox
const iam = new IdentityService({
  region,
  endpoint,
  credentials: () => Promise.resolve({ accessKeyId, secretAccessKey }),
})
const clientOf = (secret: string) => {
  const client = new IAMClient({
    region,
    endpoint,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey: secret },
  })
  afterAll(() => client.destroy())
  return client
}
afterAll(() => iam.close())

describe('a role', () => {
  test('is shown with its documents as they were declared, and attached policies by their ARNs', async () => {
    expect(await iam.readRole(role.arn)).toEqual({
      trustJson: JSON.stringify(trust),
      inline: [{ name: 'duty', json: JSON.stringify(document) }],
      attachedArns: [attached],
      boundaryArn: boundary,
    })
  })

  test('that is not declared is not found', async () => {
    await expect(iam.readRole(role.arn.replace('/one', '/other'))).rejects.toMatchObject({
      code: 'not-found',
    })
  })

  test('of the same name and another path is not taken for it', async () => {
    await expect(iam.readRole(role.arn.replace('/path/', '/'))).rejects.toMatchObject({ code: 'not-found' })
  })
})

test('what is not emulated is refused, and so is a wrong signature', async () => {
  expect(await codeOf(clientOf(secretAccessKey).send(new ListRolesCommand({})))).toBe('InvalidAction')
  expect(await codeOf(clientOf('wrong').send(new GetRoleCommand({ RoleName: 'one' })))).toBe(
    'SignatureDoesNotMatch',
  )
})
