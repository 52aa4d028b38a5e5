import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { assumePeople, readConfigFile } from '../../../lab/proof/examined-config.ts'

const directory = mkdtempSync(join(tmpdir(), 'holdfast-config-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function read(content: unknown): Record<string, unknown> {
  const file = join(directory, 'config.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return readConfigFile(file)
}

describe('a configuration to prove', () => {
  it("is the output of `pulumi config --json`, of which only holdfast's own keys count", () => {
    const printed = {
      'aws:region': { value: 'eu-west-1', secret: false },
      'holdfast:vaultAccountId': { value: '111111111111', secret: false },
      'holdfast:promiseDays': { value: '30', secret: false },
      'holdfast:restorers': { value: '["a"]', objectValue: ['a'], secret: false },
    }
    expect(read(printed)).toEqual({ vaultAccountId: '111111111111', promiseDays: 30, restorers: ['a'] })
  })

  it('is plain values by key as well', () => {
    expect(read({ vaultAccountId: '111111111111', promiseDays: 30 })).toEqual({
      vaultAccountId: '111111111111',
      promiseDays: 30,
    })
  })

  it.each([
    ['no JSON', '{'],
    ['a list', []],
    ['a text', '"x"'],
  ])('that is %s is refused', (_, content) => {
    expect(() => read(content)).toThrow(expect.objectContaining({ code: 'invalid-input' }) as Error)
  })

  it("that isn't there is refused", () => {
    expect(() => readConfigFile(join(directory, 'gone.json'))).toThrow(
      expect.objectContaining({ code: 'invalid-input' }) as Error,
    )
  })
})

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
