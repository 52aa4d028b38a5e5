import { describe, expect, it } from 'vitest'
import { publicAccessPolicy } from '../../../guardrails/organization-policies.ts'
import { renderPolicy } from '../../../guardrails/policy.ts'
import { readConfig } from '../../../infra/config-reader.ts'
import type { HoldfastConfig } from '../../../infra/config.ts'
import type { RecordedResource } from '../../../infra/recording.ts'
import { examinedConfigs } from '../../../lab/proof/examined-config.ts'
import { vaultAccountMutants, vaultAccountSettings } from '../../../lab/proof/vault-account-settings.ts'

const organization = readConfig({ ...examinedConfigs.organization, layer: 'vault' }, 0)
const detached = readConfig({ ...examinedConfigs.detached, layer: 'vault' }, 0)

function resource(type: string, name: string, inputs: Record<string, unknown>): RecordedResource {
  return {
    type,
    name,
    inputs,
    urn: `urn:${name}`,
    accountId: organization.vaultAccountId,
    region: 'eu-central-1',
    protect: true,
    retainOnDelete: true,
    parent: null,
    dependsOn: [],
  }
}

const policy = resource('aws:organizations/policy:Policy', 'vault-public-access', {
  type: 'S3_POLICY',
  content: renderPolicy(publicAccessPolicy()),
})
const attachment = resource('aws:organizations/policyAttachment:PolicyAttachment', 'vault', {
  policyId: 'p-recorded-vault-public-access',
  targetId: organization.vaultAccountId,
})
const encryption = resource(
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration',
  'vault',
  { rules: [{ blockedEncryptionTypes: ['SSE-C'] }] },
)
const bucket = resource('aws:s3/bucket:Bucket', 'vault', {
  bucket: 'holdfast-vault-111111111111-eu-central-1-an',
  bucketNamespace: 'account-regional',
})
const resources = [policy, attachment, encryption, bucket]

const broken = (list: readonly RecordedResource[], config: HoldfastConfig) =>
  vaultAccountSettings(list, config).flatMap(({ name, holds }) => (holds ? [] : [name]))

describe("the settings of the vault's account", () => {
  it('hold, and each mutant breaks the one that it is about', () => {
    const config = { ...organization, bucketNamespace: 'account-regional' as const }
    expect(vaultAccountSettings(resources, config)).toHaveLength(3)
    expect(broken(resources, config)).toEqual([])
    const noticed = [...vaultAccountMutants(resources)].map(({ id, from, to }) => [
      id,
      broken(
        resources.map((item) => (item === from ? to : item)),
        config,
      ),
    ])
    expect(noticed).toEqual([
      ['vault account: public buckets', ['vault account: public access']],
      ['bucket vault: customer keys', ['bucket vault: customer keys']],
      ['bucket vault: a name in the global namespace', ['bucket vault: namespace']],
    ])
  })

  it.each([
    ['is missing', [encryption]],
    ['is attached to no account', [policy, encryption]],
    [
      'is attached to another account',
      [policy, { ...attachment, inputs: { ...attachment.inputs, targetId: '222222222222' } }, encryption],
    ],
  ])('break if the S3 policy %s', (_case, list) => {
    expect(broken(list, organization)).toEqual(['vault account: public access'])
  })

  it('break if a name has the namespace and not its form', () => {
    const misnamed = { ...bucket, inputs: { ...bucket.inputs, bucket: 'holdfast-vault-111111111111' } }
    expect(broken([misnamed, encryption], detached)).toEqual(['bucket vault: namespace'])
  })

  it('have no S3 policy without an Organization, and no namespace where the configuration names none', () => {
    expect(vaultAccountSettings(resources, detached).map(({ name }) => name)).toEqual([
      'bucket vault: customer keys',
      'bucket vault: namespace',
    ])
    expect(vaultAccountSettings(resources, organization).map(({ name }) => name)).toEqual([
      'vault account: public access',
      'bucket vault: customer keys',
    ])
  })
})
