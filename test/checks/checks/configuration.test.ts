import { describe, expect, test } from 'vitest'
import { configuration } from '../../../checks/checks/configuration.ts'
import { configurationParts } from '../../../checks/configuration/configuration-parts.ts'
import type {
  LiveConfiguration,
  ResourceLocation,
} from '../../../checks/configuration/configuration-parts.ts'
import { parseExpectedState } from '../../../checks/configuration/expected-state.ts'
import { describeSubscriptions } from '../../../checks/configuration/subscription-names.ts'
import { HoldfastError } from '../../../core/errors.ts'
import { CheckedSource } from './source-checks.ts'

const role = 'arn:aws:iam::111111111111:role/holdfast/holdfast-notary'
const writer = (source: string) => `arn:aws:iam::111111111111:role/holdfast/holdfast-writer-${source}`
const documents = { trust: { Version: '2012-10-17' }, policies: {}, attached: [], boundary: null }
const expected = {
  buckets: { vault: { versioning: 'Enabled', replication: null } },
  roles: {
    [role]: { ...documents, source: null },
    [writer('files')]: { ...documents, source: 'files' },
    [writer('other')]: { ...documents, source: 'other' },
  },
}

class Account implements LiveConfiguration {
  settings = ['versioning', 'replication']
  values = new Map<string, unknown>([
    ['versioning', 'Enabled'],
    ['replication', null],
    [role, documents],
    [writer('files'), documents],
    [writer('other'), documents],
  ])
  reads: string[] = []
  kinds = ['alarm', 'topic']

  readResource(kind: string, { region, names }: ResourceLocation): Promise<Record<string, unknown>> {
    return this.readRole([kind, region, ...Object.values(names)].join(' ')) as Promise<
      Record<string, unknown>
    >
  }

  readSetting(_: string, setting: string): Promise<unknown> {
    return this.readRole(setting)
  }

  readRole(name: string): Promise<unknown> {
    this.reads.push(name)
    const value = this.values.get(name)
    return value instanceof HoldfastError ? Promise.reject(value) : Promise.resolve(value)
  }
}

async function nightOf(account: Account, state: unknown = expected) {
  const source = new CheckedSource()
  source.checks = [configuration]
  source.configuration = configurationParts(parseExpectedState(JSON.stringify(state), 'x'), 'vault', account)
  await source.nights(1)
  return source.run()
}

test('passes if all is as it was declared, and asks for no writer of another source', async () => {
  const account = new Account()
  const night = await nightOf(account)
  expect(night.red).toEqual({})
  expect(account.reads).toEqual(['versioning', 'replication', role, writer('files')])
  expect(night.source.outcomes[0]!.summary).toBe(
    '2 settings of the bucket, 2 roles and 0 resources of its alarms were compared, with 0 differences',
  )
})

test.each<[string, string, unknown, string]>([
  ['a setting that changed', 'versioning', 'Suspended', 'versioning: it is Suspended, not Enabled'],
  ['a setting that was added', 'replication', ['arn:x'], 'replication: it is ["arn:x"], not null'],
  [
    'a policy that was attached to a role',
    role,
    { ...documents, attached: ['arn:aws:iam::aws:policy/AdministratorAccess'] },
    `${role}: attached has arn:aws:iam::aws:policy/AdministratorAccess besides`,
  ],
  [
    'a role that is gone',
    writer('files'),
    new HoldfastError('not-found', 'no', { hint: 'x' }),
    `${writer('files')}: it is gone`,
  ],
])('is red for %s', async (_, name, value, finding) => {
  const account = new Account()
  account.values.set(name, value)
  const night = await nightOf(account)
  expect(night.red).toEqual({ configuration: 'failed' })
  expect(night.findings('configuration')).toEqual([finding])
})

test('could not tell if a read is denied, and compares everything else', async () => {
  const account = new Account()
  account.values.set('versioning', new HoldfastError('denied', 'no right', { hint: 'x' }))
  expect((await nightOf(account)).red).toEqual({ configuration: 'unknown' })
  account.values.set(role, { ...documents, boundary: 'arn:b' })
  const night = await nightOf(account)
  expect(night.red).toEqual({ configuration: 'failed' })
  expect(night.findings('configuration')).toEqual([
    'versioning: denied: no right',
    `${role}: boundary is arn:b, not null`,
  ])
})

