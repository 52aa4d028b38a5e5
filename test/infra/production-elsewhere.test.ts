// Production on a platform outside AWS: no account of it, so no layer, no policy and no alarm of it.
import { describe, expect, it } from 'vitest'
import { isHoldfastError } from '../../core/errors.ts'
import { readConfig } from '../../infra/config-reader.ts'
import { recordProgram } from '../../infra/recording.ts'
import type { Recording } from '../../infra/recording.ts'
import { examinedConfigs } from '../../lab/proof/examined-config.ts'

const platform = { ...examinedConfigs.platform, layer: 'vault' }
const detached = {
  ...platform,
  detached: true,
  organizationId: '',
  organizationParentId: '',
  managementAccountId: '',
}
const withoutKey: Record<string, unknown> = { ...platform }
delete withoutKey['productionAccountId']

function refusal(config: Record<string, unknown>): string {
  try {
    readConfig(config, 0)
    return 'accepted'
  } catch (error) {
    if (isHoldfastError(error, 'invalid-input')) return error.message
    throw error
  }
}

/** ARNs and account ids that an empty account id would leave behind. */
function emptyAccounts({ resources, outputs }: Recording): string[] {
  const text = JSON.stringify([resources.map(({ inputs }) => inputs), outputs])
  return (
    text.match(/arn:aws:(?:iam|organizations|events|cloudtrail|states|backup):[a-z0-9-]*::[a-z][^"\\]*/g) ??
    []
  )
}

describe('a configuration without an account of production', () => {
  it('is accepted, whether the key is empty or missing', () => {
    expect(readConfig(platform, 0)).toEqual(readConfig(withoutKey, 0))
    expect(readConfig(platform, 0).productionAccountId).toBe('')
  })

  it.each([
    ['agents', { agents: [{ name: 'a', environment: 'staging', may: ['ec2:*'] }] }],
    ['launchers', { launchers: ['arn:aws:iam::222222222222:role/w'] }],
    ['breakGlass', { breakGlass: ['arn:aws:iam::222222222222:role/w'] }],
    ['administrators', { administrators: ['arn:aws:iam::222222222222:role/w'] }],
    ['native', { native: [{ tag: 'backup=daily', schedule: 'daily', retentionDays: 35 }] }],
    ['quarantineAgents', { quarantineAgents: true }],
  ])('is refused with %s, which are about that account', (key, change) => {
    expect(refusal({ ...platform, ...change })).toContain(
      `holdfast:productionAccountId: set it, because these keys are about that account: holdfast:${key}`,
    )
  })

  it('is refused if a source trusts a role of AWS: then the key was forgotten', () => {
    const sources = [{ name: 'db', trust: { awsRoleArn: 'arn:aws:iam::222222222222:role/w' } }]
    expect(refusal({ ...platform, sources })).toContain(
      'holdfast:productionAccountId: set it, because a role of AWS backs up db',
    )
  })

  it('has no production layer', () => {
    expect(refusal({ ...platform, layer: 'production' })).toContain(
      'holdfast:productionAccountId: set it, because the production layer is for an account of AWS',
    )
  })
})

describe('what the other layers declare then', () => {
  it.each([
    ['vault', platform],
    ['organization', { ...platform, layer: 'organization' }],
    ['vault', detached],
  ])('%s: names no empty account', async (_, config) => {
    expect(emptyAccounts(await recordProgram(config))).toEqual([])
  })

  it('an audit trail and a bus of alarms for the vault alone', async () => {
    const { resources } = await recordProgram(detached)
    const policies = resources
      .filter(({ type }) => /EventBusPolicy|eventBusPolicy|BucketPolicy/.test(type))
      .map(({ inputs }) => JSON.stringify(inputs))
    expect(policies.length).toBeGreaterThan(2)
    expect(policies.join('\n')).not.toMatch(/222222222222/)
  })

  it("no rule on agents or break-glass, and every rule on the vault's account", async () => {
    const rulesOf = ({ resources }: Recording) =>
      resources
        .filter(({ type }) => type.endsWith(':EventRule'))
        .map(({ inputs }) => String(inputs['name']))
        .filter((name) => !/quarantine|-acts$/.test(name))
    const rules = rulesOf(await recordProgram(platform))
    const all = rulesOf(
      await recordProgram({ ...examinedConfigs.organization, layer: 'vault', native: [], examine: false }),
    )
    expect(rules.filter((name) => /agent|break-glass/.test(name))).toEqual([])
    expect(new Set(all.filter((name) => !/agent|break-glass/.test(name)))).toEqual(new Set(rules))
  })

  it("one unit and the vault's policies, with the same guards as beside an account of production", async () => {
    const policiesOf = ({ resources }: Recording) =>
      resources
        .filter(({ type }) => type.endsWith('organizations/policy:Policy'))
        .map(({ name, inputs }) => ({ name, content: inputs['content'] }))
    const alone = policiesOf(await recordProgram({ ...platform, layer: 'organization' }))
    const beside = policiesOf(
      await recordProgram({ ...examinedConfigs.organization, layer: 'organization', native: [] }),
    )
    expect(alone.map(({ name }) => name).sort()).toEqual([
      'membership',
      'vault-freeze',
      'vault-perimeter',
      'vault-principals',
      'vault-public-access',
    ])
    expect(beside).toEqual(expect.arrayContaining(alone.filter(({ name }) => name !== 'vault-principals')))
  })
})

describe('a role that no caller can have', () => {
  const restorers = (arn: string) =>
    refusal({ ...platform, restorers: [`arn:aws:iam::111111111111:role/${arn}`] })

  it.each([
    ['Identity Center without its path', 'AWSReservedSSO_Admin_*'],
    [
      'a permission set without its suffix',
      'aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Admin',
    ],
    ['a suffix of the wrong length', 'aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123abcd'],
  ])('is refused: %s', (_, arn) => {
    expect(restorers(arn)).toContain('matches no role of Identity Center; write ')
  })

  it('is refused: a role of a service', () => {
    expect(restorers('aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS')).toContain(
      'is a role of an AWS service',
    )
  })

  it.each([
    'aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Admin_*',
    'aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef',
    'people/restore-operator',
  ])('is not %s', (arn) => {
    expect(restorers(arn)).toBe('accepted')
  })
})
