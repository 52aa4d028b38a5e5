// Which brakes an account really has, asked of AWS itself. A brake is seen only if everything that the action could hit, in the
// regions named, has it; what may not be looked at is said, and counts as no brake.
import type { BucketKeeping, BucketSettings, DefaultRetention } from '../aws/bucket-settings.ts'
import type { DatabaseSettings } from '../aws/database-settings.ts'
import type {
  BackupVaultLock,
  BinResource,
  DelaySettings,
  ProtectedThing,
  RetentionRule,
} from '../aws/delay-settings.ts'
import { isHoldfastError } from '../core/errors.ts'
import type { BrakesInPlace } from './safeguards-in-place.ts'
import type { Permission } from './permissions.ts'
import { matches } from './statements.ts'

export interface BrakeReading {
  state: 'seen' | 'absent' | 'unread'
  days?: number
  locked?: boolean
  /** On what it was seen, what lacks it, or why it could not be read. */
  detail: string
  /** What a brake that was seen leaves out, in words. */
  caveat?: string
}

export type BrakeReadings = ReadonlyMap<string, BrakeReading>

export interface BrakeWorld {
  buckets: Pick<BucketSettings, 'list' | 'read'>
  databases: Pick<DatabaseSettings, 'databases' | 'clusters'>
  delays: Pick<DelaySettings, 'recycleBinRules' | 'tables' | 'backupVaults' | 'logGroups'>
  /** What the account uses: nothing is taken to be in any other. */
  regions: readonly string[]
  nowMs: number
}

/** Each costs three calls. */
const mostBuckets = 300
const mostNamed = 3
const newVersionsOnly =
  'a default retention holds new versions only, each for its days from when it was written: not what was there before it was set, nor what is past its days'

/** One reading for each allowed action whose brake AWS tells about. */
export async function readBrakesInPlace(
  world: BrakeWorld,
  permissions: readonly Permission[],
): Promise<BrakeReadings> {
  const account = remember(world)
  const readings = new Map<string, BrakeReading>()
  for (const { action, allowed, resources: own, furtherResources = [] } of permissions) {
    const read = Object.hasOwn(readers, action) ? readers[action]! : null
    if (!allowed || read === null) continue
    const resources = [...own, ...furtherResources]
    const unnamed = [...new Set(resources.flatMap((arn) => regionOf(arn) ?? []))].filter(
      (region) => !world.regions.includes(region),
    )
    readings.set(
      action,
      unnamed.length > 0
        ? {
            state: 'unread',
            detail: `it is allowed in ${unnamed.join(', ')} too, which --region doesn't name`,
          }
        : await unlessUnreadable(() => read(account, resources)),
    )
  }
  return readings
}

/** Whether AWS tells of the brake against an action: then all that the action may hit has to be known, over every way. */
export function isBrakeReadable(action: string): boolean {
  return Object.hasOwn(readers, action)
}

/** What was said to be in place, corrected by what was seen: a brake that was looked for and is absent is none. */
export function correctBrakes(said: BrakesInPlace, readings: BrakeReadings): BrakesInPlace {
  const brakes = { ...said }
  for (const [action, { state, days, locked }] of readings) {
    if (state === 'absent') delete brakes[action]
    if (state === 'seen')
      brakes[action] = {
        ...(days === undefined ? {} : { days }),
        ...(locked === undefined ? {} : { locked }),
      }
  }
  return brakes
}

interface Account extends BrakeWorld {
  allBuckets: () => Promise<BucketKeeping[]>
  rules: (resource: BinResource) => Promise<{ region: string; rules: RetentionRule[] }[]>
  inRegions: <Item>(kind: string, list: (region: string) => Promise<Item[]>) => Promise<Item[]>
}

type Reader = (account: Account, resources: readonly string[]) => Promise<BrakeReading>

