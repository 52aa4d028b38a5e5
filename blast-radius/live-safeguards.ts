// Reads from AWS which safeguards an account has in place. A safeguard counts as seen only if every resource
// that the action could hit, in the given regions, has it. A safeguard that we may not read counts as not in
// place, and is reported.
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
import type { StatedSafeguards } from './stated-safeguards.ts'
import type { Permission } from './permissions.ts'
import { matches } from './statements.ts'

export interface SafeguardReading {
  state: 'seen' | 'absent' | 'unread'
  days?: number
  locked?: boolean
  /** The resources that have it or lack it, or why it could not be read. */
  detail: string
  /** A limit of a safeguard that was seen, in words. */
  caveat?: string
}

export type SafeguardReadings = ReadonlyMap<string, SafeguardReading>

export interface SafeguardServices {
  buckets: Pick<BucketSettings, 'list' | 'read'>
  databases: Pick<DatabaseSettings, 'databases' | 'clusters'>
  delays: Pick<DelaySettings, 'recycleBinRules' | 'tables' | 'backupVaults' | 'logGroups'>
  /** The regions that the account uses: we assume that the other regions are empty. */
  regions: readonly string[]
  nowMs: number
}

/** Each bucket costs three calls. */
const maxBuckets = 300
const maxNamed = 3
const newVersionsOnly =
  'a default retention protects only versions written since it was set, each for its days: not older versions, nor those past their days'

/** One reading for each allowed action whose safeguard AWS reports. */
export async function readLiveSafeguards(
  services: SafeguardServices,
  permissions: readonly Permission[],
): Promise<SafeguardReadings> {
  const account = withCache(services)
  const readings = new Map<string, SafeguardReading>()
  for (const { action, allowed, resources: directResources, furtherResources = [] } of permissions) {
    const read = Object.hasOwn(readers, action) ? readers[action]! : null
    if (!allowed || read === null) continue
    const resources = [...directResources, ...furtherResources]
    const unnamed = [...new Set(resources.flatMap((arn) => regionOf(arn) ?? []))].filter(
      (region) => !services.regions.includes(region),
    )
    readings.set(
      action,
      unnamed.length > 0
        ? {
            state: 'unread',
            detail: `the action is also allowed in ${unnamed.join(', ')}, which --region doesn't name`,
          }
        : await unlessUnreadable(() => read(account, resources)),
    )
  }
  return readings
}

/**
 * Whether AWS reports the safeguard against an action. If so, we need every resource that the action may hit,
 * by every path.
 */
export function isSafeguardReadable(action: string): boolean {
  return Object.hasOwn(readers, action)
}

/** The stated safeguards, corrected by the readings: a stated safeguard that is absent is removed. */
export function correctSafeguards(stated: StatedSafeguards, readings: SafeguardReadings): StatedSafeguards {
  const safeguards = { ...stated }
  for (const [action, { state, days, locked }] of readings) {
    if (state === 'absent') delete safeguards[action]
    if (state === 'seen')
      safeguards[action] = {
        ...(days === undefined ? {} : { days }),
        ...(locked === undefined ? {} : { locked }),
      }
  }
  return safeguards
}

interface Account extends SafeguardServices {
  allBuckets: () => Promise<BucketKeeping[]>
  rules: (resource: BinResource) => Promise<{ region: string; rules: RetentionRule[] }[]>
  inRegions: <Item>(kind: string, list: (region: string) => Promise<Item[]>) => Promise<Item[]>
}

type Reader = (account: Account, resources: readonly string[]) => Promise<SafeguardReading>

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

