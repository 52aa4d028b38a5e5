import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asDocument, readDocument, readRecordedAccount } from '../../blast-radius/policy-set.ts'
import { readStatedSafeguards } from '../../blast-radius/stated-safeguards.ts'
import { HoldfastError } from '../../core/errors.ts'
import { recordProgram } from '../../infra/recording.ts'
import { exampleConfig, withoutOrganization } from '../../lab/sandbox/loader/example-config.ts'
import { makeFolder } from '../restore-cli/command-line.ts'

const folder = makeFolder()
const document = { Version: '2012-10-17', Statement: [] }

function write(name: string, content: unknown): string {
  const file = join(folder, name)
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

describe('a policy document', () => {
  test("is JSON, or percent-encoded as IAM's API sends it", () => {
    expect(readDocument(write('p.json', document)).document).toEqual(document)
    expect(asDocument(encodeURIComponent(JSON.stringify(document)), 'p')).toEqual(document)
  })

  test.each([
    ['{', 'not JSON'],
    ['[]', 'no Statement'],
    ['{"Version":"2012-10-17"}', 'no Statement'],
    ['"text"', 'no Statement'],
    ['', 'not JSON'],
  ])('is not %j, and the error quotes no byte of it', (content, says) => {
    expect(() => readDocument(write('bad.json', content))).toThrow(says)
  })

  test('that contains a secret instead is not quoted', () => {
    const file = write('creds', 'aws_secret_access_key = verysecretvalue')
    expect(() => readDocument(file)).toThrow(expect.not.stringContaining('verysecret') as unknown)
    expect(() => readDocument(join(folder, 'absent'))).toThrow('ENOENT')
    expect(() => readDocument(folder)).toThrow('EISDIR')
  })

  test('with any content is read or is a HoldfastError', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          expect(asDocument(value, 'p')).toHaveProperty('Statement')
        } catch (error) {
          expect(error).toBeInstanceOf(HoldfastError)
        }
      }),
    )
  })
})

describe('a recorded account', () => {
  const role = 'arn:aws:iam::111122223333:role/ci'
  const account = {
    RoleDetailList: [
      {
        Arn: role,
        RolePolicyList: [{ PolicyName: 'in', PolicyDocument: document }],
        AttachedManagedPolicies: [{ PolicyName: 'x', PolicyArn: 'arn:x' }],
        PermissionsBoundary: { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: 'arn:b' },
        Tags: [{ Key: 'env', Value: 'staging' }],
      },
    ],
    Policies: ['arn:x', 'arn:b'].map((Arn) => ({
      Arn,
      PolicyVersionList: [
        { IsDefaultVersion: false, Document: {} },
        { IsDefaultVersion: true, Document: document },
      ],
    })),
  }

  test('has a role with all documents that limit it', () => {
    expect(readRecordedAccount(write('account.json', account)).policiesOf(role)).toEqual({
      principalArn: role,
      tags: { env: 'staging' },
      identity: [
        { name: 'in', document },
        { name: 'arn:x', document },
      ],
      boundary: { name: 'arn:b', document },
      session: null,
      scps: [],
    })
  })

  test.each([
    ['without the role', { ...account, RoleDetailList: [] }, 'not-found'],
    ['without a policy of the role', { ...account, Policies: account.Policies.slice(1) }, 'not-found'],
    ['without its boundary', { ...account, Policies: account.Policies.slice(0, 1) }, 'not-found'],
    ['with a page alone', { ...account, IsTruncated: true }, 'invalid-input'],
    ['that is none', { Roles: [] }, 'invalid-input'],
    ['that is a list', [], 'invalid-input'],
  ])('%s is refused, because a part of the policies decides nothing', (_what, content, code) => {
    expect(() => readRecordedAccount(write('half.json', content)).policiesOf(role)).toThrow(
      expect.objectContaining({ code }) as Error,
    )
  })
})

describe('the file of --brakes', () => {
  test("is the unchanged output of the production layer's stack", async () => {
    const { outputs } = await recordProgram({ ...exampleConfig, layer: 'production' })
    expect(readStatedSafeguards(write('production.json', outputs))).toEqual({
      'ec2:DeleteVolume': { days: 7, locked: true },
      'ec2:DeleteSnapshot': { days: 14, locked: true },
      'ec2:DeregisterImage': { days: 14, locked: true },
      'rbin:DeleteRule': {},
      'rbin:UpdateRule': {},
      'kms:ScheduleKeyDeletion': { days: 30 },
      'secretsmanager:DeleteSecret': { days: 30 },
    })
    const detached = await recordProgram({
      ...exampleConfig,
      ...withoutOrganization,
      layer: 'production',
    })
    expect(Object.keys(readStatedSafeguards(write('detached.json', detached.outputs)))).not.toContain(
      'secretsmanager:DeleteSecret',
    )
  })

  test('states safeguards by action', () => {
    const brakes = { 'ec2:DeleteVolume': { days: 7, locked: true }, 'dynamodb:DeleteTable': {} }
    expect(readStatedSafeguards(write('brakes.json', { formatVersion: 1, brakes }))).toEqual(brakes)
  })

  test.each([
    ['another version', { formatVersion: 2, brakes: {} }],
    ['an action without a brake', { formatVersion: 1, brakes: { 'ec2:DetachVolume': {} } }],
    ["an action that isn't one", { formatVersion: 1, brakes: { constructor: {} } }],
    ['more days than AWS gives', { formatVersion: 1, brakes: { 'ec2:DeleteVolume': { days: 30 } } }],
    ['days of a brake that has none', { formatVersion: 1, brakes: { 'dynamodb:DeleteTable': { days: 3 } } }],
    ['a misspelling', { formatVersion: 1, brakes: { 'ec2:DeleteVolume': { lock: true } } }],
  ])('with %s is refused', (_what, content) => {
    expect(() => readStatedSafeguards(write('bad-brakes.json', content))).toThrow(
      expect.objectContaining({ code: 'invalid-input' }) as Error,
    )
  })
})
