import { describe, expect, test } from 'vitest'
import type { BucketKeeping } from '../../aws/bucket-settings.ts'
import type { BackupVaultLock, BinResource, ProtectedThing, RetentionRule } from '../../aws/delay-settings.ts'
import { HoldfastError } from '../../core/errors.ts'
import { catalogue } from '../../guardrails/catalogue.ts'
import { recoveries } from '../../guardrails/recovery.ts'
import { assess } from '../../blast-radius/assessment.ts'
import { actionsToAsk } from '../../blast-radius/destructive-actions.ts'
import { correctSafeguards, readLiveSafeguards } from '../../blast-radius/live-safeguards.ts'
import type { SafeguardReading } from '../../blast-radius/live-safeguards.ts'

const nowMs = Date.UTC(2026, 3, 24)
const [central, west] = ['eu-central-1', 'eu-west-1']

interface World {
  regions?: string[]
  buckets?: BucketKeeping[]
  rules?: (region: string, resource: BinResource) => RetentionRule[]
  tables?: ProtectedThing[]
  databases?: ProtectedThing[]
  clusters?: ProtectedThing[]
  vaults?: BackupVaultLock[]
  logGroups?: ProtectedThing[]
  fails?: HoldfastError
}

function read(
  world: World,
  action: string,
  resources: string[] = ['*'],
): Promise<SafeguardReading | undefined> {
  return readAll(world, [[action, resources]]).then((readings) => readings.get(action))
}

function readAll(
  {
    regions = [central],
    buckets = [],
    rules = () => [],
    tables = [],
    databases = [],
    clusters = [],
    vaults = [],
    logGroups = [],
    fails,
  }: World,
  permissions: [string, string[]][],
  calls: string[] = [],
) {
  const answer = <Found>(call: string, response: Found): Promise<Found> => {
    calls.push(call)
    return fails === undefined ? Promise.resolve(response) : Promise.reject(fails)
  }
  return readLiveSafeguards(
    {
      regions,
      nowMs,
      buckets: {
        list: () =>
          answer(
            'buckets',
            buckets.map(({ name }) => name),
          ),
        read: (name) =>
          answer(
            name,
            buckets.find((candidate) => candidate.name === name)!,
          ),
      },
      databases: {
        databases: (region) => answer(`databases ${region}`, databases),
        clusters: (region) => answer(`clusters ${region}`, clusters),
      },
      delays: {
        recycleBinRules: (region, resource) => answer(`${resource} ${region}`, rules(region, resource)),
        tables: (region) => answer(`tables ${region}`, tables),
        backupVaults: (region) => answer(`vaults ${region}`, vaults),
        logGroups: (region) => answer(`logs ${region}`, logGroups),
      },
    },
    permissions.map(([action, resources]) => ({
      action,
      allowed: true,
      resources,
      conditions: [],
      deniedBy: null,
    })),
  )
}

const rule = (fields: Partial<RetentionRule> = {}): RetentionRule => ({
  id: 'r',
  days: 7,
  coversAll: true,
  locked: false,
  ...fields,
})
const bucket = (name: string, fields: Partial<BucketKeeping> = {}): BucketKeeping => ({
  name,
  versioned: false,
  lock: null,
  oldVersionsDays: null,
  ...fields,
})

describe('the Recycle Bin', () => {
  test('is seen if every region has a rule for all resources, with the fewest days', async () => {
    const rules = (region: string): RetentionRule[] =>
      region === central ? [rule({ days: 3 }), rule({ days: 5 })] : [rule()]
    expect(await read({ regions: [central, west], rules }, 'ec2:DeleteVolume')).toEqual({
      state: 'seen',
      days: 5,
      locked: false,
      detail: 'a rule of 5 days in eu-central-1, eu-west-1',
    })
  })

  test('is locked if every region has a locked rule, whose days count', async () => {
    expect(
      await read({ rules: () => [rule({ days: 5, locked: true }), rule()] }, 'ec2:DeleteSnapshot'),
    ).toMatchObject({ state: 'seen', days: 5, locked: true })
    expect(
      await read(
        { regions: [central, west], rules: (region) => [rule({ locked: region === west })] },
        'ec2:DeleteSnapshot',
      ),
    ).toMatchObject({ locked: false })
  })

  test.each<[string, RetentionRule[]]>([
    ['no rule', []],
    ['a rule by tag', [rule({ coversAll: false, locked: true })]],
  ])('is absent if a region has %s', async (_, rules) => {
    expect(
      await read(
        { regions: [central, west], rules: (region) => (region === west ? rules : [rule()]) },
        'ec2:DeregisterImage',
      ),
    ).toEqual({ state: 'absent', detail: 'no rule of the Recycle Bin covers all of them in eu-west-1' })
  })

  test('keeps its rules if all of them are locked', async () => {
    expect(
      await read(
        { rules: (_, resource) => (resource === 'EBS_VOLUME' ? [rule({ locked: true })] : []) },
        'rbin:DeleteRule',
      ),
    ).toMatchObject({ state: 'seen', locked: false })
    expect(
      await read(
        { rules: (_, resource) => [rule({ id: resource, locked: resource !== 'EC2_IMAGE' })] },
        'rbin:UpdateRule',
      ),
    ).toEqual({ state: 'absent', detail: 'no lock on EC2_IMAGE' })
    expect(await read({}, 'rbin:DeleteRule')).toMatchObject({ state: 'absent' })
  })
})

