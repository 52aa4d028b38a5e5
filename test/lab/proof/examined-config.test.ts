import { describe, expect, it } from 'vitest'
import { assumePeople } from '../../../lab/proof/examined-config.ts'

describe('the configuration of the vault alone', () => {
  const vaultKeys = {
    region: 'eu-central-1',
    vaultAccountId: '111111111111',
    productionAccountId: '222222222222',
    managementAccountId: '333333333333',
    organizationId: 'o-abcdefghij',
    sources: [{ name: 'db', trust: { awsRoleArn: 'arn:aws:iam::222222222222:role/workloads/db' } }],
    restorers: ['arn:aws:iam::111111111111:role/people/someone'],
    alarmEmails: ['on-call@pager.example'],
    productionDomains: ['rental.example'],
  }

  it('is completed with one person for each key of another layer, and names them', () => {
    expect(assumePeople(vaultKeys, 0)).toEqual({
      config: {
        ...vaultKeys,
        deployers: ['arn:aws:iam::111111111111:role/people/vault-deployer'],
        breakGlass: ['arn:aws:iam::222222222222:role/people/operator'],
      },
      assumed: [
        'holdfast:deployers = arn:aws:iam::111111111111:role/people/vault-deployer',
        'holdfast:breakGlass = arn:aws:iam::222222222222:role/people/operator',
      ],
    })
  })

  it("keeps the people that it names, and needs none of an account that isn't there", () => {
    const breakGlass = ['arn:aws:iam::222222222222:role/people/someone-else']
    const { config, assumed } = assumePeople({ ...vaultKeys, breakGlass, detached: true }, 0)
    expect({ breakGlass: config['breakGlass'], assumed }).toEqual({ breakGlass, assumed: [] })
  })

  it('is refused with what is wrong in it, before anything is proven', () => {
    expect(() => assumePeople({ ...vaultKeys, region: 'nowhere' }, 0)).toThrow(
      expect.objectContaining({ code: 'invalid-input' }) as Error,
    )
  })
})
