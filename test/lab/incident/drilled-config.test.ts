import { expect, test } from 'vitest'
import { drilledConfig, exampleDrill } from '../../../lab/incident/drilled-config.ts'
import { exampleAccounts, exampleConfig } from '../../../lab/sandbox/loader/example-config.ts'
import { loadDeclaration } from '../../../lab/sandbox/loader/loader.ts'

const [vault, production] = ['987654321098', '222222222222'] as const
/** Its production has the number that the example's has too, and its region is the example's second. */
const userConfig = {
  region: 'eu-west-1',
  vaultAccountId: vault,
  productionAccountId: production,
  managementAccountId: '111111111111',
  organizationId: 'o-shop000001',
  bucketNamespace: 'account-regional',
  promiseDays: 60,
  sources: [
    { name: 'shop', kind: 'postgres', trust: { awsRoleArn: `arn:aws:iam::${production}:role/apps/shop` } },
  ],
  agents: [{ name: 'ci', environment: 'staging', may: ['ec2:Describe*'] }],
  restorers: [`arn:aws:iam::${vault}:role/people/maria`],
  deployers: [`arn:aws:iam::${vault}:role/people/paul`],
  alarmEmails: ['on-call@shop-pager.example'],
  productionDomains: ['shop.example'],
  approvers: [`arn:aws:iam::${production}:role/people/second`],
  thawUntil: '2026-04-24T18:00:00Z',
}

test('an own configuration keeps its settings, and gets the accounts and people of the drill', async () => {
  const { values, vaultBucket, promiseDays, replaced } = drilledConfig(userConfig, 'shop.json')
  expect(values).toMatchObject({
    region: exampleConfig.region,
    vaultAccountId: exampleAccounts.vault,
    managementAccountId: exampleAccounts.organization,
    organizationId: 'o-shop000001',
    promiseDays: 60,
    restorers: [`arn:aws:iam::${exampleAccounts.vault}:role/people/maria`, ...exampleConfig.restorers],
    alarmEmails: ['on-call@shop-pager.example'],
    productionDomains: ['shop.example'],
  })
  expect(values).not.toHaveProperty('thawUntil')
  expect([promiseDays, vaultBucket]).toEqual([60, `holdfast-vault-${exampleAccounts.vault}-eu-central-1`])
  expect(replaced).toEqual(
    expect.arrayContaining(['approvers', 'arm', 'bucketNamespace', 'sources', 'thawUntil', 'vaultAccountId']),
  )
  expect(replaced).not.toContain('alarmEmails')

  const cloud = await loadDeclaration({ config: values, isWhole: true })
  expect(cloud.buckets.find(({ name }) => name === vaultBucket)?.objectLock.default).toEqual({
    mode: 'COMPLIANCE',
    days: 70,
  })
  const roles = cloud.roles.map(({ name }) => name)
  expect(roles).toEqual(
    expect.arrayContaining(['holdfast-writer-shop', 'holdfast-writer-uploads', 'holdfast-agent-ci', 'maria']),
  )
})

test('without an Organization there is nothing to drill, and days must be days', () => {
  expect(() => drilledConfig({ ...userConfig, detached: true }, 'f')).toThrow('with an Organization')
  expect(() => drilledConfig({ ...userConfig, promiseDays: 'many' }, 'f')).toThrow('promiseDays')
})

test('the example is drilled as it is', () => {
  expect(exampleDrill.values).toBe(exampleConfig)
  expect(exampleDrill.replaced).toEqual([])
})
