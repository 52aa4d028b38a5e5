// `holdfast backup`: adds one snapshot of a source to the vault.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import type { Renewal } from '../../core/snapshot/retention.ts'
import { assertSourceName, parsePackName } from '../../core/store/vault-keys.ts'
import type { BackupOptions, BackupProgress } from '../../engine/operations.ts'
import type { LowLevelBackup } from '../../engine/postgres/low-level-backup.ts'
import { externalIdOf } from '../../guardrails/names.ts'
import { addExcludeOptions, readExclusions } from '../exclusions.ts'
import type { ExcludeFlags } from '../exclusions.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import type { OpenVault } from '../open-vault.ts'
import { defaultPromiseDays, duration, renewalOption, sourceOption, wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import { backupRecord, renderBackup } from '../render/backup-report.ts'
import { bytesText, countOf } from '../render/figures.ts'
import { addConnectOptions, readServerAddress } from '../postgres-address.ts'
import type { ConnectFlags } from '../postgres-address.ts'
import { toolVersion } from '../tool-version.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultAddress, VaultFlags } from '../vault-options.ts'

interface BackupFlags extends VaultFlags, ExcludeFlags, ConnectFlags {
  source: string
  kind: 'volume' | 'postgres'
  stopped?: boolean
  fromSnapshot?: boolean
  cacheDir?: string
  promiseDays?: number
  renewal: Renewal
  allowUnlocked?: boolean
  allowEmpty?: boolean
  allowOtherFileSystem?: boolean
  uploadAgain?: string[]
  rereadShare?: number
  walWait?: number
  dryRun?: boolean
}

const defaultWalWaitMs = 10 * 60_000

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('Back up a directory to the vault, as one more snapshot of its source.')
    .argument('<dir>', 'the directory to back up')
    .addOption(sourceOption('the source that this is a snapshot of').makeOptionMandatory())
    .addOption(
      new Option('--kind <kind>', 'the kind of the directory')
        .choices(['volume', 'postgres'])
        .default('volume'),
    )
    .addOption(
      new Option(
        '--stopped',
        'no PostgreSQL server runs in the directory, although it has a postmaster.pid',
      ).conflicts('fromSnapshot'),
    )
    .option('--from-snapshot', 'the directory lies in one atomic file-system snapshot of a PostgreSQL server')
    .addOption(
      new Option(
        '--wal-wait <time>',
        'how long to wait until the server has archived the WAL of a base backup (default: 10m)',
      ).argParser(duration),
    )
    .addOption(
      new Option(
        '--cache-dir <dir>',
        "where to keep the list of uploaded content (default: the user's cache)",
      ).env('HOLDFAST_CACHE_DIR'),
    )
    .addOption(
      new Option(
        '--promise-days <n>',
        "how long the snapshot must stay restorable (default: the configuration's days, or 30)",
      ).argParser(wholeNumber),
    )
    .addOption(renewalOption())
    .option('--allow-unlocked', 'accept a bucket that does not lock its objects: for trials only')
    .option('--allow-empty', 'accept an empty directory, although the last snapshot has entries')
    .option('--allow-other-file-system', 'accept another file system than at the last snapshot')
    .option(
      '--upload-again <pack...>',
      'upload the content of these packs again: `verify` names lost and damaged ones',
    )
    .addOption(
      new Option(
        '--reread-share <n>',
        'also read one of n shares of the files that show no change, each day the next one',
      ).argParser(wholeNumber),
    )
    .option('--dry-run', 'walk and read everything, upload nothing')
    .addHelpText(
      'after',
      `
Examples:
  holdfast backup /srv/rental --source rental-db --bucket my-vault
  holdfast backup /home --source homes --exclude 'node_modules/' --exclude-caches --config vault.json
  holdfast backup /var/lib/postgresql/18/main --source rental-db --kind postgres --config vault.json

  holdfast backup /var/lib/postgresql/18/main --source rental-db --kind postgres --connect service=backup --config vault.json

With --connect, the server runs meanwhile: the snapshot is a base backup, and a restore also needs the server's WAL.
Ends with 3 if something was unreadable, vanished, changed or lies outside of the directory: the snapshot is in
the vault, and marked incomplete.
`,
    )
    .action((directory: string) => backUp(resolve(directory), command.opts(), invocation))
  addExcludeOptions(command)
  addConnectOptions(command)
  addVaultOptions(command)
}

