// The components that `holdfast/pulumi` exports refuse bad arguments before they declare a resource.
import { describe, expect, it } from 'vitest'
import { accountProvider } from '../../../infra/account-provider.ts'
import { AgentRole, DelayedDeletion, Vault } from '../../../infra/pulumi.ts'
import type { AgentRoleArgs, DelayedDeletionArgs, VaultArgs } from '../../../infra/pulumi.ts'
import { recordProgram } from '../../../infra/recording.ts'

const [vaultId, productionId] = ['111111111111', '222222222222']
const region = 'eu-central-1'
const workload = (name: string) => ({ awsRoleArn: `arn:aws:iam::${productionId}:role/workloads/${name}` })

const vaultArgs: VaultArgs = {
  vaultAccountId: vaultId,
  productionAccountId: productionId,
  region,
  sources: [{ name: 'orders', trust: workload('orders') }],
  restorers: [`arn:aws:iam::${vaultId}:role/people/on-call`],
  alarmEmails: ['on-call@pager.example'],
}
const agentArgs: AgentRoleArgs = {
  agentName: 'staging',
  productionAccountId: productionId,
  vaultAccountId: vaultId,
  region,
  environment: 'staging',
  may: ['ec2:Describe*'],
  launchers: [`arn:aws:iam::${productionId}:role/workloads/agent-launcher`],
}
const delayArgs: DelayedDeletionArgs = { days: 14, unlockDelayDays: 7, regions: [region] }

const record = (declare: (options: { provider: ReturnType<typeof accountProvider> }) => void) =>
  recordProgram({}, () => {
    declare({ provider: accountProvider('some', vaultId, region) })
  })

describe('Vault', () => {
  it.each<[string, Partial<VaultArgs>, RegExp]>([
    [
      'a name of 64 characters',
      { sources: [{ name: 'a'.repeat(64), trust: workload('a') }] },
      /sources\[0\].name: at most 48/,
    ],
    [
      'two sources of one name',
      { sources: [vaultArgs.sources[0]!, vaultArgs.sources[0]!] },
      /sources: "orders" is listed twice/,
    ],
    [
      "a workload of the vault's own account",
      { sources: [{ name: 'a', trust: { awsRoleArn: `arn:aws:iam::${vaultId}:role/a` } }] },
      /sources: a trusts a role of the vault's own account/,
    ],
    ['one account for both', { productionAccountId: vaultId }, /vaultAccountId: is production's account too/],
    ['another partition', { region: 'us-gov-west-1' }, /region: is in another partition/],
    ['a region that AWS does not have', { region: 'eu-middle-1' }, /region: is not a region of AWS/],
    ['no address of on-call', { alarmEmails: [] }, /alarmEmails: name at least one/],
    [
      "an address at production's domain",
      { productionDomains: ['pager.example'] },
      /alarmEmails: on-call@pager.example is at pager.example/,
    ],
    ['no person who may restore', { restorers: [] }, /restorers: name at least one person/],
    ['a mistyped argument', { retentionDay: 3 } as never, /retentionDay/],
    [
      'another arming phrase',
      { arm: 'yes' },
      /arm: must read exactly "lock holdfast-vault-111111111111-eu-central-1-an in COMPLIANCE for 40 days"/,
    ],
    ['a region without its namespace', { region: 'me-south-1' }, /bucketNamespace: must be global/],
  ])('refuses %s', async (_, change, message) => {
    await expect(
      record((options) => void new Vault('main', { ...vaultArgs, ...change }, options)),
    ).rejects.toThrow(message)
  })

  it('names itself in the refusal, and no key of a configuration', async () => {
    const refused = record((options) => void new Vault('main', { ...vaultArgs, restorers: [] }, options))
    await expect(refused).rejects.toThrow(/^the arguments of Vault main are invalid:\n {2}restorers: /)
    await expect(refused).rejects.not.toThrow('holdfast:')
  })

  it('is there once for an account: its names follow from the account alone', async () => {
    await expect(
      record((options) => {
        new Vault('first', vaultArgs, options)
        new Vault('second', vaultArgs, options)
      }),
    ).rejects.toThrow(
      `the arguments of Vault second are invalid:\n  vaultAccountId: Vault first of this stack already has ${vaultId}`,
    )
  })

  it('leaves the freeze to the organization only if it is told so', async () => {
    const policyOf = async (change: Partial<VaultArgs>) => {
      const { resources } = await record(
        (options) => void new Vault('main', { ...vaultArgs, ...change }, options),
      )
      return String(
        resources.find(({ type, name }) => type.endsWith(':BucketPolicy') && name === 'vault')!.inputs[
          'policy'
        ],
      )
    }
    expect(await policyOf({})).toContain('FreezeVaultBucket')
    expect(await policyOf({ frozenByOrganization: true })).not.toContain('FreezeVaultBucket')
  })
})

describe('AgentRole', () => {
  it.each<[string, Partial<AgentRoleArgs>, RegExp]>([
    ['a destructive action by name', { may: ['ec2:DeleteVolume'] }, /may\.0: /],
    ['every action', { may: ['*'] }, /may\.0: /],
    ['no action', { may: [] }, /may: name at least one action/],
    [
      'a launcher of another account',
      { launchers: [`arn:aws:iam::${vaultId}:role/x`] },
      /launchers: .* is not in the account 222222222222/,
    ],
    ['no launcher', { launchers: [] }, /launchers: name at least one/],
    ['a name of 64 characters', { agentName: 'a'.repeat(64) }, /agentName: at most 48/],
    ['a mistyped argument', { tag: 'x' } as never, /tag/],
    [
      'a task that fits no boundary',
      {
        may: ['ec2:*', 'rds:*', 's3:*', 'iam:*']
          .slice(0, 3)
          .concat(['sagemaker:*', 'glue:*', 'redshift:*', 'iot:*']),
      },
      /may: the boundary of staging would have/,
    ],
  ])('refuses %s', async (_, change, message) => {
    await expect(
      record((options) => void new AgentRole('main', { ...agentArgs, ...change }, options)),
    ).rejects.toThrow(message)
  })

  it('is there once for a name', async () => {
    await expect(
      record((options) => {
        new AgentRole('first', agentArgs, options)
        new AgentRole('second', agentArgs, options)
      }),
    ).rejects.toThrow('agentName: AgentRole first of this stack already has staging')
  })

  it('is there beside another one, and in another stack', async () => {
    const { resources } = await record((options) => {
      new AgentRole('first', agentArgs, options)
      new AgentRole('second', { ...agentArgs, agentName: 'production' }, options)
    })
    expect(resources.filter(({ type }) => type === 'aws:iam/role:Role').map(({ name }) => name)).toEqual([
      'agent-production',
      'agent-staging',
    ])
  })
})

describe('DelayedDeletion', () => {
  it.each<[string, Partial<DelayedDeletionArgs>, RegExp]>([
    ['more days than AWS keeps', { days: 366 }, /days: must be at most 365/],
    ['a shorter unlock delay than AWS has', { unlockDelayDays: 6 }, /unlockDelayDays: must be at least 7/],
    ['no region', { regions: [] }, /regions: name at least one region/],
  ])('refuses %s', async (_, change, message) => {
    await expect(
      record((options) => void new DelayedDeletion('main', { ...delayArgs, ...change }, options)),
    ).rejects.toThrow(message)
  })
})
