import { describe, expect, it } from 'vitest'
import { emptyAccount } from '../../infra/recording-monitor.ts'
import type { AccountReads } from '../../infra/recording-monitor.ts'
import { recordProgram } from '../../infra/recording.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'

const { vaultAccountId, productionAccountId } = exampleConfig
const organization = { ...exampleConfig, layer: 'organization' }
const read = (name: string, module = 'organizations') => `aws:${module}/${name}:${name}`

function run(config: Record<string, unknown>, reads: AccountReads): Promise<unknown> {
  return recordProgram(config, undefined, {}, { ...emptyAccount, ...reads })
}

/** The names of the control policies that an account has already. */
function attached(names: Readonly<Record<string, readonly string[]>>): AccountReads {
  return {
    [read('getPoliciesForTarget')]: ({ targetId }) => ({ ids: names[String(targetId)] ?? [] }),
    [read('getPolicy')]: ({ policyId }) => ({ name: policyId }),
  }
}

describe('a delegated administrator', () => {
  const delegated = (id: string): AccountReads => ({
    [read('getDelegatedAdministrators')]: () => ({ delegatedAdministrators: [{ id }] }),
    [read('getDelegatedServices')]: ({ accountId }) => ({
      delegatedServices: [
        { servicePrincipal: 'sso.amazonaws.com' },
        { servicePrincipal: `of-${String(accountId)}.amazonaws.com` },
      ],
    }),
  })

  it('that is the production account is refused by name, with its services', async () => {
    await expect(run(organization, delegated(productionAccountId))).rejects.toThrow(
      `holdfast:productionAccountId: ${productionAccountId} is the organization's delegated administrator for ` +
        `of-${productionAccountId}.amazonaws.com, sso.amazonaws.com`,
    )
  })

  it('that is another account is no concern of Holdfast', async () => {
    await expect(run(organization, delegated('999999999999'))).resolves.toBeDefined()
  })
})

describe("a type of policy that the organization doesn't take", () => {
  it.each(['SERVICE_CONTROL_POLICY', 'RESOURCE_CONTROL_POLICY', 'S3_POLICY'])(
    'is named, with the command that enables it: %s',
    async (missing) => {
      const types = ['SERVICE_CONTROL_POLICY', 'RESOURCE_CONTROL_POLICY', 'S3_POLICY']
      const policyTypes = types.map((type) => ({
        type,
        status: type === missing ? 'PENDING_ENABLE' : 'ENABLED',
      }))
      const reads = { [read('getOrganization')]: () => ({ roots: [{ id: 'r-1', policyTypes }] }) }
      await expect(run(organization, reads)).rejects.toThrow(
        `\`aws organizations enable-policy-type --root-id r-1 --policy-type ${missing}\``,
      )
    },
  )
})

describe('an account at its quota of control policies', () => {
  const full = (count: number) => Array.from({ length: count }, (_, index) => `other-${index}`)

  it('has room for its last one', async () => {
    await expect(
      run(organization, attached({ [vaultAccountId]: full(7), [productionAccountId]: full(6) })),
    ).resolves.toBeDefined()
  })

  it('is refused by name, before anything is attached', async () => {
    await expect(run(organization, attached({ [productionAccountId]: full(7) }))).rejects.toThrow(
      `holdfast:productionAccountId: ${productionAccountId} has 7 other control policies`,
    )
    await expect(run(organization, attached({ [vaultAccountId]: full(8) }))).rejects.toThrow(
      'detach 1 of them, or attach them to a unit above',
    )
  })

  it('has half as much room with the older quotas', async () => {
    const older = {
      ...organization,
      controlPolicyChars: 5_120,
      agents: [{ name: 'a', environment: 'staging', may: ['ec2:Describe*'] }],
    }
    await expect(run(older, attached({ [productionAccountId]: full(1) }))).resolves.toBeDefined()
    await expect(run(older, attached({ [productionAccountId]: full(2) }))).rejects.toThrow(
      "it would have more than AWS's 5",
    )
  })

  it("doesn't count Holdfast's own policies twice", async () => {
    const ownPolicies = full(10).map((name) => `holdfast-${name}`)
    await expect(run(organization, attached({ [productionAccountId]: ownPolicies }))).resolves.toBeDefined()
  })
})

describe("an address of on-call below a DNS zone of production's", () => {
  const zones = (name: string, privateZone = false): AccountReads => ({
    [read('getZones', 'route53')]: () => ({ ids: ['Z1'] }),
    [read('getZone', 'route53')]: () => ({ name, privateZone }),
  })
  const production = { ...exampleConfig, layer: 'production' }

  it('is refused by name', async () => {
    await expect(run(production, zones('pager.example.'))).rejects.toThrow(
      'holdfast:alarmEmails: the production account holds the DNS zone pager.example of on-call@pager.example',
    )
  })

  it('is accepted if the zone is private, or of another domain', async () => {
    await expect(run(production, zones('pager.example', true))).resolves.toBeDefined()
    await expect(run(production, zones('ger.example'))).resolves.toBeDefined()
  })
})

describe('a region that an account has not enabled', () => {
  const enabled = (...names: string[]): AccountReads => ({ [read('getRegions', 'index')]: () => ({ names }) })

  it.each([
    ['vault', 'regions', vaultAccountId, 'vaultAccountId'],
    ['production', 'regions', productionAccountId, 'productionAccountId'],
    ['production', 'alarmRegions', productionAccountId, 'productionAccountId'],
  ])('of the %s layer is refused with its key %s', async (layer, key, accountId, accountKey) => {
    await expect(
      run(
        { ...exampleConfig, layer, [key]: ['eu-west-1', 'ap-southeast-7'] },
        enabled('eu-central-1', 'eu-west-1', 'us-east-1'),
      ),
    ).rejects.toThrow(
      `holdfast:${key}: ap-southeast-7 is not enabled in the account ${accountId} (holdfast:${accountKey}); enable it with ` +
        '`aws account enable-region --region-name ap-southeast-7`',
    )
  })
})