/** @throws `incomplete` after it committed and reported the snapshot, if content is missing from it. */
async function backUp(directory: string, flags: BackupFlags, invocation: Invocation): Promise<void> {
  assertSourceName(flags.source)
  const atRest = atRestOf(flags)
  const serverAddress = readServerAddress(flags, invocation.environment)
  assertServerFlags(flags, serverAddress)
  if (flags.rereadShare === 0)
    throw new HoldfastError('invalid-input', '--reread-share 0 has no share', {
      hint: 'pass the number of days in which all files are read once, e.g. --reread-share 30',
    })
  const exclude = readExclusions(flags, directory)
  const output = makeOutput(invocation, flags.json ?? false)
  const address = await resolveVault(flags, {
    command: 'backup',
    roleOf: ({ writers }) => (Object.hasOwn(writers, flags.source) ? writers[flags.source] : undefined),
    externalId: externalIdOf(flags.source),
  })
  const { backup } = await import('../../engine/backup/backup.ts')
  const { shareOfDay } = await import('../../engine/read-share.ts')
  const { readFeedback } = await import('../../core/feedback.ts')
  await withVault(address, invocation.signal, async (vault) => {
    const server = await serverOf(serverAddress, flags, vault)
    const progress = output.progress('looking at the vault')
    try {
      const feedback =
        address.feedbackBucket === null
          ? { packs: [], note: null }
          : await readFeedback(await vault.openFeedback(address.feedbackBucket), flags.source)
      const result = await backup({
        ...vault,
        ...optionsOf(flags, address, invocation.environment),
        kind: flags.kind,
        atRest,
        server,
        directory,
        exclude,
        feedback: feedback.packs,
        rereadShare:
          flags.rereadShare === undefined ? undefined : shareOfDay(flags.rereadShare, vault.clock.nowMs()),
        onProgress: (figures) => progress.update(progressText(figures), { ...figures }),
      })
      progress.stop()
      const walNote = server?.walNote ?? null
      output.record('backup', {
        ...backupRecord(result),
        walNote,
        feedbackNote: feedback.note,
        vault: vault.store.name,
        requests: vault.store.requests,
      })
      output.text(
        renderBackup(result, {
          directory,
          vault: vault.store.name,
          packsNamed: new Set(flags.uploadAgain).size,
          feedbackNote: feedback.note,
          walNote,
        }),
      )
      if (!result.complete) throw incomplete(result.snapshot?.id ?? null)
      if (walNote !== null) throw withoutWal(result.snapshot?.id ?? null, walNote)
    } finally {
      progress.stop()
      await server?.close()
    }
  })
}

/** The options of every kind of backup. */
function optionsOf(
  flags: BackupFlags,
  { promiseDays }: VaultAddress,
  environment: Invocation['environment'],
): Omit<BackupOptions, 'clock' | 'directory' | 'kind' | 'random' | 'store'> {
  return {
    source: flags.source,
    cacheDirectory: resolve(flags.cacheDir || defaultCacheDirectory(environment)),
    promiseDays: flags.promiseDays ?? promiseDays ?? defaultPromiseDays,
    renewal: flags.renewal,
    allowUnlocked: flags.allowUnlocked ?? false,
    allowEmpty: flags.allowEmpty ?? false,
    allowOtherFileSystem: flags.allowOtherFileSystem ?? false,
    uploadAgain: (flags.uploadAgain ?? []).map((name) => parsePackName(name, flags.source)),
    dryRun: flags.dryRun ?? false,
    toolVersion: toolVersion(),
  }
}

function incomplete(id: string | null): HoldfastError {
  const state = id === null ? 'a snapshot would be incomplete' : `the snapshot ${id} is incomplete`
  return new HoldfastError(
    'incomplete',
    `${state}: some entries were unreadable, vanished, changed while they were read, or lie outside of the directory`,
    {
      hint: 'fix the entries listed above (permissions, a stopped service, a file-system snapshot to read from), and back up again',
      context: { snapshot: id },
    },
  )
}

/** Loaded only for a running server. */
async function serverOf(
  address: string | null,
  { source, walWait }: BackupFlags,
  { clock, signal }: OpenVault,
): Promise<LowLevelBackup | undefined> {
  if (address === null) return undefined
  const { LowLevelBackup: Server } = await import('../../engine/postgres/low-level-backup.ts')
  return new Server(source, { address, signal }, { clock, signal, waitMs: walWait ?? defaultWalWaitMs })
}

function withoutWal(id: string | null, walNote: string): HoldfastError {
  return new HoldfastError(
    'incomplete',
    `the base ${id ?? 'of a dry run'} may not be restorable yet: ${walNote}`,
    {
      hint: 'let the server send its WAL to the vault (`holdfast postgres check` names the way); the base counts as soon as its WAL is there',
      context: { snapshot: id },
    },
  )
}

function assertServerFlags(flags: BackupFlags, serverAddress: string | null): void {
  if (flags.walWait !== undefined && serverAddress === null)
    throw new HoldfastError('invalid-input', '--wal-wait needs --connect', {
      hint: 'pass the address of the running server with --connect, or leave --wal-wait out',
    })
  if (serverAddress === null) return
  if (flags.kind !== 'postgres')
    throw new HoldfastError('invalid-input', '--connect needs --kind postgres', {
      hint: 'pass --kind postgres if the directory holds the cluster of a running server',
    })
  if (flags.stopped || flags.fromSnapshot)
    throw new HoldfastError(
      'invalid-input',
      '--connect is of a running server, and --stopped and --from-snapshot are not',
      {
        hint: 'leave out --connect, or the other option',
      },
    )
}

function atRestOf({
  kind,
  stopped,
  fromSnapshot,
}: BackupFlags): 'stopped' | 'file-system-snapshot' | undefined {
  const atRest = stopped ? 'stopped' : fromSnapshot ? 'file-system-snapshot' : undefined
  if (atRest !== undefined && kind !== 'postgres') {
    throw new HoldfastError('invalid-input', '--stopped and --from-snapshot need --kind postgres', {
      hint: 'pass --kind postgres if the directory holds a PostgreSQL cluster, or leave the option out',
    })
  }
  return atRest
}

function progressText(progress: BackupProgress): string {
  return [
    countOf(progress.entries, 'entry', 'entries'),
    `${bytesText(progress.bytesRead)} read`,
    `${bytesText(progress.bytesUnchanged)} unchanged`,
    `${bytesText(progress.bytesUploaded)} uploaded in ${countOf(progress.packsUploaded, 'pack')}`,
  ].join(', ')
}

/** The directory that the XDG base directory specification names. */
function defaultCacheDirectory(environment: Invocation['environment']): string {
  return join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'holdfast')
}
