import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { describe, expect, it } from 'vitest'
import { accountProvider } from '../../infra/account-provider.ts'
import { recordProgram } from '../../infra/recording.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'

const nothing = { layer: 'trial' }

function record(program: () => unknown) {
  return recordProgram(nothing, program)
}

describe('a recording', () => {
  it('keeps protection, retention, account, parent and dependencies of a resource', async () => {
    const recording = await record(() => {
      const provider = accountProvider('somewhere', '111111111111', 'eu-central-1')
      const first = new aws.s3.Bucket('first', { bucket: 'first' }, { provider, protect: true })
      new aws.s3.BucketVersioning(
        'second',
        { bucket: first.bucket, versioningConfiguration: { status: 'Enabled' } },
        { provider, retainOnDelete: true, parent: first },
      )
    })
    const [first, second] = ['first', 'second'].map((name) =>
      recording.resources.find((resource) => resource.name === name)!,
    )
    expect(first).toMatchObject({
      accountId: '111111111111',
      protect: true,
      retainOnDelete: false,
      inputs: { bucket: 'first' },
    })
    expect(second).toMatchObject({
      protect: true,
      retainOnDelete: true,
      parent: first!.urn,
      dependsOn: [first!.urn],
    })
  })

  it('is the same twice, also after another program ran', async () => {
    const vault = { ...exampleConfig, layer: 'vault' }
    const first = await recordProgram(vault)
    await recordProgram({ ...exampleConfig, layer: 'production' })
    expect(await recordProgram(vault)).toEqual(first)
  })

  it.each<[string, () => unknown, string]>([
    [
      'a resource of the default provider',
      () => new aws.s3.Bucket('stray', {}),
      'stray has no provider that is bound to an account',
    ],
    [
      'a provider for any account',
      () => new aws.Provider('any', { region: 'eu-central-1' }),
      "the provider any isn't bound to one account",
    ],
    [
      'a provider for two accounts',
      () => new aws.Provider('two', { allowedAccountIds: ['111111111111', '222222222222'] }),
      "the provider two isn't bound to one account",
    ],
    [
      'a secret',
      () =>
        new aws.s3.Bucket(
          'b',
          { bucket: pulumi.secret('hidden') },
          { provider: accountProvider('p', '111111111111', 'eu-central-1') },
        ),
      'b.bucket is a secret',
    ],
    [
      'what is only known after a deployment',
      () =>
        new aws.s3.Bucket(
          'b',
          { bucket: pulumi.unknown as string },
          { provider: accountProvider('p', '111111111111', 'eu-central-1') },
        ),
      'depends on a value that only a deployment knows',
    ],
    [
      'a question to AWS',
      () => aws.getCallerIdentity({}),
      'it invokes aws:index/getCallerIdentity:getCallerIdentity',
    ],
    ['a look at what is there', () => aws.s3.Bucket.get('old', 'old'), 'it reads aws:s3/bucket:Bucket old'],
  ])('refuses %s', async (_, program, message) => {
    await expect(record(program)).rejects.toThrow(message)
  })

  it('passes on what the program throws, without ending the process', async () => {
    await expect(
      recordProgram({ ...exampleConfig, layer: 'vault', vaultAccountId: '222222222222' }),
    ).rejects.toThrow("holdfast:vaultAccountId: is production's account too")
    await expect(record(() => Promise.reject(new Error('late')))).rejects.toThrow('late')
  })

  it('takes no value from the environment that the engine would use', async () => {
    process.env['PULUMI_CONFIG'] = JSON.stringify({ 'holdfast:region': 'us-east-1' })
    try {
      const recording = await recordProgram({ ...exampleConfig, layer: 'vault' })
      expect(recording.outputs['region']).toBe('eu-central-1')
    } finally {
      delete process.env['PULUMI_CONFIG']
    }
  })
})
