// Where the content of a backup comes from: a directory, the directory of a running PostgreSQL server, a server that
// sends its files itself, or the output of a command.
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { HoldfastError } from '../core/errors.ts'
import type { BackupOptions } from '../engine/operations.ts'
import type { Invocation } from './invocation.ts'
import type { OpenVault } from './open-vault.ts'
import { readServerAddress } from './postgres-address.ts'
import type { ConnectFlags } from './postgres-address.ts'

const defaultWalWaitMs = 10 * 60_000
/** In an argument of the command: a new directory, which the command fills. */
const directoryMark = '{dir}'
/** The command needs none of the vault's credentials. */
const withheldVariables = /^(?:AWS|HOLDFAST)_/

export interface ContentFlags extends ConnectFlags {
  source: string
  kind: 'volume' | 'postgres' | 'command'
  stopped?: boolean
  fromSnapshot?: boolean
  walWait?: number
  rereadShare?: number
  allowEmpty?: boolean
  outputName?: string
  timeout?: number
}

export interface ContentNotes {
  /** Why it is unknown whether the vault has the WAL of a base. */
  walNote: string | null
  /** A server's words about pages whose checksum is wrong. */
  damageNote: string | null
  /** The end of what a command wrote to its standard error. */
  messages: string | null
}

export interface BackupContent {
  options: Pick<BackupOptions, 'kind' | 'atRest' | 'server' | 'streamed' | 'directory' | 'origin'>
  /** As a report names it. */
  label: string
  notes(): ContentNotes
  close(): Promise<void>
}

/** The options and the arguments decide it, before anything is opened. */
export type ContentPlan =
  | { kind: 'directory'; directory: string; atRest: BackupOptions['atRest']; postgres: boolean }
  | { kind: 'server'; directory: string | null; address: string }
  | { kind: 'command'; argv: string[] }

const noNotes: ContentNotes = { walNote: null, damageNote: null, messages: null }

/** @throws `invalid-input` for options that contradict each other. */
export function planContent(
  args: readonly string[],
  flags: ContentFlags,
  environment: Invocation['environment'],
): ContentPlan {
  const atRest = atRestOf(flags)
  const address = readServerAddress(flags, environment)
  assertServerFlags(flags, address)
  assertCommandFlags(args, flags)
  if (flags.kind === 'command') return { kind: 'command', argv: [...args] }
  const [directory] = args
  if (address !== null)
    return { kind: 'server', directory: directory === undefined ? null : resolve(directory), address }
  if (directory === undefined)
    throw new HoldfastError('invalid-input', 'no directory given', {
      hint: 'name the directory to back up; only a PostgreSQL server with --connect needs none',
    })
  return { kind: 'directory', directory: resolve(directory), atRest, postgres: flags.kind === 'postgres' }
}

/** Runs the command, if its output is a directory. */
export async function openContent(
  plan: ContentPlan,
  flags: ContentFlags,
  vault: OpenVault & Pick<Invocation, 'environment'>,
): Promise<BackupContent> {
  if (plan.kind === 'command') return openCommand(plan.argv, flags, vault)
  if (plan.kind === 'server') return openServer(plan, flags, vault)
  const { directory, atRest, postgres } = plan
  return {
    options: { kind: postgres ? 'postgres' : 'volume', directory, atRest },
    label: directory,
    notes: () => noNotes,
    close: async () => {},
  }
}

async function openServer(
  { directory, address }: { directory: string | null; address: string },
  { source, walWait }: ContentFlags,
  { clock, signal }: OpenVault,
): Promise<BackupContent> {
  const wait = { clock, signal, waitMs: walWait ?? defaultWalWaitMs }
  if (directory === null) {
    const { StreamedBase } = await import('../engine/postgres/streamed-base.ts')
    const streamed = new StreamedBase(source, { address, signal }, wait)
    return {
      options: { kind: 'postgres', directory: '/', streamed },
      label: streamed.origin,
      notes: () => ({ ...noNotes, walNote: streamed.walNote, damageNote: streamed.damageNote }),
      close: async () => {},
    }
  }
  const { LowLevelBackup } = await import('../engine/postgres/low-level-backup.ts')
  const server = new LowLevelBackup(source, { address, signal }, wait)
  return {
    options: { kind: 'postgres', directory, server },
    label: directory,
    notes: () => ({ ...noNotes, walNote: server.walNote }),
    close: () => server.close(),
  }
}