const readers: Readonly<Record<string, Reader>> = {
  'ec2:DeleteVolume': recycleBin('EBS_VOLUME'),
  'ec2:DeleteSnapshot': recycleBin('EBS_SNAPSHOT'),
  'ec2:DeregisterImage': recycleBin('EC2_IMAGE'),
  'rbin:DeleteRule': lockedRules,
  'rbin:UpdateRule': lockedRules,
  's3:DeleteObject': onBuckets('versions', ({ versioned }) => versioned),
  's3:DeleteObjectVersion': onRetentions('a default retention', () => true),
  's3:PutLifecycleConfiguration': onRetentions('a default retention', () => true),
  's3:PutBucketVersioning': onBuckets('Object Lock', ({ lock }) => lock !== null),
  's3:UpdateObjectEncryption': onRetentions(
    'a default retention in COMPLIANCE',
    ({ mode }) => mode === 'COMPLIANCE',
  ),
  's3:BypassGovernanceRetention': onRetentions(
    'a default retention in COMPLIANCE',
    ({ mode }) => mode === 'COMPLIANCE',
  ),
  'rds:DeleteDBInstance': onThings(
    'database',
    ({ databases }) =>
      (region) =>
        databases.databases(region),
  ),
  'rds:DeleteDBCluster': onThings(
    'cluster',
    ({ databases }) =>
      (region) =>
        databases.clusters(region),
  ),
  'dynamodb:DeleteTable': onThings(
    'table',
    ({ delays }) =>
      (region) =>
        delays.tables(region),
  ),
  'logs:DeleteLogGroup': onThings(
    'log group',
    ({ delays }) =>
      (region) =>
        delays.logGroups(region),
  ),
  'backup:DeleteRecoveryPoint': onVaults(({ locked }) => locked),
  'backup:UpdateRecoveryPointLifecycle': onVaults(({ locked }) => locked),
  'backup:DeleteBackupVaultLockConfiguration': onVaults(isFinal),
}

/** A rule for everything of the kind, in every region; of several the longest is what holds. */
function recycleBin(resource: BinResource): Reader {
  return async ({ rules }) => {
    const regions = (await rules(resource)).map(({ region, rules: all }) => {
      const covering = all.filter(({ coversAll }) => coversAll)
      const locked = covering.filter((rule) => rule.locked)
      return {
        region,
        isLocked: locked.length > 0,
        days: Math.max(0, ...(locked.length > 0 ? locked : covering).map(({ days }) => days)),
      }
    })
    const without = regions.filter(({ days }) => days === 0).map(({ region }) => region)
    if (without.length > 0)
      return {
        state: 'absent',
        detail: `no rule of the Recycle Bin for all of them in ${without.join(', ')}`,
      }
    const days = Math.min(...regions.map((each) => each.days))
    const locked = regions.every(({ isLocked }) => isLocked)
    return {
      state: 'seen',
      days,
      locked,
      detail: `${locked ? 'a locked rule' : 'a rule'} of ${days} days in ${regions.map(({ region }) => region).join(', ')}`,
    }
  }
}

/** Not for good: whoever may unlock a rule gets at it once the unlocking has run its days. */
async function lockedRules({ rules }: Account): Promise<BrakeReading> {
  const all = (
    await Promise.all(
      (['EBS_VOLUME', 'EBS_SNAPSHOT', 'EC2_IMAGE'] as const).map((resource) => rules(resource)),
    )
  )
    .flat()
    .flatMap((each) => each.rules)
  return judge(
    'rule of the Recycle Bin',
    'a lock',
    all.map((rule) => ({ name: rule.id, isBraked: rule.locked, isLocked: false })),
  )
}

function onRetentions(brake: string, isBraked: (retention: DefaultRetention) => boolean): Reader {
  const read = onBuckets(
    brake,
    ({ lock }) => lock !== null && lock.retention !== null && isBraked(lock.retention),
  )
  return async (account, resources) => {
    const judged = await read(account, resources)
    if (judged.state !== 'seen') return judged
    const days = Math.min(
      ...(await bucketsMeant(account, resources)).flatMap(({ lock }) => lock?.retention?.days ?? []),
    )
    return {
      ...judged,
      detail: `${judged.detail}, of ${days} ${days === 1 ? 'day' : 'days'} at least`,
      caveat: newVersionsOnly,
    }
  }
}

async function bucketsMeant({ allBuckets }: Account, resources: readonly string[]): Promise<BucketKeeping[]> {
  return (await allBuckets()).filter(({ name }) => resources.some((arn) => meansBucket(arn, name)))
}

function onBuckets(brake: string, isBraked: (bucket: BucketKeeping) => boolean): Reader {
  return async (account, resources) => {
    const meant = await bucketsMeant(account, resources)
    const judged = judge(
      'bucket',
      brake,
      meant.map((bucket) => ({
        name: bucket.name,
        isBraked: isBraked(bucket),
        isLocked: bucket.lock?.retention?.mode === 'COMPLIANCE',
      })),
    )
    if (brake !== 'versions') return judged
    // Versions that a lifecycle rule removes come back for so long only, and whoever may delete them takes them off, locked or not by default.
    const days = meant.flatMap(({ oldVersionsDays }) => oldVersionsDays ?? [])
    return {
      state: judged.state,
      detail: judged.detail,
      ...(days.length === 0 ? {} : { days: Math.min(...days) }),
    }
  }
}

