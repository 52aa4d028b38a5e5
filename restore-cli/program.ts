// The list of commands. Each is declared and run by its own file, which we load only if the command line names it.
import { Command } from 'commander'
import type { Invocation } from './invocation.ts'
import { toolVersion } from './tool-version.ts'

interface CommandModule {
  /** Adds description, arguments, options and action. Loads neither the AWS SDK nor the engine: `--help` stays fast. */
  declare: (command: Command, invocation: Invocation) => void
}

const commands: Readonly<Record<string, () => Promise<CommandModule>>> = {
  backup: () => import('./commands/backup.ts'),
  postgres: () => import('./commands/postgres.ts'),
  snapshots: () => import('./commands/snapshots.ts'),
  login: () => import('./commands/login.ts'),
  logout: () => import('./commands/logout.ts'),
  ls: () => import('./commands/ls.ts'),
  find: () => import('./commands/find.ts'),
  diff: () => import('./commands/diff.ts'),
  stats: () => import('./commands/stats.ts'),
  restore: () => import('./commands/restore.ts'),
  verify: () => import('./commands/verify.ts'),
  'wal-push': () => import('./commands/wal-push.ts'),
  'wal-fetch': () => import('./commands/wal-fetch.ts'),
  check: () => import('./commands/check.ts'),
  drill: () => import('./commands/drill.ts'),
  report: () => import('./commands/report.ts'),
  watch: () => import('./commands/watch.ts'),
  examine: () => import('./commands/examine.ts'),
  'check-examination': () => import('./commands/check-examination.ts'),
  custodian: () => import('./commands/custodian.ts'),
  notary: () => import('./commands/notary.ts'),
  retire: () => import('./commands/retire.ts'),
  'agent-session': () => import('./commands/agent-session.ts'),
  'break-glass': () => import('./commands/break-glass.ts'),
  'blast-radius': () => import('./commands/blast-radius.ts'),
}

/** The command that `args` of `holdfast` name; undefined if they name none. */
export function commandNameOf(args: readonly string[]): string | undefined {
  const name = args.find((arg) => !arg.startsWith('-'))
  return name !== undefined && Object.hasOwn(commands, name) ? name : undefined
}

/** @param args decide which commands are declared: the one that they name; all if they name none, for the help. */
export async function buildProgram(invocation: Invocation, args: readonly string[] = []): Promise<Command> {
  const program = configure(new Command(invocation.bin), invocation)
  if (invocation.bin === 'restore') {
    const { declare } = await commands['restore']!()
    declare(program, invocation)
  } else {
    const name = commandNameOf(args)
    describeHoldfast(program)
    for (const declared of name === undefined ? Object.keys(commands) : [name]) {
      const { declare } = await commands[declared]!()
      declare(program.command(declared), invocation)
    }
  }
  return program.version(toolVersion(), '-V, --version', 'show the version')
}

function describeHoldfast(program: Command): void {
  program
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
}

/** Commander throws every error to us, because only run.ts prints errors. Sub-commands inherit these settings. */
function configure(program: Command, invocation: Invocation): Command {
  return program
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void invocation.stdout.write(text),
      writeErr: (text) =>
        void (text.startsWith('error:') || invocation.json === true || invocation.stderr.write(text)),
    })
    .configureHelp({ helpWidth: 110 })
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .allowExcessArguments(false)
}
