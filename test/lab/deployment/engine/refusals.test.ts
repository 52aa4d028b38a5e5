// Refusals of the program and of the engine: nothing reaches AWS, and the message names the key to change.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { emptyAccount } from '../../../../infra/recording-monitor.ts'
import { startEngineWorld, withNamespace } from '../../../../lab/deployment/engine-world.ts'
import type { EngineWorld, WorldOptions } from '../../../../lab/deployment/engine-world.ts'
import type { EngineResult } from '../../../../lab/deployment/engine.ts'
import { exampleConfig } from '../../../../lab/sandbox/loader/example-config.ts'

/** A message as the operator sees it. */
const shown = ({ error, messages }: EngineResult) => [error, ...messages.map(({ text }) => text)].join('\n')
const person = (index: number) =>
  `arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_${`P${index}`.padEnd(32, 'x')}_0123456789abcdef`

interface Refusal {
  subject: string
  changes: Record<string, unknown>
  message: string
  world?: WorldOptions
}

const refusals: readonly Refusal[] = [
  {
    subject: "a value that Pulumi.yaml's type refuses",
    changes: { layer: 'vault', promiseDays: 'many' },
    message: 'promiseDays',
  },
  {
    subject: 'values that the schema refuses, all at once',
    changes: { layer: 'vault', vaultAccountId: '222222222222', promiseDays: 0, mistyped: 1 },
    message: 'holdfast:mistyped',
  },
  {
    subject: 'break-glass for 40 people',
    changes: { layer: 'production', breakGlass: Array.from({ length: 40 }, (_, index) => person(index)) },
    message: 'holdfast:breakGlass: ',
  },
  {
    subject: 'a name of 64 characters',
    changes: {
      layer: 'vault',
      sources: [{ name: 'x'.repeat(64), trust: { awsRoleArn: 'arn:aws:iam::222222222222:role/w' } }],
    },
    message: 'holdfast:sources[0].name: at most 48 characters',
  },
  {
    subject: 'a region of another partition',
    changes: { layer: 'vault', regions: ['us-gov-west-1'] },
    message: 'holdfast:regions[0]: is in another partition',
  },
  {
    subject: 'a region that the account has not enabled',
    changes: { layer: 'vault', regions: ['ap-southeast-7'] },
    message: 'holdfast:regions: ap-southeast-7 is not enabled in the account 111111111111',
    world: {
      reads: { ...emptyAccount, 'aws:index/getRegions:getRegions': () => ({ names: ['eu-central-1'] }) },
    },
  },
  {
    subject: 'a delegated administrator',
    changes: { layer: 'organization' },
    message: "holdfast:productionAccountId: 222222222222 is the organization's delegated administrator",
    world: {
      reads: {
        ...emptyAccount,
        'aws:organizations/getDelegatedAdministrators:getDelegatedAdministrators': () => ({
          delegatedAdministrators: [{ id: '222222222222' }],
        }),
        'aws:organizations/getDelegatedServices:getDelegatedServices': () => ({
          delegatedServices: [{ servicePrincipal: 'sso.amazonaws.com' }],
        }),
      },
    },
  },
  {
    subject: 'a toolkit that is not there',
    changes: { layer: 'vault', toolkit: '/nowhere/holdfast-0.1.0.tgz' },
    message: 'holdfast:toolkit',
  },
  {
    subject: 'AWS Backup without an Organization',
    changes: { layer: 'vault', detached: true, organizationId: '', managementAccountId: '' },
    message: 'holdfast:native: AWS Backup copies into another account only within an Organization',
  },
]

describe.each(refusals)('$subject', ({ changes, message, world: options }) => {
  it('is refused before anything is touched', async () => {
    const world = await startEngineWorld(options)
    try {
      const stack = world.stack('refused')
      const result = await stack.run('up', withNamespace({ ...exampleConfig, ...changes }), {
        skipPreview: true,
      })
      expect(result.error).not.toBe('')
      expect(shown(result)).toContain(message)
      expect(shown(result)).not.toMatch(/\n\s+at .*:\d+:\d+/)
      expect(world.provider.calls).toEqual([])
    } finally {
      world.stop()
    }
  })
})

describe('a vault that is there', () => {
  let world: EngineWorld
  beforeAll(async () => {
    world = await startEngineWorld()
    const up = await world
      .stack('vault')
      .run('up', withNamespace({ ...exampleConfig, layer: 'vault' }), { skipPreview: true })
    expect(up.error).toBe('')
    world.provider.calls.length = 0
  })
  afterAll(() => world.stop())

  it('is not replaced by a vault of another region: the program reads it from the real state', async () => {
    const elsewhere = {
      region: 'eu-north-1',
      arm: '',
      image: '',
      examine: false,
      vaultBucket: '',
      native: [],
    }
    const result = await world
      .stack('vault')
      .run('up', withNamespace({ ...exampleConfig, layer: 'vault', ...elsewhere }), { skipPreview: true })
    expect(shown(result)).toContain('holdfast:region: makes the vault holdfast-vault-111111111111-eu-north-1')
    expect(world.provider.calls).toEqual([])
  })
})