test('only an identity that may unlock a locked rule of the Recycle Bin can remove it', async () => {
  const readings = await readAll({ rules: () => [rule({ locked: true })] }, [['rbin:DeleteRule', ['*']]])
  const stateWith = (...allowed: string[]): unknown =>
    assess(
      actionsToAsk().map((action) => ({
        action,
        allowed: allowed.includes(action),
        resources: ['*'],
        conditions: [],
        deniedBy: null,
      })),
      correctSafeguards({}, readings),
      nowMs,
      readings,
    )
      .possible.filter(({ action }) => action === 'rbin:DeleteRule')
      .map(({ state, takenOffBy }) => [state, ...takenOffBy])
  expect(stateWith('rbin:DeleteRule')).toEqual([['refused']])
  expect(stateWith('rbin:DeleteRule', 'rbin:UnlockRule')).toEqual([['taken-off', 'rbin:UnlockRule']])
})

describe('buckets', () => {
  const compliance = { versioned: true, lock: { retention: { mode: 'COMPLIANCE' as const, days: 40 } } }
  const governance = { versioned: true, lock: { retention: { mode: 'GOVERNANCE' as const, days: 40 } } }
  const undefaulted = { versioned: true, lock: { retention: null } }

  test.each<[string, Partial<BucketKeeping>, object]>([
    ['s3:DeleteObject', { versioned: true }, { state: 'seen' }],
    ['s3:DeleteObject', { versioned: true, oldVersionsDays: 3 }, { state: 'seen', days: 3 }],
    ['s3:DeleteObject', {}, { state: 'absent', detail: 'no versions on second' }],
    ['s3:DeleteObjectVersion', compliance, { state: 'seen', locked: true }],
    ['s3:DeleteObjectVersion', governance, { state: 'seen', locked: false }],
    ['s3:DeleteObjectVersion', undefaulted, { state: 'absent' }],
    [
      's3:DeleteObjectVersion',
      { versioned: true },
      { state: 'absent', detail: 'no default retention on second' },
    ],
    ['s3:PutLifecycleConfiguration', undefaulted, { state: 'absent' }],
    ['s3:PutBucketVersioning', undefaulted, { state: 'seen' }],
    ['s3:PutBucketVersioning', { versioned: true }, { state: 'absent' }],
    ['s3:BypassGovernanceRetention', governance, { state: 'absent' }],
    ['s3:UpdateObjectEncryption', compliance, { state: 'seen', locked: true }],
  ])('report %s by the weakest of them: %j', async (action, second, expected) => {
    expect(
      await read({ buckets: [bucket('first', compliance), bucket('second', second)] }, action),
    ).toMatchObject(expected)
  })

  test('with a default retention are seen with the fewest days, and with its limits as a caveat', async () => {
    const buckets = [
      bucket('first', compliance),
      bucket('second', { lock: { retention: { mode: 'COMPLIANCE', days: 1 } } }),
      bucket('bare', { lock: { retention: null } }),
    ]
    const both = ['arn:aws:s3:::first/*', 'arn:aws:s3:::second/*']
    for (const action of [
      's3:DeleteObjectVersion',
      's3:PutLifecycleConfiguration',
      's3:UpdateObjectEncryption',
      's3:BypassGovernanceRetention',
    ]) {
      expect(await read({ buckets }, action, both)).toMatchObject({
        state: 'seen',
        locked: true,
        detail: expect.stringMatching(/on each bucket \(2\), of 1 day at least$/) as string,
        caveat: expect.stringContaining('not older versions') as string,
      })
      expect((await read({ buckets }, action, both.slice(0, 1)))?.detail).toMatch(/, of 40 days at least$/)
      expect(await read({ buckets }, action)).toEqual({
        state: 'absent',
        detail: expect.stringMatching(/ on bare$/) as string,
      })
    }
    expect(await read({ buckets }, 's3:PutBucketVersioning')).not.toHaveProperty('caveat')
  })

  test('count only if the action is allowed on them', async () => {
    const buckets = [bucket('kept', compliance), bucket('kept-too', compliance), bucket('bare')]
    const state = async (...resources: string[]): Promise<string | undefined> =>
      (await read({ buckets }, 's3:DeleteObjectVersion', resources))?.state
    expect(
      await Promise.all([
        state('arn:aws:s3:::kept/*'),
        state('arn:aws:s3:::kept*/a/*'),
        state('arn:aws:s3:::*'),
        state('arn:aws:s3:::kept/*', 'arn:aws:s3:::b?re/x'),
        state('*'),
        state('arn:aws:s3:::other/*'),
      ]),
    ).toEqual(['seen', 'seen', 'absent', 'absent', 'absent', 'absent'])
    // IAM's wildcards stand for slashes too: these name keys of any bucket that begins so.
    expect(
      await Promise.all([
        state('arn:aws:s3:::*.parquet'),
        state('arn:aws:s3:::*/kept/*'),
        state('arn:aws:s3:::ba*.parquet'),
        state('arn:aws:s3:::bar?/x'),
        state('arn:aws:s3:::kept?x'),
      ]),
    ).toEqual(['absent', 'absent', 'absent', 'absent', 'seen'])
    expect(await state('arn:aws:s3:eu-central-1:111122223333:accesspoint/a/object/*')).toBe('absent')
  })
})

