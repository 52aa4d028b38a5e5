import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readConfig } from '../../infra/config-reader.ts'
import { configKeys } from '../../infra/config.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'

interface Declared {
  type: string
  description: string
  default?: unknown
}

const project = parse(readFileSync(new URL('../../Pulumi.yaml', import.meta.url), 'utf8')) as {
  main: string
  runtime: unknown
  config: Record<string, Declared>
}
const declared = Object.entries(project.config)

describe('Pulumi.yaml', () => {
  it('runs the program as it is, types stripped by Node', () => {
    expect(project.main).toBe('infra/start.js')
    expect(project.runtime).toMatchObject({ name: 'nodejs', options: { typescript: false } })
  })

  it('declares every key of the configuration, but the lists of objects that Pulumi has no type for', () => {
    expect(declared.map(([key]) => key).sort()).toEqual(
      configKeys.filter((key) => !['sources', 'agents', 'native'].includes(key)).sort(),
    )
  })

  it("has the program's own defaults", () => {
    expect(declared.filter(([, { default: value }]) => value === undefined)).toEqual([])
    const {
      sources,
      vaultAccountId,
      productionAccountId,
      managementAccountId,
      organizationId,
      restorers,
      alarmEmails,
      productionDomains,
      region,
    } = exampleConfig
    const minimum = {
      layer: 'vault',
      region,
      vaultAccountId,
      productionAccountId,
      managementAccountId,
      organizationId,
      sources,
      restorers,
      alarmEmails,
      productionDomains,
    }
    const config: Record<string, unknown> = { ...readConfig(minimum, 0), arm: '' }
    const configKeys = new Set(Object.keys(minimum))
    for (const [key, { default: value }] of declared) {
      if (!configKeys.has(key)) expect({ key, value: config[key] }).toEqual({ key, value })
    }
  })

  it('gives each default the type that it declares, and each key a description', () => {
    const kind = (value: unknown) =>
      Array.isArray(value) ? 'array' : typeof value === 'number' ? 'integer' : typeof value
    for (const [key, { type, description, default: value }] of declared) {
      if (value !== undefined) expect({ key, type }).toEqual({ key, type: kind(value) })
      expect(description.length).toBeGreaterThan(10)
    }
  })
})
