// The configurations to prove: the example with every kind of source, with an Organization and without one; or the
// configuration of a stack.
import { vaultBucketName } from '../../guardrails/names.ts'
import { armingPhrase } from '../../infra/config.ts'
import { readConfig } from '../../infra/config-reader.ts'
import { exampleAccounts, exampleConfig, withoutOrganization } from '../sandbox/loader/example-config.ts'
import { layersOf } from '../sandbox/loader/loader.ts'
import { widestAgent } from './widest-agent.ts'

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

/** Listed, so that the other guards are asked about an owner of the vault's account too. */
const deployers = [
  ...exampleConfig.deployers,
  `arn:aws:iam::${exampleAccounts.vault}:role/by-hand/vault-administrator`,
]

const agents = [...exampleConfig.agents, widestAgent(readConfig({ ...exampleConfig, layer: 'vault' }, 0))]

// In one of the two configurations, the names of the buckets belong to the account.
const bucketNamespace = 'account-regional'
const regionalName = vaultBucketName({
  accountId: exampleAccounts.vault,
  region: exampleConfig.region,
  namespace: bucketNamespace,
})

const withoutProduction = {
  native: [],
  agents: [],
  launchers: [],
  breakGlass: [],
  approvers: [],
  administrators: [],
  responders: [],
  quarantineAgents: false,
  examine: false,
}

export const examinedConfigs = {
  organization: {
    ...exampleConfig,
    regions: ['eu-west-1'],
    sources: [...exampleConfig.sources, plant, archive],
    agents,
    approvers,
    deployers,
  },
  detached: {
    ...exampleConfig,
    regions: ['eu-west-1'],
    sources: [...exampleConfig.sources, plant, archive],
    agents,
    ...withoutOrganization,
    bucketNamespace,
    arm: armingPhrase(regionalName, exampleConfig.promiseDays + exampleConfig.generationDays),
    vaultBucket: regionalName,
  },
  // The company of the incident: its production is on a platform, and in AWS it has the vault alone.
  platform: {
    ...exampleConfig,
    productionAccountId: '',
    sources: [...exampleConfig.sources.filter(({ name }) => name === 'site'), plant],
    deployers,
    ...withoutProduction,
  },
} satisfies Record<string, Record<string, unknown>>

/**
 * The configuration with one person for each key that only another layer needs: the vault's stack need not have the
 * people of production, and the proof is about all layers.
 * @returns the keys that were assumed, each with its person
 * @throws HoldfastError `invalid-input` if a layer would refuse the rest
 */
export function assumePeople(
  raw: Record<string, unknown>,
  nowMs: number,
): { config: Record<string, unknown>; assumed: string[] } {
  const person = (accountId: unknown, role: string) => [
    `arn:aws:iam::${String(accountId)}:role/people/${role}`,
  ]
  const people: Record<string, string[]> = {
    ...(raw['detached'] === true ? {} : { deployers: person(raw['vaultAccountId'], 'vault-deployer') }),
    ...((raw['productionAccountId'] ?? '') === ''
      ? {}
      : { breakGlass: person(raw['productionAccountId'], 'operator') }),
  }
  const missing = Object.entries(people).filter(([key]) => {
    const value = raw[key]
    return value === undefined || (Array.isArray(value) && value.length === 0)
  })
  const config = { ...raw, ...Object.fromEntries(missing) }
  for (const layer of layersOf(config)) readConfig({ ...config, layer }, nowMs)
  return { config, assumed: missing.map(([key, [arn]]) => `holdfast:${key} = ${arn}`) }
}
