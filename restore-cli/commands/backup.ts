// `holdfast backup`: adds one snapshot of a source to the vault.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import type { Renewal } from '../../core/snapshot/retention.ts'
import { assertSourceName, parsePackName } from '../../core/store/vault-keys.ts'
import type { BackupOptions, BackupProgress, BackupResult } from '../../engine/operations.ts'
import { externalIdOf } from '../../guardrails/names.ts'
import { assertSound, openContent, planContent } from '../backup-content.ts'
import type { ContentFlags } from '../backup-content.ts'
import { addExcludeOptions, readExclusions } from '../exclusions.ts'
import type { ExcludeFlags } from '../exclusions.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import type { OpenVault } from '../open-vault.ts'
import { defaultPromiseDays, duration, renewalOption, sourceOption, wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import type { Output } from '../output.ts'
import { backupRecord, renderBackup } from '../render/backup-report.ts'
import type { ReportedBackup } from '../render/backup-report.ts'
import { bytesText, countOf } from '../render/figures.ts'
import { addConnectOptions } from '../postgres-address.ts'
import { toolVersion } from '../tool-version.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultAddress, VaultFlags } from '../vault-options.ts'

interface BackupFlags extends VaultFlags, ExcludeFlags, ContentFlags {
  source: string
  cacheDir?: string
  promiseDays?: number
  renewal: Renewal
  allowUnlocked?: boolean
  allowOtherFileSystem?: boolean
  uploadAgain?: string[]
  dryRun?: boolean
}

const examples = `
Examples:
  holdfast backup /srv/rental --source rental-db --bucket my-vault
  holdfast backup /home --source homes --exclude 'node_modules/' --exclude-caches --config vault.json
  holdfast backup /var/lib/postgresql/18/main --source rental-db --kind postgres --config vault.json

  holdfast backup /var/lib/postgresql/18/main --source rental-db --kind postgres --connect service=backup --config vault.json
  holdfast backup --source rental-db --kind postgres --connect service=backup --config vault.json
  holdfast backup --source rental-dump --kind command --config vault.json -- pg_dump -Fd -Z0 -f {dir} rental

With --kind command, nothing is committed unless the command ends with 0. No shell reads its arguments. What it writes to
its standard output becomes one file; {dir} stands for a new directory that it fills.
With --connect, the server runs meanwhile: the snapshot is a base backup, and a restore also needs the server's WAL.
Ends with 3 if something was unreadable, vanished, changed or lies outside of the directory: the snapshot is in
the vault, and marked incomplete.
`

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('Back up a directory to the vault, as one more snapshot of its source.')
    .argument(
      '[args...]',
      'the directory to back up; none for a PostgreSQL server that sends its files itself (--connect); or the command, after --',
    )
    .addOption(sourceOption('the source that this is a snapshot of').makeOptionMandatory())
    .addOption(
      new Option('--kind <kind>', 'what to back up')
        .choices(['volume', 'postgres', 'command'])
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
    .addHelpText('after', examples)
    .action((args: string[]) => backUp(args, command.opts(), invocation))
  addExcludeOptions(command)
  addConnectOptions(command)
  addCommandOptions(command)
  addVaultOptions(command)
}

function addCommandOptions(command: Command): void {
  command
    .optionsGroup('A command:')
    .option(
      '--output-name <name>',
      'the file that the standard output of the command becomes (default: output)',
    )
    .addOption(
      new Option(
        '--timeout <time>',
        'end the command, and make no snapshot, if it takes longer (default: no limit)',
      ).argParser(duration),
    )
}

/** @throws `incomplete` after it committed and reported the snapshot, if content is missing from it. */
async function backUp(args: readonly string[], flags: BackupFlags, invocation: Invocation): Promise<void> {
  assertSourceName(flags.source)
  const plan = planContent(args, flags, invocation.environment)
  const exclude = readExclusions(flags, ('directory' in plan ? plan.directory : null) ?? '/')
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
    const { environment } = invocation
    const content = await output.during('waiting for the content', () =>
      openContent(plan, flags, { ...vault, environment }),
    )
    const progress = output.progress('looking at the vault')
    try {
      const feedback =
        address.feedbackBucket === null
          ? { packs: [], note: null }
          : await readFeedback(await vault.openFeedback(address.feedbackBucket), flags.source)
      const result = await backup({
        ...vault,
        ...optionsOf(flags, address, environment),
        ...content.options,
        exclude,
        feedback: feedback.packs,
        rereadShare:
          flags.rereadShare === undefined ? undefined : shareOfDay(flags.rereadShare, vault.clock.nowMs()),
        onProgress: (figures) => progress.update(progressText(figures), { ...figures }),
      })
      progress.stop()
      const notes = content.notes()
      report(output, result, {
        directory: content.label,
        vault: vault.store.name,
        packsNamed: new Set(flags.uploadAgain).size,
        feedbackNote: feedback.note,
        walNote: notes.walNote,
        messages: notes.messages,
        requests: vault.store.requests,
      })
      if (!result.complete) throw incomplete(result.snapshot?.id ?? null)
      assertSound(result.snapshot?.id ?? null, notes)
    } finally {
      progress.stop()
      await content.close()
    }
  })
}

function report(
  output: Output,
  result: BackupResult,
  location: ReportedBackup & { requests: OpenVault['store']['requests'] },
): void {
  const { vault, requests, feedbackNote, walNote, messages } = location
  output.record('backup', { ...backupRecord(result), walNote, feedbackNote, messages, vault, requests })
  output.text(renderBackup(result, location))
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
