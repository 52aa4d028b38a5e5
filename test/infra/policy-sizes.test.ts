// Every document that the program declares, at the sizes that the configuration accepts at most: AWS would refuse a
// larger one halfway through a deployment.
import { describe, expect, it } from 'vitest'
import { quotaChars } from '../../guardrails/policy.ts'
import { readConfig } from '../../infra/config-reader.ts'
import { policySizeConflicts } from '../../infra/policy-size-conflicts.ts'
import { recordProgram } from '../../infra/recording.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import { exampleConfig, withoutOrganization } from '../../lab/sandbox/loader/example-config.ts'

type Quota = keyof typeof quotaChars

/** The quota of each property that holds a document; the key is the last part of Pulumi's type. */
const quotaOf: Readonly<Record<string, Quota | number>> = {
  'BucketPolicy policy': 'bucketPolicy',
  'EventBusPolicy policy': 'managedPolicy',
  'FileSystemPolicy policy': 'fileSystemPolicy',
  'Key policy': 'keyPolicy',
  'LogResourcePolicy policyDocument': 5_120,
  'Policy content': 'serviceControlPolicy',
  'Policy policy': 'managedPolicy',
  'Role assumeRolePolicy': 'trustPolicy',
  'RolePolicy policy': 'inlinePolicies',
  'Topic policy': 'managedPolicy',
  // AWS publishes no quota of a backup vault's policy: the smallest of the others.
  'VaultPolicy policy': 5_120,
  'VpcEndpoint policy': 'bucketPolicy',
}

/** The longest ARN that Identity Center gives: a name of 32 characters in a region with a long name. */
const person = (accountId: string, index: number) =>
  `arn:aws:iam::${accountId}:role/aws-reserved/sso.amazonaws.com/ap-southeast-7/AWSReservedSSO_${`P${index}`.padEnd(32, 'x')}_0123456789abcdef`
const people = (accountId: string, count: number, first = 0) =>
  Array.from({ length: count }, (_, index) => person(accountId, first + index))

const { vaultAccountId: vault, productionAccountId: production } = exampleConfig
const accountOf = {
  restorers: vault,
  runners: vault,
  launchers: production,
  breakGlass: production,
  approvers: production,
  responders: production,
  administrators: production,
} as const
type PeopleKey = keyof typeof accountOf
const keys = Object.keys(accountOf) as PeopleKey[]

const regions = ['ap-southeast-7', 'me-central-1', 'us-east-1']
const readable = readConfig({ ...exampleConfig, regions, layer: 'vault' }, 0)
const conflictsWith = (key: PeopleKey, count: number) =>
  policySizeConflicts({ ...readable, [key]: people(accountOf[key], count) })

/** How many people the configuration takes under the key. */
function maxOf(key: PeopleKey): number {
  let count = 1
  while (conflictsWith(key, count + 1).length === 0) count += 1
  return count
}

describe('40 people with the longest ARNs', () => {
  it.each(keys)('are refused under %s, with the size and the quota', (key) => {
    expect(conflictsWith(key, 40)).toEqual([
      expect.stringMatching(
        new RegExp(
          `^holdfast:${key}: the trust policy of holdfast-[a-z-]+ would have \\d{4} characters, and AWS takes 2048; name fewer principals: one permission set`,
        ),
      ),
    ])
  })

  it.each(keys)('of whom %s takes at least seven', (key) => {
    expect(maxOf(key)).toBeGreaterThanOrEqual(7)
  })

  it('are refused as deployers with the whole list of principals', () => {
    expect(policySizeConflicts({ ...readable, deployers: people(vault, 80) })).toEqual([
      expect.stringContaining('holdfast:deployers: with restorers and runners they make a control policy of'),
    ])
  })
})

it("a writer's trust that is too large is refused with its role", () => {
  const oidc = {
    issuer: `https://${'i'.repeat(240)}.example`,
    audience: 'a'.repeat(300),
    subject: 's'.repeat(900),
  }
  const sources = [{ ...readable.sources[0]!, name: 'site', trust: { oidc } }]
  expect(policySizeConflicts({ ...readable, sources })).toEqual([
    expect.stringMatching(
      /^holdfast:sources: the trust policy of holdfast-writer-site would have \d{4} characters/,
    ),
  ])
})

it('more regions than a policy takes are refused', () => {
  const many = Array.from({ length: 60 }, (_, index) => `ap-southeast-${index}`)
  const problems = policySizeConflicts({ ...readable, regions: many })
  expect(problems.length).toBeGreaterThan(0)
  for (const problem of problems)
    expect(problem).toMatch(/^holdfast:(regions|runners): the (trust )?policy of /)
})

describe.each([false, true])('at the most that the configuration accepts, detached: %s', (detached) => {
  it('every declared document fits its quota, and every document has one', async () => {
    const listed = Object.fromEntries(
      keys.map((key) => [key, people(accountOf[key], maxOf(key), key === 'approvers' ? 500 : 0)]),
    )
    const longest = (name: string) => name.padEnd(48, 'x')
    const config = {
      ...exampleConfig,
      ...listed,
      ...(detached
        ? {
            ...withoutOrganization,
            thawUntil: new Date(Date.now() + 3_600_000).toISOString(),
          }
        : {}),
      regions,
      sources: exampleConfig.sources.map((source) => ({ ...source, name: longest(source.name) })),
      agents: exampleConfig.agents.map((agent) => ({ ...agent, name: longest(agent.name) })),
    }
    const resources: RecordedResource[] = []
    for (const layer of ['vault', 'production', ...(detached ? [] : ['organization'])])
      resources.push(...(await recordProgram({ ...config, layer })).resources)
    const documents = resources.flatMap(documentsOf)
    expect(documents.length).toBeGreaterThan(60)
    expect(documents.filter(({ quota, chars }) => quota === undefined || chars > quota)).toEqual([])
  })
})

function documentsOf({ type, name, inputs }: RecordedResource) {
  return Object.entries(inputs)
    .filter(([, value]) => typeof value === 'string' && value.startsWith('{"Version"'))
    .map(([property, value]) => {
      const kind = `${type.split(':').at(-1)} ${property}`
      const quota = quotaOf[kind]
      return {
        kind,
        name,
        chars: (value as string).length,
        quota: typeof quota === 'string' ? quotaChars[quota] : quota,
      }
    })
}
