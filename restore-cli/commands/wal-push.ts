// `holdfast wal-push`: the `archive_command` of PostgreSQL. It ends with 0 only when the vault has the file.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import type { PushOptions, PushResult } from '../../engine/wal/push-file.ts'
import { externalIdOf } from '../../guardrails/names.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import type { OpenVault } from '../open-vault.ts'
import { defaultPromiseDays, sourceOption, wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import { terminalText } from '../render/terminal-text.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultAddress, VaultFlags } from '../vault-options.ts'
import { isShown } from '../verbosity.ts'
import { askForWork, serveWork, startResident } from '../wal-resident.ts'
import type { Resident } from '../wal-resident.ts'
import { pushSocket } from '../wal-socket.ts'

interface PushFlags extends VaultFlags {
  source: string
  cacheDir?: string
  promiseDays?: number
  allowUnlocked?: boolean
  acceptCluster?: string
  /** False: `--no-background`. */
  background: boolean
  /** The socket to serve. */
  resident?: string
}

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('Put one file of the write-ahead log of PostgreSQL into the vault: for archive_command.')
    .argument('<file>', 'the file: %p of archive_command')
    .addOption(sourceOption('the source that the cluster is').makeOptionMandatory())
    .addOption(
      new Option(
        '--cache-dir <dir>',
        "where to keep the journal of pushed files (default: the user's cache)",
      ).env('HOLDFAST_CACHE_DIR'),
    )
    .addOption(
      new Option(
        '--promise-days <n>',
        "how long the WAL must stay restorable (default: the configuration's days, or 30)",
      ).argParser(wholeNumber),
    )
    .option('--allow-unlocked', 'accept a bucket that does not lock its objects: for trials only')
    .option(
      '--accept-cluster <id>',
      'accept another cluster than before, by its system identifier: after pg_upgrade',
    )
    .option('--no-background', 'leave no process behind that waits for the next file')
    .addOption(new Option('--resident <socket>', 'serve the next commands').hideHelp())
    .addHelpText(
      'after',
      `
In postgresql.conf:
  archive_mode = on
  archive_command = 'holdfast wal-push %p --source rental-db --config /etc/holdfast/vault.json'

Ends with 0 when the vault has the file, and with another status below 126 otherwise: PostgreSQL keeps the file then,
and tries again.
`,
    )
    .action((file: string) => {
      const options = optionsOf(invocation.args ?? [], file)
      return push({ file: resolve(file), options }, command.opts(), invocation)
    })
  addVaultOptions(command)
}

/** The arguments of the command without its file: the same ones get the same resident process. */
function optionsOf([, ...args]: readonly string[], file: string): string[] {
  const index = args.indexOf(file)
  return args.filter((_, position) => position !== index)
}

async function push(
  { file, options }: { file: string; options: readonly string[] },
  flags: PushFlags,
  invocation: Invocation,
): Promise<void> {
  assertSourceName(flags.source)
  const output = makeOutput(invocation, flags.json ?? false)
  const socket = flags.resident ?? pushSocket(invocation.environment, options)
  const resident = { ...residentOf(flags, invocation), socket }
  if (flags.resident !== undefined) return serve(flags, invocation, resident)
  const result = await pushOnce(file, flags, { invocation, resident })
  const { warning, ...fields } = result
  output.record('wal-push', { ...fields, warning })
  // PostgreSQL logs what the command prints, and a line for each file would fill the log.
  if (warning !== null && !output.json && isShown('warning', invocation.logLevel))
    invocation.stderr.write(`warning: ${terminalText(`${result.file}: ${warning}`)}\n`)
}

async function pushOnce(
  file: string,
  flags: PushFlags,
  { invocation, resident }: { invocation: Invocation; resident: Resident },
): Promise<PushResult> {
  const isInBackground = flags.background && flags.acceptCluster === undefined
  if (isInBackground) {
    const reply = await askForWork<PushResult>(resident, { file })
    if (reply !== null && 'error' in reply) throw reply.error
    if (reply !== null) return reply.result
  }
  const { pushWalFile } = await import('../../engine/wal/push-file.ts')
  const result = await withJournal(flags, invocation, (options) => pushWalFile(options, file))
  if (isInBackground) startResident(resident, file)
  return result
}

/** Serves the commands that follow. */
async function serve(flags: PushFlags, invocation: Invocation, resident: Resident): Promise<void> {
  const { PushPool } = await import('../../engine/wal/push-pool.ts')
  await withJournal(flags, invocation, async (options) => {
    const pool = new PushPool(options)
    await serveWork(resident, (request) => pool.push((request as { file: string }).file))
    await pool.drain()
  })
}

async function withJournal<Result>(
  flags: PushFlags,
  invocation: Invocation,
  use: (options: PushOptions) => Promise<Result>,
): Promise<Result> {
  const address = await resolveVault(flags, {
    command: 'wal-push',
    roleOf: ({ writers }) => (Object.hasOwn(writers, flags.source) ? writers[flags.source] : undefined),
    externalId: externalIdOf(flags.source),
  })
  const { PushJournal } = await import('../../engine/wal/push-journal.ts')
  return withVault(address, invocation.signal, async (vault) => {
    await assertLocked(vault, address, flags)
    const journal = PushJournal.open(cacheDirectoryOf(flags, invocation), {
      vault: `${address.endpoint ?? ''} ${vault.store.name}`,
      source: flags.source,
    })
    try {
      return await use({ ...vault, source: flags.source, journal, acceptedSystemId: flags.acceptCluster })
    } finally {
      journal.close()
    }
  })
}

/** @throws `vault-unsafe` for a bucket that keeps nothing for the guaranteed time. */
async function assertLocked({ store }: OpenVault, address: VaultAddress, flags: PushFlags): Promise<void> {
  const { acceptLock } = await import('../../core/snapshot/retention.ts')
  const promiseDays = flags.promiseDays ?? address.promiseDays ?? defaultPromiseDays
  acceptLock(store.name, await store.lockDefault(), promiseDays, flags.allowUnlocked ?? false)
}

function residentOf(flags: PushFlags, invocation: Invocation): Resident {
  const { config, background: _background, resident: _resident, json: _json, ...options } = flags
  const cacheDir = cacheDirectoryOf(flags, invocation)
  const paths = { cacheDir, ...(config === undefined ? {} : { config: resolve(config) }) }
  return { command: 'wal-push', flags: { ...options, ...paths }, invocation }
}

function cacheDirectoryOf({ cacheDir }: PushFlags, { environment }: Invocation): string {
  return resolve(cacheDir || join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'holdfast'))
}