describe('databases, tables, log groups and backup vaults', () => {
  test('have a safeguard if each of them that the action could hit is protected', async () => {
    const tables = [
      { name: 'table/kept', isProtected: true },
      { name: 'table/bare', isProtected: false },
    ]
    expect(
      await read({ tables }, 'dynamodb:DeleteTable', [
        'arn:aws:dynamodb:eu-central-1:111122223333:table/kept',
      ]),
    ).toMatchObject({ state: 'seen', locked: false })
    expect(await read({ tables }, 'dynamodb:DeleteTable')).toEqual({
      state: 'absent',
      detail: 'no deletion protection on table/bare',
    })
    const databases = [
      { name: 'db:kept', isProtected: true },
      { name: 'db:bare', isProtected: false },
    ]
    expect(await read({ databases }, 'rds:DeleteDBInstance', ['arn:aws:rds:*:*:db:kept'])).toMatchObject({
      state: 'seen',
    })
    expect(await read({ databases }, 'rds:DeleteDBInstance', ['arn:aws:rds:*:*:db:*'])).toMatchObject({
      state: 'absent',
      detail: 'no deletion protection on db:bare',
    })
    expect(
      await read({ databases, clusters: [{ name: 'cluster:c', isProtected: true }] }, 'rds:DeleteDBCluster'),
    ).toMatchObject({ state: 'seen' })
    const logGroups = [
      { name: 'log-group:/kept', isProtected: true },
      { name: 'log-group:/bare', isProtected: false },
    ]
    expect(
      await read({ logGroups }, 'logs:DeleteLogGroup', ['arn:aws:logs:*:*:log-group:/kept:*']),
    ).toMatchObject({ state: 'seen' })
    expect(await read({ logGroups }, 'logs:DeleteLogGroup', ['arn:aws:logs:*:*:*'])).toMatchObject({
      state: 'absent',
    })
  })

  test('have a final lock from the end of the grace time on', async () => {
    const vault = (finalFromMs: number | null, locked = true): BackupVaultLock => ({
      name: 'v',
      locked,
      finalFromMs,
    })
    expect(await read({ vaults: [vault(nowMs)] }, 'backup:DeleteRecoveryPoint')).toMatchObject({
      state: 'seen',
      locked: true,
    })
    expect(await read({ vaults: [vault(nowMs + 1)] }, 'backup:DeleteRecoveryPoint')).toMatchObject({
      state: 'seen',
      locked: false,
    })
    expect(
      await read({ vaults: [vault(null, false), vault(nowMs)] }, 'backup:UpdateRecoveryPointLifecycle'),
    ).toMatchObject({ state: 'absent' })
    expect(await read({ vaults: [vault(null)] }, 'backup:DeleteBackupVaultLockConfiguration')).toMatchObject({
      state: 'absent',
    })
  })
})