function onThings(
  kind: string,
  list: (world: BrakeWorld) => (region: string) => Promise<ProtectedThing[]>,
): Reader {
  return async (account, resources) => {
    const all = await account.inRegions(kind, list(account))
    const meant = all.filter(({ name }) => resources.some((arn) => meansName(arn, name)))
    return judge(
      kind,
      'deletion protection',
      meant.map(({ name, isProtected }) => ({ name, isBraked: isProtected, isLocked: false })),
    )
  }
}

/** Recovery points don't tell by their ARN in which vault they lie. */
function onVaults(isBraked: (vault: BackupVaultLock, nowMs: number) => boolean): Reader {
  return async ({ inRegions, delays, nowMs }) => {
    const all = await inRegions('backup vault', (region) => delays.backupVaults(region))
    return judge(
      'backup vault',
      'a lock',
      all.map((vault) => ({
        name: vault.name,
        isBraked: isBraked(vault, nowMs),
        isLocked: isFinal(vault, nowMs),
      })),
    )
  }
}

function isFinal({ locked, finalFromMs }: BackupVaultLock, nowMs: number): boolean {
  return locked && finalFromMs !== null && finalFromMs <= nowMs
}

function judge(
  kind: string,
  brake: string,
  all: readonly { name: string; isBraked: boolean; isLocked: boolean }[],
): BrakeReading {
  // Something may be there tomorrow, or be another account's: nothing was seen that would hold it.
  if (all.length === 0) return { state: 'absent', detail: `there is no ${kind} that it is about` }
  const without = all.filter(({ isBraked }) => !isBraked).map(({ name }) => name)
  if (without.length === 0)
    return {
      state: 'seen',
      locked: all.every(({ isLocked }) => isLocked),
      detail: `${brake} on each ${kind} (${all.length})`,
    }
  const more = without.length > mostNamed ? ` and ${without.length - mostNamed} more` : ''
  return {
    state: 'absent',
    detail: `no ${brake.replace(/^an? /, '')} on ${without.slice(0, mostNamed).join(', ')}${more}`,
  }
}

/** The lists of an account, each asked for once. */
function remember(world: BrakeWorld): Account {
  const asked = new Map<string, Promise<unknown>>()
  const once = <Answer>(key: string, ask: () => Promise<Answer>): Promise<Answer> => {
    const known = asked.get(key) ?? ask()
    asked.set(key, known)
    return known as Promise<Answer>
  }
  return {
    ...world,
    allBuckets: () => once('buckets', () => readBuckets(world)),
    rules: (resource) =>
      once(resource, () =>
        Promise.all(
          world.regions.map(async (region) => ({
            region,
            rules: await world.delays.recycleBinRules(region, resource),
          })),
        ),
      ),
    inRegions: (kind, list) => once(kind, async () => (await Promise.all(world.regions.map(list))).flat()),
  }
}

async function readBuckets({ buckets }: BrakeWorld): Promise<BucketKeeping[]> {
  const names = await buckets.list()
  if (names.length > mostBuckets) throw new TooMany(`the account has more than ${mostBuckets} buckets`)
  const found: BucketKeeping[] = []
  for (const name of names) found.push(await buckets.read(name))
  return found
}

class TooMany extends Error {}

async function unlessUnreadable(read: () => Promise<BrakeReading>): Promise<BrakeReading> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof TooMany) return { state: 'unread', detail: error.message }
    if (isHoldfastError(error, 'denied'))
      return { state: 'unread', detail: `reading it was denied (${error.message})` }
    if (isHoldfastError(error) && error.code !== 'interrupted')
      return { state: 'unread', detail: error.message }
    throw error
  }
}

/** `arn:aws:s3:::name/key`, with stars anywhere, which stand for slashes too; other forms (access points) can lead to any bucket. */
function meansBucket(arn: string, name: string): boolean {
  const [, rest] = arn.split(':::')
  if (rest === undefined) return true
  const [first] = rest.split('/') as [string]
  const wildcard = first.search(/[*?]/)
  return wildcard === -1 ? first === name : name.startsWith(first.slice(0, wildcard))
}

/** By the last part of an ARN, with stars anywhere. */
function meansName(arn: string, name: string): boolean {
  const last = arn.split(':').slice(5).join(':')
  return last === '' || matches(last, name) || matches(last, `${name}:*`)
}

/** Null where the ARN leaves the region open, or has none. */
function regionOf(arn: string): string | null {
  const region = arn.split(':')[3] ?? ''
  return /^[a-z0-9-]+$/.test(region) ? region : null
}
