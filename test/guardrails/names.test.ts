import { describe, expect, it, test } from 'vitest'
import * as vaultKeys from '../../core/store/vault-keys.ts'
import {
  agentRoleArn,
  auditBucketName,
  dutyRoleArn,
  everyRegion,
  externalIdOf,
  feedbackBucketBeside,
  feedbackBucketName,
  feedbackPrefix,
  issuerName,
  keyPrefixes,
  manifestFolder,
  oidcProviderArn,
  sourcePrefix,
  toolkitBucketName,
  toolkitKey,
  vaultBucketName,
  writerRoleArn,
  writerRoleName,
} from '../../guardrails/names.ts'

const location = { accountId: '111111111111', region: 'eu-central-1' }

describe('names follow from account, region and source', () => {
  it.each([
    [vaultBucketName(location), 'holdfast-vault-111111111111-eu-central-1'],
    [feedbackBucketName(location), 'holdfast-feedback-111111111111-eu-central-1'],
    [
      writerRoleArn(location.accountId, 'rental-db'),
      'arn:aws:iam::111111111111:role/holdfast/holdfast-writer-rental-db',
    ],
    [
      dutyRoleArn(location.accountId, 'custodian'),
      'arn:aws:iam::111111111111:role/holdfast/holdfast-custodian',
    ],
    [
      agentRoleArn('222222222222', 'staging'),
      'arn:aws:iam::222222222222:role/holdfast-agents/holdfast-agent-staging',
    ],
    [
      oidcProviderArn(location.accountId, 'https://oidc.example.com/a/'),
      'arn:aws:iam::111111111111:oidc-provider/oidc.example.com/a',
    ],
    [externalIdOf('rental-db'), 'holdfast/rental-db'],
    [issuerName('https://oidc.example.com/'), 'oidc.example.com'],
  ])('%s', (name, expected) => {
    expect(name).toBe(expected)
  })

  it('end in `-an` in the namespace of the account and the region', () => {
    const regional = { ...location, namespace: 'account-regional' as const }
    expect(
      [vaultBucketName, feedbackBucketName, auditBucketName, toolkitBucketName].map((nameOf) =>
        nameOf(regional),
      ),
    ).toEqual(
      ['vault', 'feedback', 'audit', 'toolkit'].map(
        (kind) => `holdfast-${kind}-111111111111-eu-central-1-an`,
      ),
    )
    // A deny on the buckets of every region matches those of both namespaces.
    expect(vaultBucketName(everyRegion(regional))).toBe('holdfast-vault-111111111111-*')
  })

  it('the longest of each is no longer than AWS allows', () => {
    expect(
      feedbackBucketName({ ...location, region: 'ap-northeast-1', namespace: 'account-regional' }).length,
    ).toBeLessThanOrEqual(63)
    expect(writerRoleName('a'.repeat(48)).length).toBeLessThanOrEqual(64)
  })
})

describe('the feedback bucket', () => {
  test.each([location, { ...location, namespace: 'account-regional' as const }])(
    'is found from the name of the vault bucket beside it',
    (at) => {
      expect(feedbackBucketBeside(vaultBucketName(at))).toBe(feedbackBucketName(at))
    },
  )

  test('of a bucket with another name is unknown', () => {
    for (const name of ['my-vault', 'holdfast-vault-1', 'x-holdfast-vault-111111111111-eu-west-1'])
      expect(feedbackBucketBeside(name)).toBeNull()
  })
})

describe('prefixes of keys', () => {
  test('are those under which the product writes', () => {
    expect(keyPrefixes.sources).toBe(vaultKeys.sourcesPrefix)
    expect(sourcePrefix('rental-db')).toBe(vaultKeys.sourcePrefix('rental-db'))
    expect(`${sourcePrefix('rental-db')}${manifestFolder}`).toBe(vaultKeys.manifestPrefix('rental-db'))
    expect(keyPrefixes.receipts).toBe(vaultKeys.receiptsPrefix)
    expect(keyPrefixes.acknowledgements).toBe(vaultKeys.acknowledgementsPrefix)
  })

  test('are folders of their own', () => {
    const prefixes = Object.values(keyPrefixes)
    expect(prefixes.filter((prefix) => !/^[a-z]+\/$/.test(prefix))).toEqual([])
    expect(new Set(prefixes).size).toBe(prefixes.length)
    expect(sourcePrefix('a')).toBe('sources/a/')
    expect(feedbackPrefix('a')).toBe('feedback/a/')
    expect(toolkitKey('1.0.0', 'ab', 'x.tgz')).toBe('toolkit/1.0.0/ab/x.tgz')
  })
})