/** Needs a rule for all resources of the kind in every region; the longest rule of a region counts. */
function recycleBin(resource: BinResource): Reader {
  return async ({ rules }) => {
    const regions = (await rules(resource)).map(({ region, rules: regionRules }) => {
      const covering = regionRules.filter(({ coversAll }) => coversAll)
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
        detail: `no rule of the Recycle Bin covers all of them in ${without.join(', ')}`,
      }
    const days = Math.min(...regions.map((region) => region.days))
    const locked = regions.every(({ isLocked }) => isLocked)
    return {
      state: 'seen',
      days,
      locked,
      detail: `${locked ? 'a locked rule' : 'a rule'} of ${days} days in ${regions.map(({ region }) => region).join(', ')}`,
    }
  }
}

/** `isLocked` is false, because an identity that may unlock a rule can delete it after the unlock delay. */
async function lockedRules({ rules }: Account): Promise<SafeguardReading> {
  const allRules = (
    await Promise.all(
      (['EBS_VOLUME', 'EBS_SNAPSHOT', 'EC2_IMAGE'] as const).map((resource) => rules(resource)),
    )
  )
    .flat()
    .flatMap(({ rules: regionRules }) => regionRules)
  return judge(
    'rule of the Recycle Bin',
    'a lock',
    allRules.map((rule) => ({ name: rule.id, hasSafeguard: rule.locked, isLocked: false })),
  )
}

function onRetentions(safeguard: string, hasSafeguard: (retention: DefaultRetention) => boolean): Reader {
  const read = onBuckets(
    safeguard,
    ({ lock }) => lock !== null && lock.retention !== null && hasSafeguard(lock.retention),
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

function onBuckets(safeguard: string, hasSafeguard: (bucket: BucketKeeping) => boolean): Reader {
  return async (account, resources) => {
    const meant = await bucketsMeant(account, resources)
    const judged = judge(
      'bucket',
      safeguard,
      meant.map((bucket) => ({
        name: bucket.name,
        hasSafeguard: hasSafeguard(bucket),
        isLocked: bucket.lock?.retention?.mode === 'COMPLIANCE',
      })),
    )
    if (safeguard !== 'versions') return judged
    // A lifecycle rule limits how long old versions can be restored. We report no lock, because an identity
    // that may delete versions removes this safeguard whether or not a default retention locks them.
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
  list: (services: SafeguardServices) => (region: string) => Promise<ProtectedThing[]>,
): Reader {
  return async (account, resources) => {
    const things = await account.inRegions(kind, list(account))
    const meant = things.filter(({ name }) => resources.some((arn) => meansName(arn, name)))
    return judge(
      kind,
      'deletion protection',
      meant.map(({ name, isProtected }) => ({ name, hasSafeguard: isProtected, isLocked: false })),
    )
  }
}

/** All vaults, because the ARN of a recovery point does not name its vault. */
function onVaults(hasSafeguard: (vault: BackupVaultLock, nowMs: number) => boolean): Reader {
  return async ({ inRegions, delays, nowMs }) => {
    const vaults = await inRegions('backup vault', (region) => delays.backupVaults(region))
    return judge(
      'backup vault',
      'a lock',
      vaults.map((vault) => ({
        name: vault.name,
        hasSafeguard: hasSafeguard(vault, nowMs),
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
  safeguard: string,
  things: readonly { name: string; hasSafeguard: boolean; isLocked: boolean }[],
): SafeguardReading {
  // Absent, because a resource may be created tomorrow, or belong to another account.
  if (things.length === 0) return { state: 'absent', detail: `there is no ${kind} that the action could hit` }
  const without = things.filter(({ hasSafeguard }) => !hasSafeguard).map(({ name }) => name)
  if (without.length === 0)
    return {
      state: 'seen',
      locked: things.every(({ isLocked }) => isLocked),
      detail: `${safeguard} on each ${kind} (${things.length})`,
    }
  const unnamed = without.length > maxNamed ? ` and ${without.length - maxNamed} more` : ''
  return {
    state: 'absent',
    detail: `no ${safeguard.replace(/^an? /, '')} on ${without.slice(0, maxNamed).join(', ')}${unnamed}`,
  }
}

/** Requests each list of the account once. */
function withCache(services: SafeguardServices): Account {
  const cache = new Map<string, Promise<unknown>>()
  const once = <List>(key: string, read: () => Promise<List>): Promise<List> => {
    const list = cache.get(key) ?? read()
    cache.set(key, list)
    return list as Promise<List>
  }
  return {
    ...services,
    allBuckets: () => once('buckets', () => readBuckets(services)),
    rules: (resource) =>
      once(resource, () =>
        Promise.all(
          services.regions.map(async (region) => ({
            region,
            rules: await services.delays.recycleBinRules(region, resource),
          })),
        ),
      ),
    inRegions: (kind, list) => once(kind, async () => (await Promise.all(services.regions.map(list))).flat()),
  }
}

async function readBuckets({ buckets }: SafeguardServices): Promise<BucketKeeping[]> {
  const names = await buckets.list()
  if (names.length > maxBuckets) throw new TooMany(`the account has more than ${maxBuckets} buckets`)
  const states: BucketKeeping[] = []
  for (const name of names) states.push(await buckets.read(name))
  return states
}

class TooMany extends Error {}

async function unlessUnreadable(read: () => Promise<SafeguardReading>): Promise<SafeguardReading> {
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

/**
 * `arn:aws:s3:::name/key` with wildcards, which match slashes too. Other forms (access points) can lead to
 * any bucket.
 */
function meansBucket(arn: string, name: string): boolean {
  const [, path] = arn.split(':::')
  if (path === undefined) return true
  const [first] = path.split('/') as [string]
  const wildcard = first.search(/[*?]/)
  return wildcard === -1 ? first === name : name.startsWith(first.slice(0, wildcard))
}

/** Compares the last part of an ARN, with wildcards. */
function meansName(arn: string, name: string): boolean {
  const last = arn.split(':').slice(5).join(':')
  return last === '' || matches(last, name) || matches(last, `${name}:*`)
}

/** Null if the ARN has no region, or a wildcard for it. */
function regionOf(arn: string): string | null {
  const region = arn.split(':')[3] ?? ''
  return /^[a-z0-9-]+$/.test(region) ? region : null
}
