// `holdfast backup`: adds one snapshot of a source to the vault.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import type { BackupProgress } from '../../engine/operations.ts'
import { externalIdOf } from '../../guardrails/names.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { sourceOption, wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import { backupRecord, renderBackup } from '../render/backup-report.ts'
import { bytesText, countOf } from '../render/figures.ts'
import { toolVersion } from '../tool-version.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface BackupFlags extends VaultFlags {
  source: string
  kind: 'volume' | 'postgres'
  stopped?: boolean
  fromSnapshot?: boolean
  cacheDir?: string
  promiseDays?: number
  allowUnlocked?: boolean
  allowEmpty?: boolean
  allowOtherFileSystem?: boolean
  dryRun?: boolean
}

const defaultPromiseDays = 30

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
    .option('--allow-unlocked', 'accept a bucket that does not lock its objects: for trials only')
    .option('--allow-empty', 'accept an empty directory, although the last snapshot has entries')
    .option('--allow-other-file-system', 'accept another file system than at the last snapshot')
    .option('--dry-run', 'walk and read everything, upload nothing')
    .addHelpText(
      'after',
      `
Examples:
  holdfast backup /srv/rental --source rental-db --bucket my-vault
  holdfast backup /var/lib/postgresql/18/main --source rental-db --kind postgres --config vault.json

Ends with 3 if something was unreadable, vanished, changed or lies outside of the directory: the snapshot is in
the vault, and marked incomplete.
`,
    )
    .action((directory: string) => backUp(directory, command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws `incomplete` after it committed and reported the snapshot, if content is missing from it. */
async function backUp(directory: string, flags: BackupFlags, invocation: Invocation): Promise<void> {
  assertSourceName(flags.source)
  const atRest = atRestOf(flags)
  const output = makeOutput(invocation, flags.json ?? false)
  const address = await resolveVault(flags, {
    command: 'backup',
    roleOf: ({ writers }) => (Object.hasOwn(writers, flags.source) ? writers[flags.source] : undefined),
    externalId: externalIdOf(flags.source),
  })
  const { backup } = await import('../../engine/backup/backup.ts')
  await withVault(address, invocation.signal, async (vault) => {
    const progress = output.progress()
    try {
      const result = await backup({
        ...vault,
        source: flags.source,
        kind: flags.kind,
        atRest,
        directory: resolve(directory),
        cacheDirectory: resolve(flags.cacheDir || defaultCacheDirectory(invocation.environment)),
        promiseDays: flags.promiseDays ?? address.promiseDays ?? defaultPromiseDays,
        allowUnlocked: flags.allowUnlocked ?? false,
        allowEmpty: flags.allowEmpty ?? false,
        allowOtherFileSystem: flags.allowOtherFileSystem ?? false,
        dryRun: flags.dryRun ?? false,
        toolVersion: toolVersion(),
        onProgress: (figures) => progress.update(progressText(figures), { ...figures }),
      })
      progress.stop()
      output.record('backup', {
        ...backupRecord(result),
        vault: vault.store.name,
        requests: vault.store.requests,
      })
      output.text(renderBackup(result, { directory: resolve(directory), vault: vault.store.name }))
      if (!result.complete) throw incomplete(result.snapshot?.id ?? null)
    } finally {
      progress.stop()
    }
  })
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
