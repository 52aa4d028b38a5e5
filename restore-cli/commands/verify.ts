// `holdfast verify`: checks whether snapshots can be restored, and names the files that can't be.
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import type { Shard } from '../../core/restore-plan/shards.ts'
import type { SnapshotRequest } from '../../core/snapshot/snapshot-choice.ts'
import type { ReadShare, VerifyResult } from '../../engine/operations.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import type { OpenVault } from '../open-vault.ts'
import {
  duration,
  notaryKeyOption,
  pointInTimeOption,
  snapshotOption,
  sourceOption,
  wholeNumber,
} from '../options.ts'
import { makeOutput } from '../output.ts'
import { assertNamesSnapshot, parseShard, shardOption } from '../shard-flag.ts'
import type { Output } from '../output.ts'
import { bytesText, countOf, durationText } from '../render/figures.ts'
import {
  isIntact,
  liveRecord,
  renderLive,
  renderLiveSummary,
  renderVerify,
  verifyRecord,
} from '../render/verify-report.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface VerifyFlags extends VaultFlags, SnapshotRequest {
  readData?: boolean
  readShare?: number
  shard?: string
  all?: boolean
  maxAge?: number
  minLockDays?: number
}

export function declare(command: Command, invocation: Invocation): void {
  command
    .description("Check that a snapshot can be restored, and name every file that can't.")
    .addOption(sourceOption("the source to verify (default: the vault's only source)"))
    .addOption(snapshotOption())
    .addOption(pointInTimeOption())
    .addOption(notaryKeyOption())
    .addOption(
      new Option(
        '--all',
        'all snapshots whose guaranteed retention has not ended, newest first; each pack is read once',
      ).conflicts(['snapshot', 'pointInTime']),
    )
    .option('--read-data', 'fetch and re-hash every byte (default: look at every object and read the tree)')
    .addOption(
      new Option('--read-share <n>', 'fetch and re-hash one of n shares, each day the next one')
        .argParser(parseShares)
        .conflicts('readData'),
    )
    .addOption(shardOption('look only at the packs of').conflicts(['all', 'readShare']))
    .addOption(
      new Option('--max-age <time>', 'the snapshot (with --all: the newest) may be this old, e.g. 26h or 2d')
        .argParser(duration)
        .conflicts(['snapshot', 'pointInTime']),
    )
    .addOption(
      new Option('--min-lock-days <days>', 'each object must stay locked for so many days').argParser(
        wholeNumber,
      ),
    )
    .addHelpText(
      'after',
      `
Examples:
  holdfast verify --bucket my-vault
  holdfast verify --bucket my-vault --source rental-db --read-share 7
  holdfast verify --bucket my-vault --source rental-db --all --read-data
  holdfast verify --bucket my-vault --source rental-db --snapshot 01KR5PJ0ZBFTW9W5W4FKB1NGJZ --read-data --shard 3/8
  holdfast verify --bucket my-vault --source rental-db --max-age 26h --min-lock-days 14

Ends with 4 if something is lost, damaged or archived; with 9 if everything is intact, and a lock is missing, has ended, or is
weaker than guaranteed; with 14 if --max-age or --min-lock-days is not met.
`,
    )
    .action(() => verifySnapshots(command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws `InvalidArgumentError` unless it is 2 to 365. */
function parseShares(text: string): number {
  const shares = wholeNumber(text)
  if (shares < 2 || shares > 365) throw new InvalidArgumentError('It is not from 2 to 365.')
  return shares
}

/**
 * @throws `damaged` after the report, if anything is lost, damaged or archived; `vault-unsafe` if only locks are
 * missing or
 *   weak; `objective-missed` if only a limit of a flag is passed.
 */
async function verifySnapshots(flags: VerifyFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const shard = flags.shard === undefined ? undefined : parseShard(flags.shard, invocation.environment)
  if (shard !== undefined) assertNamesSnapshot(flags, '--shard')
  const address = await resolveVault(flags, {
    command: 'verify',
    roleOf: ({ roles }) => roles.restorer,
  })
  await withVault(
    address,
    invocation.signal,
    async (vault) => {
      if (flags.all === true) await verifyAll(vault, flags, output)
      else await verifyOne(vault, { ...flags, trustedKeys: address.trustedKeys }, { shard, output })
    },
    output,
  )
}

async function verifyOne(
  vault: OpenVault,
  flags: VerifyFlags,
  { shard, output }: { shard: Shard | undefined; output: Output },
): Promise<void> {
  const { chooseSnapshot } = await import('../../core/snapshot/snapshot-choice.ts')
  const { verify } = await import('../../engine/verify/verify.ts')
  const choice = await output.during('listing the snapshots', () =>
    chooseSnapshot(vault.store, flags, vault.clock, vault.signal),
  )
  const { snapshot } = choice
  const progress = output.progress('reading the list of files')
  try {
    const reading = await readingOf(flags, vault)
    const result = await verify({
      ...vault,
      ...reading,
      shard,
      snapshot,
      onProgress: (figures) => progress.update(progressText(figures, reading.readData), { ...figures }),
    })
    progress.stop()
    const missed = missedLimits(flags, result, snapshot.timeMs)
    output.record('verify', {
      ...verifyRecord(result, {
        choice,
        readData: flags.readData ?? false,
        share: reading.share,
        shard,
        missed,
      }),
      vault: vault.store.name,
      requests: vault.store.requests,
    })
    output.text(renderVerify(result, { choice, readData: reading.readData, shard, missed }))
    assertSound(result, snapshot.id)
    assertLimits(missed, snapshot.id)
  } finally {
    progress.stop()
  }
}

async function verifyAll(vault: OpenVault, flags: VerifyFlags, output: Output): Promise<void> {
  const { chooseSource } = await import('../../core/snapshot/snapshot-choice.ts')
  const { listSnapshots } = await import('../../core/snapshot/snapshot.ts')
  const { verifyLive } = await import('../../engine/verify/verify-live.ts')
  const source = await chooseSource(vault.store, flags.source)
  const snapshots = await output.during('listing the snapshots', () => listSnapshots(vault.store, source))
  const nowMs = vault.store.serverTimeMs ?? vault.clock.nowMs()
  const reading = await readingOf(flags, vault)
  const progress = output.progress('reading the first list of files')
  const counts = {
    source,
    listed: snapshots.length,
    verified: 0,
    unreadable: 0,
    damaged: 0,
    unlocked: 0,
    skipped: 0,
  }
  const missed: string[] = []
  let bytesRead = 0
  try {
    const verifications = verifyLive({
      ...vault,
      ...reading,
      snapshots,
      nowMs,
      onProgress: (figures) =>
        progress.update(`snapshot ${counts.verified + 1}: ${progressText(figures, reading.readData)}`, {
          snapshots: counts.verified,
          ...figures,
        }),
    })
    for await (const verification of verifications) {
      const limits: string[] = []
      if (verification.outcome === 'verified') {
        const { result, snapshot } = verification
        if (counts.verified === 0) limits.push(...missedAge(flags, result, snapshot.timeMs))
        limits.push(...missedLock(flags, result))
        counts.verified++
        bytesRead += result.bytesRead
        if (!isIntact(result)) counts.damaged++
        else if (result.objects.length > 0) counts.unlocked++
      } else counts[verification.outcome]++
      missed.push(...limits.map((limit) => `${verification.ref.id}: ${limit}`))
      output.record('verified-snapshot', liveRecord(verification, limits))
      output.text(renderLive(verification))
    }
  } finally {
    progress.stop()
  }
  if (counts.verified === 0 && flags.maxAge !== undefined) missed.push('no live snapshot could be verified')
  output.record('verify-all', {
    ...counts,
    ok: counts.damaged + counts.unreadable + counts.unlocked + missed.length === 0,
    readData: flags.readData ?? false,
    readShare: reading.share ?? null,
    bytesRead,
    missed,
    vault: vault.store.name,
    requests: vault.store.requests,
  })
  output.text(renderLiveSummary({ ...counts, bytesRead, missed }))
  assertAllSound(counts)
  assertLimits(missed, source)
}

async function readingOf(
  flags: VerifyFlags,
  { store, clock }: OpenVault,
): Promise<{ readData: boolean; share?: ReadShare }> {
  if (flags.readShare === undefined) return { readData: flags.readData ?? false }
  const { shareOfDay } = await import('../../engine/read-share.ts')
  return { readData: true, share: shareOfDay(flags.readShare, store.serverTimeMs ?? clock.nowMs()) }
}

function progressText(
  figures: { packs: number; packsTotal: number; bytesRead: number },
  readData: boolean,
): string {
  return `${figures.packs} of ${countOf(figures.packsTotal, 'pack')} verified${readData ? `, ${bytesText(figures.bytesRead)} read` : ''}`
}

/** The limits of the flags that are not met, as text. */
function missedLimits(flags: VerifyFlags, result: VerifyResult, timeMs: number): string[] {
  return [...missedAge(flags, result, timeMs), ...missedLock(flags, result)]
}

function missedAge({ maxAge }: VerifyFlags, { serverTimeMs }: VerifyResult, timeMs: number): string[] {
  if (maxAge === undefined) return []
  if (serverTimeMs === null) return ['the store sends no time, so that the age is unknown']
  const ageMs = serverTimeMs - timeMs
  return ageMs <= maxAge ? [] : [`it is ${durationText(ageMs)} old, and --max-age is ${durationText(maxAge)}`]
}

function missedLock({ minLockDays }: VerifyFlags, result: VerifyResult): string[] {
  const { lockedUntilMs, serverTimeMs, unchecked } = result
  if (minLockDays === undefined) return []
  if (lockedUntilMs === null || serverTimeMs === null || unchecked.locks > 0)
    return [`not every lock is known, and --min-lock-days is ${minLockDays}`]
  const days = (lockedUntilMs - serverTimeMs) / dayMs
  return days >= minLockDays
    ? []
    : [`the first lock ends in ${Math.max(0, days).toFixed(1)} days, and --min-lock-days is ${minLockDays}`]
}

const lockHint =
  'back up to a bucket whose Object Lock has a default retention that exceeds --promise-days: `pulumi up` creates one'

function assertSound(result: VerifyResult, id: string): void {
  const { objects, files } = result
  if (objects.length === 0 && files.length === 0) return
  const context = { snapshot: id, objects: objects.length, files: files.length }
  if (isIntact(result)) {
    throw new HoldfastError(
      'vault-unsafe',
      `the snapshot ${id} is intact, and ${countOf(new Set(objects.map(({ key }) => key)).size, 'object')} of it not locked as guaranteed`,
      { hint: lockHint, context },
    )
  }
  throw new HoldfastError(
    'damaged',
    `the snapshot ${id} is damaged: ${countOf(objects.length, 'object')} and ${countOf(files.length, 'file')}`,
    {
      hint: 'its other files can be restored; `holdfast snapshots` lists the other snapshots; `holdfast backup --upload-again` replaces lost packs in the next one',
      context,
    },
  )
}

function assertAllSound(counts: {
  source: string
  damaged: number
  unreadable: number
  unlocked: number
}): void {
  const { source, damaged, unreadable, unlocked } = counts
  if (damaged + unreadable > 0)
    throw new HoldfastError(
      'damaged',
      `of the snapshots of ${source}, ${damaged} are damaged and ${unreadable} can't be read`,
      {
        hint: 'the report names their files; the other snapshots can be restored',
        context: { damaged, unreadable },
      },
    )
  if (unlocked > 0)
    throw new HoldfastError(
      'vault-unsafe',
      `the snapshots of ${source} are intact, and ${unlocked} of them not locked as guaranteed`,
      { hint: lockHint, context: { unlocked } },
    )
}

function assertLimits(missed: readonly string[], subject: string): void {
  if (missed.length === 0) return
  throw new HoldfastError('objective-missed', `${subject}: ${missed.slice(0, 3).join('; ')}`, {
    hint: 'look whether the backup of this source still runs, and which retention its bucket has',
    context: { missed },
  })
}
