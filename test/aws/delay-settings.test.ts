import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DelaySettings } from '../../aws/delay-settings.ts'
import type { JsonRequest, JsonServices } from '../../aws/json-services.ts'
import { HoldfastError } from '../../core/errors.ts'

const region = 'eu-central-1'

function settings(response: (request: JsonRequest) => unknown): {
  delays: DelaySettings
  requests: JsonRequest[]
} {
  const requests: JsonRequest[] = []
  const services = {
    ask: (_what: string, request: JsonRequest) => (
      requests.push(request),
      Promise.resolve(response(request))
    ),
  } as unknown as JsonServices
  return { delays: new DelaySettings(services), requests }
}

describe('the Recycle Bin', () => {
  const rule = (Identifier: string, fields: object = {}): object => ({
    Identifier,
    RetentionPeriod: { RetentionPeriodValue: 7, RetentionPeriodUnit: 'DAYS' },
    Status: 'available',
    ...fields,
  })
  const bin = (rules: Record<string, object>) =>
    settings(({ path, body }) => {
      const names = Object.keys(rules)
      if (path !== '/list-rules') return rules[path.slice('/rules/'.length)]
      const at = Number(body?.['NextToken'] ?? 0)
      return { Rules: [{ Identifier: names[at] }], NextToken: at + 1 < names.length ? String(at + 1) : null }
    })

  test('is read rule by rule, page by page', async () => {
    const { delays, requests } = bin({
      aaa: rule('aaa', { LockState: 'locked', ResourceTags: [] }),
      bbb: rule('bbb', { LockState: 'pending_unlock' }),
      ccc: rule('ccc', { ResourceTags: [{ ResourceTagKey: 'k' }] }),
      ddd: rule('ddd', { ExcludeResourceTags: [{ ResourceTagKey: 'k' }] }),
      eee: rule('eee', { Status: 'pending' }),
    })
    expect(
      (await delays.recycleBinRules(region, 'EBS_VOLUME')).map(({ id, days, coversAll, locked }) => [
        id,
        days,
        coversAll,
        locked,
      ]),
    ).toEqual([
      ['aaa', 7, true, true],
      ['bbb', 7, true, false],
      ['ccc', 7, false, false],
      ['ddd', 7, false, false],
      ['eee', 7, false, false],
    ])
    expect(requests.slice(0, 2)).toMatchObject([
      { service: 'rbin', method: 'POST', path: '/list-rules', body: { ResourceType: 'EBS_VOLUME' } },
      { body: { NextToken: '1' } },
    ])
  })

  test.each<[string, object]>([
    ['no days', rule('aaa', { RetentionPeriod: null })],
    [
      'days in another unit',
      rule('aaa', { RetentionPeriod: { RetentionPeriodValue: 7, RetentionPeriodUnit: 'HOURS' } }),
    ],
    [
      'no whole days',
      rule('aaa', { RetentionPeriod: { RetentionPeriodValue: 0.5, RetentionPeriodUnit: 'DAYS' } }),
    ],
    ['a lock that is not known', rule('aaa', { LockState: 'half' })],
    ['tags that are no list', rule('aaa', { ResourceTags: {} })],
  ])('with a rule that has %s is an error', async (_, odd) => {
    await expect(bin({ aaa: odd }).delays.recycleBinRules(region, 'EBS_VOLUME')).rejects.toMatchObject({
      code: 'unreachable',
    })
  })

  test('with a rule whose name leads to another path gets no request for it', async () => {
    const { delays, requests } = settings(() => ({ Rules: [{ Identifier: '../x' }] }))
    await expect(delays.recycleBinRules(region, 'EBS_VOLUME')).rejects.toMatchObject({ code: 'unreachable' })
    expect(requests).toHaveLength(1)
  })
})

