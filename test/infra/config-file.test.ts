import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readConfigFile } from '../../infra/config-file.ts'

const directory = mkdtempSync(join(tmpdir(), 'holdfast-config-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function read(content: unknown): Record<string, unknown> {
  const file = join(directory, 'config.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return readConfigFile(file)
}

describe('a configuration in a file', () => {
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

  it('of another version gets a sentence', () => {
    expect(() => read({ formatVersion: 0, region: 'eu-central-1' })).toThrow(
      expect.objectContaining({
        code: 'unsupported-format',
        message: expect.stringContaining('has the version 0, and this program reads 1') as string,
      }) as Error,
    )
    expect(read({ formatVersion: 1, region: 'eu-central-1' })).toEqual({ region: 'eu-central-1' })
  })

  it("that isn't there is refused", () => {
    expect(() => readConfigFile(join(directory, 'gone.json'))).toThrow(
      expect.objectContaining({ code: 'invalid-input' }) as Error,
    )
  })
})