describe('the way of an alarm', () => {
  const [alarm, topic] = ['alarm eu-central-1 missed', 'topic eu-central-1 arn:topic']
  const webhook = { protocol: 'https', endpoint: 'https://user:secret@hook.example/x', isConfirmed: true }
  const state = {
    ...expected,
    resources: {
      [alarm]: {
        kind: 'alarm',
        region: 'eu-central-1',
        names: { name: 'missed' },
        expected: { isEnabled: true, threshold: 1 },
      },
      [topic]: {
        kind: 'topic',
        region: 'eu-central-1',
        names: { arn: 'arn:topic' },
        expected: { policy: {}, subscriptions: describeSubscriptions([webhook]) },
      },
      future: { kind: 'future', region: 'eu-central-1', names: {}, expected: {} },
    },
  }
  // SNS lists the address without its password.
  const listed = { ...webhook, endpoint: 'https://user:****@hook.example/x' }
  const accountWith = (values: Record<string, unknown>) => {
    const account = new Account()
    const good = {
      [alarm]: { isEnabled: true, threshold: 1 },
      [topic]: { policy: {}, subscriptions: [listed] },
    }
    for (const [name, value] of Object.entries({ ...good, ...values })) account.values.set(name, value)
    return account
  }
  const findings = async (values: Record<string, unknown>) =>
    (await nightOf(accountWith(values), state)).findings('configuration').slice(0, -1)

  test('is as it was declared, and a kind that the program does not know could not tell', async () => {
    expect((await nightOf(accountWith({}), state)).findings('configuration')).toEqual([
      "future: unsupported-format: this program can't read a future",
    ])
  })

  test('is red if an alarm does nothing, and if it is gone', async () => {
    expect(await findings({ [alarm]: { isEnabled: false, threshold: 1 } })).toEqual([
      `${alarm}: isEnabled is false, not true`,
    ])
    expect(await findings({ [alarm]: new HoldfastError('not-found', 'no', { hint: 'x' }) })).toEqual([
      `${alarm}: it is gone`,
    ])
  })

  test('is red for a subscription that was added, removed or is not confirmed, and shows no address', async () => {
    const topicWith = (subscriptions: unknown[]) => findings({ [topic]: { policy: {}, subscriptions } })
    const added = { protocol: 'email', endpoint: 'mallory@example.com', isConfirmed: true }
    const all = [
      ...(await topicWith([listed, added])),
      ...(await topicWith([])),
      ...(await topicWith([{ ...listed, isConfirmed: false }])),
    ]
    expect(all).toEqual([
      expect.stringMatching(
        /^topic eu-central-1 arn:topic: subscriptions\.email [0-9a-f]{16} was added: confirmed$/,
      ),
      expect.stringMatching(/subscriptions\.https [0-9a-f]{16} is missing: confirmed$/),
      expect.stringMatching(/subscriptions\.https [0-9a-f]{16} is pending, not confirmed$/),
    ])
    expect(all.join()).not.toMatch(/mallory|secret|hook/)
  })
})

test('could not tell of a setting that it can not read', async () => {
  const night = await nightOf(new Account(), { buckets: { vault: { future: 1 } } })
  expect(night.findings('configuration')).toEqual([
    "future: unsupported-format: this program can't read the setting future",
  ])
  expect(night.red).toEqual({ configuration: 'unknown' })
})

test('does not run without an expected state', async () => {
  const source = new CheckedSource()
  source.checks = [configuration]
  await source.nights(1)
  expect((await source.run()).source.outcomes).toEqual([])
})

test.each(['{', '[]', '{"buckets":[]}', '{"roles":{}}'])('refuses the expected state %s', (text) => {
  expect(() => parseExpectedState(text, 'x')).toThrow('the expected state x is not usable')
})

test('refuses an expected state of another bucket', () => {
  expect(() => configurationParts({ buckets: {}, roles: {}, resources: {} }, 'vault', new Account())).toThrow(
    'the expected state has no bucket vault',
  )
})
