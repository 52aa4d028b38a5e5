import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../../core/errors.ts'
import { chooseRegion, parseConfiguration, readConfiguration } from '../../restore-cli/configuration.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'

const role = (name: string): string => `arn:aws:iam::111122223333:role/holdfast/${name}`
const good = {
  formatVersion: 1,
  layer: 'vault',
  region: 'eu-central-1',
  vaultBucket: 'holdfast-vault',
  lock: { mode: 'COMPLIANCE', days: 40, promiseDays: 30 },
  roles: { restorer: role('restorer'), notary: role('notary') },
  writers: { 'rental-db': role('writer-rental-db') },
}

describe('the configuration', () => {
  test("is the output of the vault layer's stack, and other outputs are ignored", () => {
    expect(parseConfiguration(JSON.stringify({ ...good, other: [1] }), 'vault.json')).toMatchObject({
      vaultBucket: 'holdfast-vault',
      writers: good.writers,
    })
  })

  test('is the output of the program of `pulumi up`', async () => {
    const { recordProgram } = await import('../../infra/recording.ts')
    const { exampleConfig } = await import('../../lab/sandbox/loader/example-config.ts')
    const { outputs } = await recordProgram({ ...exampleConfig, layer: 'vault' })
    const configuration = parseConfiguration(JSON.stringify(outputs), 'vault.json')
    expect(configuration.roles.restorer).toMatch(/restorer$/)
    expect(Object.keys(configuration.writers).length).toBeGreaterThan(0)
  })

  test.each<[string, BufferEncoding]>([
    ['UTF-8 with a byte order mark', 'utf8'],
    ['UTF-16', 'utf16le'],
  ])('may be a file in %s, as PowerShell writes it', (_, encoding) => {
    const file = join(makeTemporaryDirectory(), 'vault.json')
    writeFileSync(file, Buffer.from(`\uFEFF${JSON.stringify(good)}`, encoding))
    expect(readConfiguration(file)).toMatchObject({ vaultBucket: 'holdfast-vault' })
  })

  test('of another version says on which side to act', () => {
    const hintOf = (version: number): string => {
      try {
        parseConfiguration(JSON.stringify({ ...good, formatVersion: version }), 'f')
      } catch (error) {
        return (error as HoldfastError).hint ?? ''
      }
      return ''
    }
    expect(hintOf(0)).toContain('pulumi stack output --json')
    expect(hintOf(2)).toBe('update holdfast')
  })

  test('that is no text is refused, and not quoted', () => {
    const file = join(makeTemporaryDirectory(), 'vault.json')
    writeFileSync(file, Buffer.from(JSON.stringify({ secret: 'ÿ' }), 'latin1'))
    expect(() => readConfiguration(file)).toThrow(
      expect.objectContaining({
        code: 'invalid-input',
        message: expect.not.stringContaining('secret') as string,
      }) as Error,
    )
  })

  test.each([
    ['no JSON', 'formatVersion: 1', 'invalid-input', 'not JSON'],
    [
      'a newer version',
      JSON.stringify({ ...good, formatVersion: 2 }),
      'unsupported-format',
      'a newer version (2)',
    ],
    [
      'an older version',
      JSON.stringify({ ...good, formatVersion: 0 }),
      'unsupported-format',
      'an older or unknown version (0)',
    ],
    [
      'a version that is none',
      JSON.stringify({ ...good, formatVersion: 'x' }),
      'unsupported-format',
      'an older or unknown version ("x")',
    ],
    ['another layer', JSON.stringify({ ...good, layer: 'production' }), 'invalid-input', '"production"'],
    ['no bucket', JSON.stringify({ ...good, vaultBucket: undefined }), 'invalid-input', 'vaultBucket'],
    [
      'a role that is none',
      JSON.stringify({ ...good, roles: { restorer: 'admin' } }),
      'invalid-input',
      'roles.restorer',
    ],
    ['a writer that is none', JSON.stringify({ ...good, writers: { db: 7 } }), 'invalid-input', 'writers.db'],
    [
      'a region that is none',
      JSON.stringify({ ...good, regions: { 'eu west': { vaultBucket: 'abc' } } }),
      'invalid-input',
      'regions',
    ],
    [
      'a region without a bucket',
      JSON.stringify({ ...good, regions: { 'eu-west-1': {} } }),
      'invalid-input',
      'regions.eu-west-1.vaultBucket',
    ],
    ['nothing', '', 'invalid-input', 'not JSON'],
    ['a list', '[]', 'invalid-input', 'usable'],
  ])('with %s is refused with the reason', (_what, text, code, detail) => {
    const refuse = (): unknown => parseConfiguration(text, 'vault.json')
    expect(refuse).toThrow(detail)
    expect(refuse).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining('vault.json') as string }) as Error,
    )
  })

  test('with any content is read or is a HoldfastError', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          parseConfiguration(text, 'vault.json')
        } catch (error) {
          expect(error).toBeInstanceOf(HoldfastError)
        }
      }),
    )
  })
})

