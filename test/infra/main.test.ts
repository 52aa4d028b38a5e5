import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { recordProgram } from '../../infra/recording.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { runProgram } from './engine-stand-in.ts'

const { main } = parse(readFileSync(new URL('../../Pulumi.yaml', import.meta.url), 'utf8')) as {
  main: string
}

function asText(config: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      `holdfast:${key}`,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )
}

describe("the entry point that Pulumi.yaml names, started by Pulumi's own runner", () => {
  it('registers what the recording shows, and ends well', async () => {
    const config = { ...exampleConfig, layer: 'vault' }
    const run = await runProgram(asText(config), { stack: 'vault', dryRun: false, main })
    expect({ exitCode: run.exitCode, errors: run.errors, problems: run.monitor.problems }).toEqual({
      exitCode: 0,
      errors: [],
      problems: [],
    })
    const recorded = await recordProgram(config)
    const shown = run.monitor.recorded.map(({ type, name, inputs, protect, retainOnDelete, accountId }) => ({
      type,
      name,
      inputs,
      protect,
      retainOnDelete,
      accountId,
    }))
    const expected = recorded.resources.map(({ type, name, inputs, protect, retainOnDelete, accountId }) => ({
      type,
      name,
      inputs,
      protect,
      retainOnDelete,
      accountId,
    }))
    const byName = (a: { type: string; name: string }, b: { type: string; name: string }) =>
      `${a.type} ${a.name}`.localeCompare(`${b.type} ${b.name}`)
    expect(shown.sort(byName)).toEqual(expected.sort(byName))
  })

  it('refuses a bad configuration with a message and a hint, without a stack trace, before it registers anything', async () => {
    const run = await runProgram(
      asText({ ...exampleConfig, layer: 'vault', vaultAccountId: '222222222222' }),
      { stack: 'vault', dryRun: true, main },
    )
    expect(run.exitCode).not.toBe(0)
    expect(run.monitor.recorded.filter(({ type }) => type !== 'pulumi:pulumi:Stack')).toEqual([])
    expect(run.errors.join('\n')).toContain("holdfast:vaultAccountId: is production's account too")
    expect(run.errors.join('\n')).toContain('HINT: ')
    expect(run.errors.join('\n')).not.toMatch(/\n\s+at /)
  })
  it('says which Node it needs, if the one that runs it knows no TypeScript', async () => {
    const run = await runProgram(asText({ ...exampleConfig, layer: 'vault' }), {
      stack: 'vault',
      dryRun: true,
      main,
      nodeFlags: ['--no-experimental-strip-types'],
    })
    expect(run.exitCode).not.toBe(0)
    expect(run.monitor.recorded.filter(({ type }) => type !== 'pulumi:pulumi:Stack')).toEqual([])
    expect(run.errors.join('\n')).toContain("can't run this program: it needs Node 22.21 or later")
    expect(run.errors.join('\n')).toContain('PATH="$PWD/node_modules/.bin:$PATH" pulumi up')
  })

  it('refuses to replace the vault that the stack has, before it registers anything', async () => {
    const before = {
      'urn:pulumi:vault::holdfast::holdfast:vault:VaultBucket$aws:s3/bucket:Bucket::vault': {
        type: 'aws:s3/bucket:Bucket',
        outputs: { bucket: 'holdfast-vault-111111111111-eu-north-1' },
      },
    }
    const run = await runProgram(asText({ ...exampleConfig, layer: 'vault' }), {
      stack: 'vault',
      dryRun: false,
      main,
      before,
    })
    expect(run.exitCode).not.toBe(0)
    expect(run.monitor.recorded.filter(({ type }) => type !== 'pulumi:pulumi:Stack')).toEqual([])
    expect(run.errors.join('\n')).toContain(
      'holdfast:region: makes the vault holdfast-vault-111111111111-eu-central-1',
    )
    expect(run.errors.join('\n')).not.toMatch(/\n\s+at /)
  })
})
