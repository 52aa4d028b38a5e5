// Which configurations are proven: the example, with every kind of source there is, with an Organization and without; or a
// stack's own.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'
import { parseConfigValue } from '../../infra/config-values.ts'
import { exampleAccounts, exampleConfig } from '../sandbox/loader/example-config.ts'

/** Not a real certificate: nothing here reads it, and the program doesn't either. */
const certificateAuthorityPem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
/** In a region of its own. */
const archive = {
  name: 'archive',
  kind: 'postgres',
  region: 'eu-west-1',
  trust: { awsRoleArn: `arn:aws:iam::${exampleConfig.productionAccountId}:role/workloads/archive` },
}
const plant = { name: 'plant', trust: { rolesAnywhere: { certificateAuthorityPem, commonName: 'plant-1' } } }

// With an approval for break-glass in one of the two, and without in the other.
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
  const own = Object.entries(entries).filter(([key]) => !key.includes(':') || key.startsWith('holdfast:'))
  return Object.fromEntries(
    own.map(([full, entry]) => {
      const key = full.replace(/^holdfast:/, '')
      const stored = pulumiValue.safeParse(entry)
      if (!stored.success) return [key, entry]
      return [key, stored.data.objectValue ?? parseConfigValue(key, stored.data.value)]
    }),
  )
}
