import { describe, expect, it } from 'vitest'
import type { StackResources } from '../../infra/recording-monitor.ts'
import { recordProgram } from '../../infra/recording.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'

const urn = (name: string, type = 'holdfast:vault:VaultBucket$aws:s3/bucket:Bucket'): string =>
  `urn:pulumi:vault::holdfast::${type}::${name}`
const bucket = (name: string): { type: string; outputs: Record<string, unknown> } => ({
  type: 'aws:s3/bucket:Bucket',
  outputs: { bucket: name },
})
const named = (region: string, account = '111111111111'): string => `holdfast-vault-${account}-${region}`

// Without what else is bound to account and region, so that the guard alone is left to notice.
const config = {
  ...exampleConfig,
  layer: 'vault',
  vaultBucket: '',
  image: '',
  arm: '',
  native: [],
  examine: false,
  restorers: exampleConfig.restorers.slice(0, 1),
  runners: [],
  deployers: [],
}
const moved = (overrides: Record<string, unknown>): Record<string, unknown> => ({ ...config, ...overrides })
const otherAccount = {
  vaultAccountId: '555555555555',
  restorers: ['arn:aws:iam::555555555555:role/people/restore-operator'],
}

const oneRegion: StackResources = { [urn('vault')]: bucket(named('eu-central-1')) }
const two: StackResources = { ...oneRegion, [urn('vault-eu-west-1')]: bucket(named('eu-west-1')) }

function run(changed: Record<string, unknown>, before: StackResources) {
  return recordProgram(changed, undefined, before)
}

describe('a stack that has a vault', () => {
  it.each<[string, Record<string, unknown>, StackResources, string]>([
    [
      'another region',
      moved({ region: 'eu-north-1' }),
      oneRegion,
      `holdfast:region: makes the vault ${named('eu-north-1')}, but this stack has ${named('eu-central-1')}; set it back`,
    ],
    [
      "another namespace of the buckets' names",
      moved({ bucketNamespace: 'account-regional' }),
      oneRegion,
      `holdfast:bucketNamespace: makes the vault ${named('eu-central-1')}-an, but this stack has ${named('eu-central-1')}; set it back`,
    ],
    [
      'another account',
      moved(otherAccount),
      oneRegion,
      `holdfast:vaultAccountId: makes the vault ${named('eu-central-1', '555555555555')}, but this stack has ${named('eu-central-1')}`,
    ],
    [
      'regions that change places',
      moved({ region: 'eu-west-1', regions: ['eu-central-1'] }),
      two,
      `holdfast:region: makes the vault ${named('eu-west-1')}, but this stack has ${named('eu-central-1')}`,
    ],
    [
      'a region less',
      moved({}),
      two,
      `holdfast:regions: leaves out eu-west-1, where this stack has the vault ${named('eu-west-1')}; add it`,
    ],
    [
      'another layer',
      moved({ layer: 'production' }),
      oneRegion,
      `holdfast:layer: is production, but this stack has the vault ${named('eu-central-1')}; set it to vault`,
    ],
  ])('refuses %s, with the key to change', async (_, changed, before, message) => {
    await expect(run(changed, before)).rejects.toThrow(message)
    await expect(run(changed, before)).rejects.toThrow('HINT: ')
    // Each of them is a good configuration of a stack that has no vault yet.
    expect((await run(changed, {})).resources.length).toBeGreaterThan(10)
  })

  it('accepts the same again, one region more, and buckets of other components with any name', async () => {
    const otherBuckets = {
      [urn('vault', 'holdfast:vault:ToolkitBucket$aws:s3/bucket:Bucket')]: bucket('other'),
      [urn('vault', 'holdfast:vault:VaultBucket$aws:s3/bucketPolicy:BucketPolicy')]: bucket('other'),
    }
    for (const [changed, before] of [
      [moved({}), { ...oneRegion, ...otherBuckets }],
      [moved({ regions: ['eu-west-1'] }), oneRegion],
      [moved({ regions: ['eu-west-1'] }), two],
    ] as const) {
      const { resources } = await run(changed, before)
      expect(
        resources
          .filter(
            ({ type, urn: resourceUrn }) =>
              type === 'aws:s3/bucket:Bucket' && resourceUrn.includes('VaultBucket$'),
          )
          .map((resource) => resource.urn),
      ).toEqual(
        expect.arrayContaining(
          Object.keys(before).filter((resourceUrn) =>
            resourceUrn.endsWith('VaultBucket$aws:s3/bucket:Bucket::vault'),
          ),
        ),
      )
    }
  })

  it('knows its bucket by the very URN that the program gives it', async () => {
    const regions = ['eu-west-1']
    const { resources } = await run(moved({ regions }), {})
    const before = Object.fromEntries(
      resources
        .filter(({ type }) => type === 'aws:s3/bucket:Bucket')
        .map((resource) => [resource.urn, { type: resource.type, outputs: resource.inputs }]),
    )
    await expect(run(moved({ regions, region: 'eu-north-1' }), before)).rejects.toThrow(
      `but this stack has ${named('eu-central-1')}`,
    )
    await expect(run(moved({}), before)).rejects.toThrow(`this stack has the vault ${named('eu-west-1')}`)
  })
})
