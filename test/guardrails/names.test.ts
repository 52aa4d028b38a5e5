import { describe, expect, it, test } from 'vitest'
import * as vaultKeys from '../../core/store/vault-keys.ts'
import {
  agentRoleArn,
  dutyRoleArn,
  externalIdOf,
  feedbackBucketName,
  feedbackPrefix,
  issuerName,
  keyPrefixes,
  oidcProviderArn,
  sourcePrefix,
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

  it('the longest of each is no longer than AWS allows', () => {
    expect(
      feedbackBucketName({ accountId: location.accountId, region: 'ap-northeast-1' }).length,
    ).toBeLessThanOrEqual(63)
    expect(writerRoleName('a'.repeat(48)).length).toBeLessThanOrEqual(64)
  })
})

describe('prefixes of keys', () => {
  test('are those under which the product writes', () => {
    expect(keyPrefixes.sources).toBe(vaultKeys.sourcesPrefix)
    expect(sourcePrefix('rental-db')).toBe(vaultKeys.sourcePrefix('rental-db'))
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
