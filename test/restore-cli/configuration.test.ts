import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../../core/errors.ts'
import { parseConfiguration } from '../../restore-cli/configuration.ts'

const role = (name: string): string => `arn:aws:iam::111122223333:role/holdfast/${name}`
const good = {
  formatVersion: 1, layer: 'vault', region: 'eu-central-1', vaultBucket: 'holdfast-vault', lock: { mode: 'COMPLIANCE', days: 40, promiseDays: 30 },
  roles: { restorer: role('restorer'), notary: role('notary') }, writers: { 'rental-db': role('writer-rental-db') },
}

describe('the configuration', () => {
  test('is what the vault layer\'s stack prints, and other outputs don\'t matter', () => {
    expect(parseConfiguration(JSON.stringify({ ...good, other: [1] }), 'vault.json')).toMatchObject({ vaultBucket: 'holdfast-vault', writers: good.writers })
  })

  test('is what the program of `pulumi up` really gives', async () => {
    const { recordProgram } = await import('../../infra/recording.ts')
    const { exampleConfig } = await import('../../sandbox/example-config.ts')
    const { outputs } = await recordProgram({ ...exampleConfig, layer: 'vault' })
    const configuration = parseConfiguration(JSON.stringify(outputs), 'vault.json')
    expect(configuration.roles.restorer).toMatch(/restorer$/)
    expect(Object.keys(configuration.writers).length).toBeGreaterThan(0)
  })

  test.each([
    ['no JSON', 'formatVersion: 1', 'invalid-input', 'not JSON'],
    ['another version', JSON.stringify({ ...good, formatVersion: 2 }), 'unsupported-format', 'version'],
    ['another layer', JSON.stringify({ ...good, layer: 'production' }), 'invalid-input', '"production"'],
    ['no bucket', JSON.stringify({ ...good, vaultBucket: undefined }), 'invalid-input', 'vaultBucket'],
    ['a role that is none', JSON.stringify({ ...good, roles: { restorer: 'admin' } }), 'invalid-input', 'roles.restorer'],
    ['a writer that is none', JSON.stringify({ ...good, writers: { db: 7 } }), 'invalid-input', 'writers.db'],
    ['nothing', '', 'invalid-input', 'not JSON'],
    ['a list', '[]', 'invalid-input', 'usable'],
  ])('with %s is refused, and says why', (_what, text, code, detail) => {
    const refuse = (): unknown => parseConfiguration(text, 'vault.json')
    expect(refuse).toThrow(detail)
    expect(refuse).toThrow(expect.objectContaining({ code, message: expect.stringContaining('vault.json') as string }) as Error)
  })

  test('is read or refused by name, whatever it holds', () => {
    fc.assert(fc.property(fc.json(), (text) => {
      try {
        parseConfiguration(text, 'vault.json')
      } catch (error) {
        expect(error).toBeInstanceOf(HoldfastError)
      }
    }))
  })
})