test('tables are listed page by page, and each is read', async () => {
  const { delays, requests } = settings(({ target, body }) => {
    if (target!.name.endsWith('ListTables'))
      return body!['ExclusiveStartTableName'] === undefined
        ? { TableNames: ['a'], LastEvaluatedTableName: 'a' }
        : { TableNames: ['b', 'c'] }
    return {
      Table: { a: { DeletionProtectionEnabled: true }, b: { DeletionProtectionEnabled: false }, c: {} }[
        String(body!['TableName'])
      ],
    }
  })
  expect(await delays.tables(region)).toEqual([
    { name: 'table/a', isProtected: true },
    { name: 'table/b', isProtected: false },
    { name: 'table/c', isProtected: false },
  ])
  expect(requests.map(({ target }) => target?.name)).toEqual(
    ['ListTables', 'ListTables', 'DescribeTable', 'DescribeTable', 'DescribeTable'].map(
      (name) => `DynamoDB_20120810.${name}`,
    ),
  )
})

test('backup vaults report whether they are locked, and when the lock becomes final', async () => {
  const { delays, requests } = settings(({ query }) =>
    query!['nextToken'] === undefined
      ? {
          BackupVaultList: [
            { BackupVaultName: 'Default' },
            { BackupVaultName: 'governed', Locked: true, LockDate: null },
          ],
          NextToken: 't',
        }
      : {
          BackupVaultList: [
            { BackupVaultName: 'final', Locked: true, LockDate: 1516925490.087 },
            { BackupVaultName: 'odd', Locked: false, LockDate: 1 },
            { BackupVaultName: 'gapped', Locked: null, VaultType: 'LOGICALLY_AIR_GAPPED_BACKUP_VAULT' },
            { BackupVaultName: 'plain', Locked: false, VaultType: 'BACKUP_VAULT' },
          ],
          NextToken: null,
        },
  )
  expect(await delays.backupVaults(region)).toEqual([
    { name: 'Default', locked: false, finalFromMs: null },
    { name: 'governed', locked: true, finalFromMs: null },
    { name: 'final', locked: true, finalFromMs: 1516925490087 },
    { name: 'odd', locked: false, finalFromMs: null },
    { name: 'gapped', locked: true, finalFromMs: 0 },
    { name: 'plain', locked: false, finalFromMs: null },
  ])
  expect(requests).toMatchObject([
    { service: 'backup', path: '/backup-vaults/', query: {} },
    { query: { nextToken: 't' } },
  ])
})

test('log groups report whether they are protected', async () => {
  const { delays } = settings(({ body }) =>
    body!['nextToken'] === undefined
      ? { logGroups: [{ logGroupName: '/a', deletionProtectionEnabled: true }], nextToken: 'n' }
      : { logGroups: [{ logGroupName: '/b' }] },
  )
  expect(await delays.logGroups(region)).toEqual([
    { name: 'log-group:/a', isProtected: true },
    { name: 'log-group:/b', isProtected: false },
  ])
})

test("pages that don't end are an error", async () => {
  const endless = settings(() => ({ logGroups: [], nextToken: 'again' }))
  await expect(endless.delays.logGroups(region)).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining("don't end") as string,
  })
  expect(endless.requests.length).toBeLessThan(4)
  let page = 0
  const ever = settings(() => ({ logGroups: [], nextToken: String(page++) }))
  await expect(ever.delays.logGroups(region)).rejects.toMatchObject({ code: 'unreachable' })
})

test('a response of any shape is read, or is a HoldfastError', async () => {
  const reads = [
    (delays: DelaySettings) => delays.recycleBinRules(region, 'EC2_IMAGE'),
    (delays: DelaySettings) => delays.tables(region),
    (delays: DelaySettings) => delays.backupVaults(region),
    (delays: DelaySettings) => delays.logGroups(region),
  ]
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.constantFrom(...reads), async (response, read) => {
      await read(settings(() => response).delays).then(
        (groups) => expect(groups).toEqual([]),
        (error: unknown) => expect(error).toBeInstanceOf(HoldfastError),
      )
    }),
  )
})
