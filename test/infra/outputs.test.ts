// A stack's outputs may hold no secret, because tools read them, the state keeps them, and operators paste them
// into tickets. They hold an account's id only in an ARN, a name, or a field for the account itself.
import { beforeAll, describe, expect, it } from 'vitest'
import { recordProgram } from '../../infra/recording.ts'
import type { Recording } from '../../infra/recording.ts'
import { exampleConfig, withoutOrganization } from '../../lab/sandbox/loader/example-config.ts'

/** Paths below a layer's outputs at which an account's id may stand; `*` is any one key. */
const mayNameAccounts: Record<string, readonly string[]> = {
  vault: [
    'vaultAccountId',
    'vaultBucket',
    'feedbackBucket',
    'auditBucket',
    'alarmTopicArn',
    'roles.*',
    'writers.*',
    'imageRepository',
    'checks.image',
    'toolkit.bucket',
    'regions.*.vaultBucket',
    'regions.*.feedbackBucket',
    'regions.*.alarmTopicArn',
  ],
  production: [
    'productionAccountId',
    'agents.*.roleArn',
    'breakGlass',
    'approver',
    'responder',
    'administrator',
    'quarantine',
    'quarantine.*',
    'approval.*',
  ],
  organization: ['managementAccountId'],
}

const secrets = {
  certificate: '-----BEGIN CERTIFICATE-----\nMIIBsecretbytes\n-----END CERTIFICATE-----\n',
  webhook: 'https://hooks.example.com/services/T000/B000/XXXXsecretXXXX',
  address: 'night-shift@pager.example',
  subject: 'project:rental:service:site-secret-subject',
}

const secretShapes: readonly [what: string, shape: RegExp][] = [
  ['an access key', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ['a private key or a certificate', /-----BEGIN/],
  ['a token', /\b(?:ghp_|gho_|github_pat_|xox[abp]-|sk-|rw_|pul-)[A-Za-z0-9_-]{10,}/],
  ['a URL with a password', /\/\/[^/\s:@]+:[^/\s:@]+@/],
  [
    'a key that is named like a secret',
    /"(?:[a-zA-Z]*(?:password|secret|token|privateKey|accessKey)[a-zA-Z]*)":/i,
  ],
  ['an address', /[\w.+-]+@[\w-]+\.[a-z]{2,}/i],
  ['a webhook', /https?:\/\//],
]

const accounts = [
  exampleConfig.vaultAccountId,
  exampleConfig.productionAccountId,
  exampleConfig.managementAccountId,
]

interface Leaf {
  path: string
  text: string
}

function leavesOf(value: unknown, path: readonly string[] = []): Leaf[] {
  if (value === null || typeof value !== 'object') return [{ path: path.join('.'), text: String(value) }]
  return Object.entries(value).flatMap(([key, item]) => [
    { path: [...path, '(key)'].join('.'), text: key },
    ...leavesOf(item, [...path, key]),
  ])
}

function strayAccounts(layer: string, outputs: Record<string, unknown>): string[] {
  const allowed = (mayNameAccounts[layer] ?? []).map(
    (path) => new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('*', '[^.]+')}$`),
  )
  return leavesOf(outputs)
    .filter(
      ({ text }) => accounts.some((id) => text.includes(id)) || /(?<![0-9a-f])\d{12}(?![0-9a-f])/.test(text),
    )
    .filter(({ path }) => !allowed.some((pattern) => pattern.test(path)))
    .map(({ path, text }) => `${path}: ${text}`)
}

function secretsIn(outputs: Record<string, unknown>): string[] {
  const text = JSON.stringify(outputs)
  return [
    ...secretShapes.filter(([, shape]) => shape.test(text)).map(([secretName]) => secretName),
    ...Object.entries(secrets)
      .filter(([, value]) => text.includes(JSON.stringify(value).slice(1, -1)))
      .map(([secretName]) => secretName),
  ]
}

const config = {
  ...exampleConfig,
  alarmEmails: [secrets.address],
  alarmWebhooks: [secrets.webhook],
  sources: [
    ...exampleConfig.sources.filter(({ name }) => name !== 'site'),
    {
      name: 'site',
      trust: {
        oidc: { issuer: 'https://oidc.platform.example', audience: 'holdfast', subject: secrets.subject },
      },
    },
    {
      name: 'plant',
      trust: { rolesAnywhere: { certificateAuthorityPem: secrets.certificate, commonName: 'plant-1' } },
    },
  ],
}
const detached = {
  ...config,
  ...withoutOrganization,
  organizationParentId: '',
}

let recordings: [name: string, layer: string, recording: Recording][]
beforeAll(async () => {
  recordings = [
    ['vault', 'vault', await recordProgram({ ...config, layer: 'vault' })],
    ['production', 'production', await recordProgram({ ...config, layer: 'production' })],
    ['organization', 'organization', await recordProgram({ ...config, layer: 'organization' })],
    ['vault without an Organization', 'vault', await recordProgram({ ...detached, layer: 'vault' })],
    [
      'production without an Organization',
      'production',
      await recordProgram({ ...detached, layer: 'production' }),
    ],
  ]
})

describe('the outputs of every layer', () => {
  it('name an account only where a tool needs it', () => {
    for (const [name, layer, { outputs }] of recordings)
      expect({ name, stray: strayAccounts(layer, outputs) }).toEqual({ name, stray: [] })
  })

  it('hold no secret, and nothing that the configuration says of people and workloads', () => {
    for (const [name, , { outputs }] of recordings)
      expect({ name, secrets: secretsIn(outputs) }).toEqual({ name, secrets: [] })
  })

  it('say which layer and which version of the form they are', () => {
    for (const [, layer, { outputs }] of recordings)
      expect(outputs).toMatchObject({ formatVersion: 1, layer })
  })
})

describe('the search itself', () => {
  it('finds an account that appears elsewhere, as a value or as a key', () => {
    const [, , { outputs }] = recordings[0]!
    expect(strayAccounts('vault', { ...outputs, note: `ask ${exampleConfig.productionAccountId}` })).toEqual([
      `note: ask ${exampleConfig.productionAccountId}`,
    ])
    expect(
      strayAccounts('vault', { ...outputs, byAccount: { [exampleConfig.managementAccountId]: true } }),
    ).toEqual([`byAccount.(key): ${exampleConfig.managementAccountId}`])
    expect(strayAccounts('vault', { ...outputs, other: '987654321098' })).toEqual(['other: 987654321098'])
  })

  it.each<[string, Record<string, unknown>]>([
    ['an access key', { key: 'AKIAIOSFODNN7EXAMPLE' }],
    ['a token', { deep: [{ note: 'ghp_0123456789abcdef0123' }] }],
    ['a URL with a password', { database: 'postgres://app:hunter2@db/app' }],
    ['a key that is named like a secret', { webhookToken: 'x' }],
    ['webhook', { alarms: secrets.webhook }],
    ['certificate', { trust: secrets.certificate }],
    ['subject', { trust: secrets.subject }],
    ['address', { people: [secrets.address] }],
  ])('finds %s', (secretName, planted) => {
    expect(secretsIn({ ...recordings[0]![2].outputs, ...planted })).toContain(secretName)
  })
})