async function openCommand(
  argv: readonly string[],
  { allowEmpty = false, outputName, timeout }: ContentFlags,
  { clock, signal, environment }: OpenVault & Pick<Invocation, 'environment'>,
): Promise<BackupContent> {
  const { CommandOutput, originOfCommand, runCommand } = await import('../engine/backup/command-output.ts')
  const variables = Object.entries(environment).filter(([name]) => !withheldVariables.test(name))
  const run = { argv, environment: Object.fromEntries(variables), clock, signal, timeoutMs: timeout ?? null }
  if (!argv.some((argument) => argument.includes(directoryMark))) {
    const streamed = new CommandOutput(run, { name: outputName ?? 'output', allowEmpty })
    return {
      options: { kind: 'volume', directory: '/', streamed },
      label: `the ${streamed.origin}`,
      notes: () => ({ ...noNotes, messages: streamed.messages }),
      close: async () => {},
    }
  }
  const directory = mkdtempSync(join(environment['TMPDIR'] || tmpdir(), 'holdfast-output-'))
  const close = (): Promise<void> => rm(directory, { recursive: true, force: true })
  try {
    const filled = argv.map((argument) => argument.replaceAll(directoryMark, directory))
    const messages = await runCommand({ ...run, argv: filled })
    const origin = originOfCommand(argv)
    return {
      options: { kind: 'volume', directory, origin },
      label: `the ${origin}`,
      notes: () => ({ ...noNotes, messages }),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** @throws `incomplete` for a base that is in the vault, and that a restore may not be able to use. */
export function assertSound(id: string | null, { walNote, damageNote }: ContentNotes): void {
  const name = id ?? 'of a dry run'
  if (damageNote !== null)
    throw new HoldfastError('incomplete', `the base ${name} has damaged pages: ${damageNote}`, {
      hint: 'the disk of the server damages data: the problems listed above name the files; compare them with an older base',
      context: { snapshot: id },
    })
  if (walNote !== null)
    throw new HoldfastError('incomplete', `the base ${name} may not be restorable yet: ${walNote}`, {
      hint: 'let the server send its WAL to the vault (`holdfast postgres check` names the way); the base counts as soon as its WAL is there',
      context: { snapshot: id },
    })
}

function assertCommandFlags(args: readonly string[], flags: ContentFlags): void {
  const { kind, outputName, timeout, rereadShare } = flags
  const isCommand = kind === 'command'
  const fault = (message: string, hint: string): HoldfastError =>
    new HoldfastError('invalid-input', message, { hint })
  if (rereadShare === 0)
    throw fault(
      '--reread-share 0 has no share',
      'pass the number of days in which all files are read once, e.g. --reread-share 30',
    )
  if (rereadShare !== undefined && (isCommand || args.length === 0))
    throw fault('--reread-share needs a directory', 'leave it out: all content is read each time')
  if (!isCommand && (outputName !== undefined || timeout !== undefined))
    throw fault('--output-name and --timeout need --kind command', 'leave them out, or pass --kind command')
  if (!isCommand && args.length > 1)
    throw fault('several directories given', 'name one; quote it if its name has spaces')
  if (!isCommand) return
  if (args.length === 0)
    throw fault('no command given', 'pass it after --, e.g. --kind command -- pg_dump -Fd -f {dir} rental')
  const isMarked = args.some((argument) => argument.includes(directoryMark))
  if (outputName !== undefined && isMarked)
    throw fault('--output-name is of the standard output, and {dir} of files', 'leave one of them out')
  if (outputName !== undefined && !/^(?!\.{1,2}$)[^/\0]{1,255}$/.test(outputName))
    throw fault('--output-name is no name of a file', 'pass a name without a slash, e.g. rental.sql')
}

function assertServerFlags(flags: ContentFlags, address: string | null): void {
  if (flags.walWait !== undefined && address === null)
    throw new HoldfastError('invalid-input', '--wal-wait needs --connect', {
      hint: 'pass the address of the running server with --connect, or leave --wal-wait out',
    })
  if (address === null) return
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

function atRestOf({ kind, stopped, fromSnapshot }: ContentFlags): BackupOptions['atRest'] {
  const atRest = stopped ? 'stopped' : fromSnapshot ? 'file-system-snapshot' : undefined
  if (atRest !== undefined && kind !== 'postgres') {
    throw new HoldfastError('invalid-input', '--stopped and --from-snapshot need --kind postgres', {
      hint: 'pass --kind postgres if the directory holds a PostgreSQL cluster, or leave the option out',
    })
  }
  return atRest
}