describe('a vault with buckets in several regions', () => {
  const bucketIn = (
    regions: object | undefined,
    named?: string,
    source?: string,
  ): { bucket: string; region: string } =>
    chooseRegion(parseConfiguration(JSON.stringify({ ...good, regions }), 'vault.json'), named, source)
  const two = {
    'eu-central-1': { vaultBucket: 'holdfast-vault', sources: ['rental-db', 'both'] },
    'eu-west-1': { vaultBucket: 'holdfast-vault-west', sources: ['uploads', 'both'] },
  }
  const [central, west] = [
    { bucket: 'holdfast-vault', region: 'eu-central-1' },
    { bucket: 'holdfast-vault-west', region: 'eu-west-1' },
  ]

  test("is opened in --region, else in the region of the source's backups", () => {
    expect([
      bucketIn(two, 'eu-central-1'),
      bucketIn(two, 'eu-west-1'),
      bucketIn(two, undefined, 'uploads'),
      bucketIn(two, undefined, 'rental-db'),
    ]).toEqual([central, west, west, central])
    expect(bucketIn(two, 'eu-west-1', 'rental-db')).toEqual(west)
  })

  test.each([
    [undefined, undefined, 'several regions'],
    [undefined, 'unheard-of', 'several regions'],
    [undefined, 'both', 'several regions'],
    ['us-east-1', 'uploads', 'no bucket in the region "us-east-1"'],
    ['toString', undefined, 'no bucket'],
  ])('is not guessed: region %j, source %j', (named, source, message) => {
    expect(() => bucketIn(two, named, source)).toThrow(
      expect.objectContaining({
        code: 'invalid-input',
        message: expect.stringContaining(message) as string,
        hint: 'pass --region with one of: eu-central-1, eu-west-1',
      }) as Error,
    )
  })

  test('with only one bucket needs no choice, and a configuration without a list keeps its bucket in any region', () => {
    expect(bucketIn({ 'eu-central-1': two['eu-central-1'] })).toEqual(central)
    expect([bucketIn(undefined), bucketIn(undefined, 'eu-west-1')]).toEqual([
      central,
      { ...central, region: 'eu-west-1' },
    ])
  })

  test('has the output of the program of `pulumi up`', async () => {
    const { recordProgram } = await import('../../infra/recording.ts')
    const { exampleConfig } = await import('../../lab/sandbox/loader/example-config.ts')
    const { outputs } = await recordProgram({ ...exampleConfig, layer: 'vault', regions: ['eu-west-1'] })
    const configuration = parseConfiguration(JSON.stringify(outputs), 'vault.json')
    expect(chooseRegion(configuration, 'eu-west-1', undefined).bucket).toContain('eu-west-1')
    expect(() => chooseRegion(configuration, undefined, undefined)).toThrow('several regions')
  })
})
