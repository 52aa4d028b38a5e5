// The configurations to prove: the example with every kind of source, with an Organization and without one; or the
// configuration of a stack.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'
import { parseConfigValue } from '../../infra/config-values.ts'
import { exampleAccounts, exampleConfig } from '../sandbox/loader/example-config.ts'

/** Not a real certificate, because neither the proof nor the program reads it. */
const certificateAuthorityPem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
/** A source whose backups lie in another region. */
const archive = {
  name: 'archive',
  kind: 'postgres',
  region: 'eu-west-1',
  trust: { awsRoleArn: `arn:aws:iam::${exampleConfig.productionAccountId}:role/workloads/archive` },
}
const plant = { name: 'plant', trust: { rolesAnywhere: { certificateAuthorityPem, commonName: 'plant-1' } } }

// Only one of the two configurations requires an approval for break-glass, so the proof covers both.
const approvers = [`arn:aws:iam::${exampleAccounts.production}:role/people/duty-manager`]

export const examinedConfigs = {
  organization: {
    ...exampleConfig,
    regions: ['eu-west-1'],
    sources: [...exampleConfig.sources, plant, archive],
    approvers,
  },
  detached: {
    ...exampleConfig,
    regions: ['eu-west-1'],
    sources: [...exampleConfig.sources, plant, archive],
    detached: true,
    organizationId: '',
    managementAccountId: '',
  },
} satisfies Record<string, Record<string, unknown>>

const pulumiValue = z.object({ value: z.string(), objectValue: z.unknown().optional() })

/**
 * The configuration that `pulumi config --json` prints, or plain `{key: value}`; `holdfast:` before a key may be left out.
 * @throws HoldfastError `invalid-input` if the file can't be read or isn't such JSON
 */
export function readConfigFile(file: string): Record<string, unknown> {
  let entries: Record<string, unknown>
  try {
    entries = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new HoldfastError('invalid-input', `${file} is not a configuration in JSON`, {
      hint: 'write one with `pulumi config --json > FILE`',
      cause: error,
    })
  }
  const ownEntries = Object.entries(entries).filter(
    ([key]) => !key.includes(':') || key.startsWith('holdfast:'),
  )
  return Object.fromEntries(
    ownEntries.map(([full, entry]) => {
      const key = full.replace(/^holdfast:/, '')
      const stored = pulumiValue.safeParse(entry)
      if (!stored.success) return [key, entry]
      return [key, stored.data.objectValue ?? parseConfigValue(key, stored.data.value)]
    }),
  )
}
