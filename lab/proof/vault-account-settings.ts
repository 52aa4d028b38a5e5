// Settings of the vault's account that no policy of IAM states: no public bucket, no key that only a caller holds, and
// names that no other account can take. And the mutants of these settings.
import { bucketNamespaces } from '../../guardrails/names.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import type { Setting } from './setting.ts'

const bucketType = 'aws:s3/bucket:Bucket'
const encryptionType =
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration'
const policyType = 'aws:organizations/policy:Policy'
const attachmentType = 'aws:organizations/policyAttachment:PolicyAttachment'

interface EncryptionRule {
  blockedEncryptionTypes?: string[]
}

const rulesOf = ({ inputs }: RecordedResource) => inputs['rules'] as EncryptionRule[]
const isPublicAccessPolicy = ({ type, inputs }: RecordedResource) =>
  type === policyType && inputs['type'] === 'S3_POLICY'
const withInputs = (resource: RecordedResource, change: Record<string, unknown>): RecordedResource => ({
  ...resource,
  inputs: { ...resource.inputs, ...change },
})

export function vaultAccountSettings(
  resources: readonly RecordedResource[],
  { vaultAccountId, detached, bucketNamespace }: HoldfastConfig,
): Setting[] {
  const ofType = (type: string) => resources.filter((resource) => resource.type === type)
  return [
    ...(detached
      ? []
      : [
          {
            name: 'vault account: public access',
            sentence: "The organization blocks public access to every bucket of the vault's account.",
            holds: resources.some(
              (resource) =>
                isPublicAccessPolicy(resource) &&
                blocksAll(resource) &&
                isAttached(resource, vaultAccountId, resources),
            ),
          },
        ]),
    ...ofType(encryptionType).map((encryption) => ({
      name: `bucket ${encryption.name}: customer keys`,
      sentence: `The bucket ${encryption.name} takes no object under a key that only the caller holds (SSE-C).`,
      holds: rulesOf(encryption).every((rule) => rule.blockedEncryptionTypes?.includes('SSE-C') === true),
    })),
    ...(bucketNamespace === 'global'
      ? []
      : ofType(bucketType).map(({ name, inputs }) => ({
          name: `bucket ${name}: namespace`,
          sentence: `No other account can take the name of the bucket ${name}.`,
          holds: inputs['bucketNamespace'] === bucketNamespace && String(inputs['bucket']).endsWith('-an'),
        }))),
  ]
}

function blocksAll({ inputs }: RecordedResource): boolean {
  const { s3_attributes: attributes } = JSON.parse(String(inputs['content'])) as {
    s3_attributes?: { public_access_block_configuration?: { '@@assign'?: string } }
  }
  return attributes?.public_access_block_configuration?.['@@assign'] === 'all'
}

function isAttached(
  { name }: RecordedResource,
  accountId: string,
  resources: readonly RecordedResource[],
): boolean {
  return resources.some(
    ({ type, inputs }) =>
      type === attachmentType &&
      inputs['policyId'] === `p-recorded-${name}` &&
      inputs['targetId'] === accountId,
  )
}

/** Each mutant replaces one resource by a copy without one of the settings. */
export function* vaultAccountMutants(
  resources: readonly RecordedResource[],
): Generator<{ id: string; from: RecordedResource; to: RecordedResource }> {
  for (const from of resources) {
    if (isPublicAccessPolicy(from))
      yield {
        id: 'vault account: public buckets',
        from,
        to: withInputs(from, {
          content: JSON.stringify({
            s3_attributes: { public_access_block_configuration: { '@@assign': 'none' } },
          }),
        }),
      }
    if (from.type === encryptionType)
      yield {
        id: `bucket ${from.name}: customer keys`,
        from,
        to: withInputs(from, {
          rules: rulesOf(from).map((rule) => ({ ...rule, blockedEncryptionTypes: undefined })),
        }),
      }
    if (from.type === bucketType && from.inputs['bucketNamespace'] !== undefined)
      yield {
        id: `bucket ${from.name}: a name in the global namespace`,
        from,
        to: withInputs(from, { bucketNamespace: bucketNamespaces[0] }),
      }
  }
}