describe("a safeguard that can't be read", () => {
  test.each([
    ['denied', 'reading it was denied (no)'],
    ['unreachable', 'no'],
    ['credentials', 'no'],
    ['internal', 'no'],
  ] as const)('because it is %s is said, and is not absent', async (code, detail) => {
    const fails = new HoldfastError(code, 'no')
    for (const action of [
      'ec2:DeleteVolume',
      's3:DeleteObject',
      'dynamodb:DeleteTable',
      'backup:DeleteRecoveryPoint',
    ])
      expect(await read({ fails }, action)).toEqual({ state: 'unread', detail })
  })

  test('because --region does not name its region is reported', async () => {
    expect(
      await read({ rules: () => [rule()] }, 'ec2:DeleteVolume', [
        'arn:aws:ec2:eu-west-1:111122223333:volume/*',
        'arn:aws:ec2:*:*:volume/*',
      ]),
    ).toEqual({
      state: 'unread',
      detail: "the action is also allowed in eu-west-1, which --region doesn't name",
    })
  })

  test('in a region that only another role reaches is reported', async () => {
    const permission = {
      action: 'ec2:DeleteVolume',
      allowed: true,
      resources: ['arn:aws:ec2:eu-central-1:111122223333:volume/*'],
      conditions: [],
      deniedBy: null,
    }
    const readings = await readLiveSafeguards(
      {
        regions: [central],
        nowMs,
        buckets: {} as never,
        databases: {} as never,
        delays: { recycleBinRules: () => Promise.resolve([rule()]) } as never,
      },
      [{ ...permission, furtherResources: ['arn:aws:ec2:eu-west-1:111122223333:volume/*'] }],
    )
    expect(readings.get('ec2:DeleteVolume')).toMatchObject({ state: 'unread' })
  })

  test('because there are too many buckets is reported', async () => {
    expect(
      await read(
        { buckets: Array.from({ length: 301 }, (_, index) => bucket(`b${index}`)) },
        's3:DeleteObject',
      ),
    ).toMatchObject({ state: 'unread' })
  })

  test('because the signal stopped it ends the report', async () => {
    await expect(
      read({ fails: new HoldfastError('interrupted', 'stopped') }, 's3:DeleteObject'),
    ).rejects.toMatchObject({ code: 'interrupted' })
  })
})

test('every list is requested once, and only for allowed actions', async () => {
  const calls: string[] = []
  const permissions: [string, string[]][] = actionsToAsk().map((action) => [action, ['*']])
  const readings = await readAll({ buckets: [bucket('a-a')] }, permissions, calls)
  expect(new Set(calls).size).toBe(calls.length)
  // Each reading is about an action with a safeguard that the customer has to set up.
  for (const action of readings.keys()) expect(recoveries[action]).toMatchObject({ presence: 'set-up' })
  expect(
    await readLiveSafeguards({} as never, [
      { action: 's3:DeleteObject', allowed: false, resources: [], conditions: [], deniedBy: null },
    ]),
  ).toEqual(new Map())
})

describe('an assessment', () => {
  const permissions = actionsToAsk().map((action) => ({
    action,
    allowed: ['ec2:DeleteVolume', 's3:DeleteObject'].includes(action),
    resources: ['*'],
    conditions: [],
    deniedBy: null,
  }))
  const judge = (readings: [string, SafeguardReading][], stated = {}) => {
    const map = new Map(readings)
    return assess(permissions, correctSafeguards(stated, map), nowMs, map).possible.map(
      ({ action, state, recoverableUntilMs, reading }) => [
        action,
        state,
        recoverableUntilMs,
        reading?.state ?? null,
      ],
    )
  }

  test('counts a loss as recoverable only by a safeguard that was seen', () => {
    const day = 86_400_000
    expect(
      judge([
        ['ec2:DeleteVolume', { state: 'seen', days: 7, locked: true, detail: '' }],
        ['s3:DeleteObject', { state: 'unread', detail: '' }],
      ]),
    ).toEqual([
      ['ec2:DeleteVolume', 'recoverable', nowMs + 7 * day, 'seen'],
      ['s3:DeleteObject', 'not-known', null, 'unread'],
    ])
    expect(judge([])).toEqual([
      ['ec2:DeleteVolume', 'not-known', null, null],
      ['s3:DeleteObject', 'not-known', null, null],
    ])
  })

  test('prefers readings to statements, and uses statements if nothing could be read', () => {
    const stated = { 'ec2:DeleteVolume': { days: 7, locked: true }, 's3:DeleteObject': {} }
    expect(
      judge(
        [
          ['ec2:DeleteVolume', { state: 'absent', detail: '' }],
          ['s3:DeleteObject', { state: 'unread', detail: '' }],
        ],
        stated,
      ).map(([, state]) => state),
    ).toEqual(['absent', 'recoverable'])
    expect(stated).toHaveProperty(['ec2:DeleteVolume'])
  })
})

test('every action with a reading is in the catalogue', async () => {
  const readings = await readAll(
    {},
    actionsToAsk().map((action) => [action, ['*']]),
  )
  expect(
    [...readings.keys()].filter((action) => !catalogue.some((entry) => entry.action === action)),
  ).toEqual([])
  expect(readings.size).toBe(18)
})
