// What can be typed: commands, options and their help. Each command's code is loaded when it runs, so that --help is fast.
import { readFileSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { Command, InvalidArgumentError, Option } from 'commander'
import { declareAgentSession } from './declare-agent-session.ts'
import { declareBlastRadius } from './declare-blast-radius.ts'
import { declareBreakGlass } from './declare-break-glass.ts'
import { declareCheckExamination, declareExamine } from './declare-examination.ts'
import type { ProgressStream } from './render/progress.ts'
import { addVaultOptions, wholeNumber } from './vault-options.ts'

export type Bin = 'holdfast' | 'restore'

/** What a command is run with. */
export interface Invocation {
  bin: Bin
  environment: Record<string, string | undefined>
  signal: AbortSignal
  stdout: Writable
  stderr: ProgressStream
  /** The exit status of a command that has done what was asked, and passes on another's. */
  endWith?: (status: number) => void
}

export function buildProgram(invocation: Invocation): Command {
  const program =
    invocation.bin === 'restore'
      ? declareRestore(new Command('restore'), invocation)
      : declareHoldfast(invocation)
  return program.version(toolVersion(), '-V, --version', 'show the version')
}

/** From package.json, which lies one level further up from the published form. */
export function toolVersion(): string {
  const file = new URL(
    import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json',
    import.meta.url,
  )
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function declareHoldfast(invocation: Invocation): Command {
  const program = strict(new Command('holdfast'), invocation)
    .description('Backups that survive every credential of production, in an immutable vault of their own.')
    .addHelpText(
      'after',
      `
Examples:
  holdfast backup /srv/rental --source rental-db --bucket my-vault
  holdfast snapshots --bucket my-vault
  holdfast restore --point-in-time 2026-04-24T10:15:00Z --target /restore --bucket my-vault
  holdfast verify --read-data --bucket my-vault

Credentials come from the AWS SDK's default chain, plus the role to assume.
Exit codes: 0 done, 2 wrong usage, 3 backup incomplete, 4 damage found, 5 nothing there,
6 denied, 7 credentials, 8 vault not reachable, 9 vault not safe; all in docs/exit-codes.md.
`,
    )
  declareBackup(program.command('backup'), invocation)
  declareSnapshots(program.command('snapshots'), invocation)
  declareRestore(program.command('restore'), invocation)
  declareVerify(program.command('verify'), invocation)
  declareExamine(strict(program.command('examine'), invocation), invocation)
  declareCheckExamination(strict(program.command('check-examination'), invocation), invocation)
  declareRetire(program.command('retire'), invocation)
  const agentSession = strict(program.command('agent-session'), invocation)
  declareAgentSession(agentSession, strict(agentSession.command('revoke'), invocation), invocation)
  const breakGlass = strict(program.command('break-glass'), invocation)
  declareBreakGlass(breakGlass, strict(breakGlass.command('approve'), invocation), invocation)
  declareBlastRadius(strict(program.command('blast-radius'), invocation), invocation)
  return program
}

function declareBackup(command: Command, invocation: Invocation): void {
  strict(command, invocation)
    .description('Back up a directory to the vault, as one more snapshot of its source.')
    .argument('<dir>', 'the directory whose content is backed up')
    .addOption(
      new Option('--source <name>', 'the source that it is a snapshot of')
        .env('HOLDFAST_SOURCE')
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--kind <kind>', 'what the directory is').choices(['volume', 'postgres']).default('volume'),
    )
    .addOption(
      new Option('--cache-dir <dir>', "where to remember what was uploaded (default: the user's cache)").env(
        'HOLDFAST_CACHE_DIR',
      ),
    )
    .addOption(
      new Option(
        '--promise-days <n>',
        'how long the snapshot must stay restorable (default: as the configuration says, else 30)',
      ).argParser(wholeNumber),
    )
    .option('--allow-unlocked', 'accept a bucket that does not lock what it holds: for trials only')
    .option('--dry-run', 'walk and read everything, upload nothing')
    .addHelpText(
      'after',
      `
Examples:
  holdfast backup /srv/rental --source rental-db --bucket my-vault
  holdfast backup /var/lib/postgresql/18/main --source rental-db --kind postgres --config vault.json

Ends with 3 if something was unreadable, vanished or changed: the snapshot is there, and marked incomplete.
`,
    )
    .action(async (directory: string) => {
      const { runBackup } = await import('./commands/backup.ts')
      await runBackup(directory, command.opts(), invocation)
    })
  addVaultOptions(command)
}

function declareSnapshots(command: Command, invocation: Invocation): void {
  strict(command, invocation)
    .description('List the recovery points of the vault, oldest first.')
    .addOption(new Option('--source <name>', 'only this source').env('HOLDFAST_SOURCE'))
    .addHelpText(
      'after',
      `
Examples:
  holdfast snapshots --bucket my-vault
  holdfast snapshots --bucket my-vault --source rental-db --json | jq -r .time
`,
    )
    .action(async () => {
      const { runSnapshots } = await import('./commands/snapshots.ts')
      await runSnapshots(command.opts(), invocation)
    })
  addVaultOptions(command)
}

function declareRestore(command: Command, invocation: Invocation): Command {
  const name = invocation.bin === 'restore' ? 'restore' : 'holdfast restore'
  strict(command, invocation)
    .description('Bring back what a source was at a point in time, into a new or empty directory.')
    .argument(
      '[paths...]',
      "only these, below the source's root; \\xNN stands for a byte (default: everything)",
    )
    .addOption(pointInTimeOption())
    .addOption(
      new Option('--source <name>', 'what to restore (default: the only source that there is)').env(
        'HOLDFAST_SOURCE',
      ),
    )
    .addOption(new Option('--snapshot <id>', 'this very snapshot').conflicts('pointInTime'))
    .addOption(
      new Option(
        '--target <dir>',
        'where to: a new or empty directory, or what an interrupted restore left',
      ).makeOptionMandatory(),
    )
    .option('--special-bits', 'restore setuid, setgid and sticky bits too')
    .option('--dry-run', 'show the plan, write nothing')
    .addHelpText(
      'after',
      `
Examples:
  ${name} --point-in-time 2026-04-24T10:15:00Z --target /restore --bucket my-vault
  ${name} --target /restore --bucket my-vault --source rental-db uploads/2026 config.json
  ${name} --target /restore --bucket my-vault --dry-run

The newest state at or before the point in time is restored; how much is missing up to it is said.
Run it again after an interruption, with the same target, to go on.
`,
    )
    .action(async (paths: string[]) => {
      const { runRestore } = await import('./commands/restore.ts')
      await runRestore(paths, command.opts(), invocation)
    })
  return addVaultOptions(command)
}

/** @throws `InvalidArgumentError` unless it is 2 to 365. */
function parseShare(text: string): number {
  const count = wholeNumber(text)
  if (count < 2 || count > 365) throw new InvalidArgumentError('It is not from 2 to 365.')
  return count
}

function declareVerify(command: Command, invocation: Invocation): void {
  strict(command, invocation)
    .description("Check that a snapshot can be restored, and name every file that can't.")
    .addOption(
      new Option('--source <name>', 'what to verify (default: the only source that there is)').env(
        'HOLDFAST_SOURCE',
      ),
    )
    .addOption(new Option('--snapshot <id>', 'this very snapshot').conflicts('pointInTime'))
    .addOption(pointInTimeOption())
    .option('--read-data', 'fetch and re-hash every byte (default: look at every object and read the tree)')
    .addOption(
      new Option('--read-share <n>', 'fetch and re-hash one of n shares, each day the next one')
        .argParser(parseShare)
        .conflicts('readData'),
    )
    .addHelpText(
      'after',
      `
Examples:
  holdfast verify --bucket my-vault
  holdfast verify --bucket my-vault --source rental-db --read-share 7
  holdfast verify --bucket my-vault --source rental-db --read-data

Ends with 4 if something is lost or damaged.
`,
    )
    .action(async () => {
      const { runVerify } = await import('./commands/verify.ts')
      await runVerify(command.opts(), invocation)
    })
  addVaultOptions(command)
}

function declareRetire(command: Command, invocation: Invocation): void {
  strict(command, invocation)
    .description('Show how far a vault is from being retired, and what comes next. Never deletes anything.')
    .addOption(
      new Option(
        '--quiet-days <n>',
        'without a write for so long, its writers count as stopped (default: 3)',
      ).argParser(wholeNumber),
    )
    .addHelpText(
      'after',
      `
Examples:
  holdfast retire --bucket my-vault
  holdfast retire --config vault.json --json | jq -r .lastLockEnds

Looks at every version's lock: one request each.
`,
    )
    .action(async () => {
      const { runRetire } = await import('./commands/retire.ts')
      await runRetire(command.opts(), invocation)
    })
  addVaultOptions(command)
}

function pointInTimeOption(): Option {
  return new Option(
    '--point-in-time <time>',
    'newest state at or before it, e.g. 2026-04-24T10:15:00Z (default: the newest)',
  )
}

/** Errors are thrown, and told by the one place that tells errors. */
function strict(command: Command, invocation: Invocation): Command {
  return command
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void invocation.stdout.write(text),
      writeErr: (text) => void (text.startsWith('error:') || invocation.stderr.write(text)),
    })
    .configureHelp({ helpWidth: 110 })
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .allowExcessArguments(false)
}
