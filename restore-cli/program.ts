// The list of commands. Each is declared and run by its own file, which we load only if the command line names it.
import { Command } from 'commander'
import type { Invocation } from './invocation.ts'
import { toolVersion } from './tool-version.ts'
import { HeldOutput, isShown, logLevelOption, quietOption } from './verbosity.ts'
import type { VerbosityFlags } from './verbosity.ts'

const completion = 'completion'

interface CommandModule {
  /** Adds description, arguments, options and action. Loads neither the AWS SDK nor the engine: `--help` stays fast. */
  declare: (command: Command, invocation: Invocation) => void
}

interface ListedCommand {
  /** One line of the list of commands, which loads none of them. */
  summary: string
  /** Whether its output is a report of its work, which `--quiet` holds back, and not what a user asked to see. */
  reports?: boolean
  load: () => Promise<CommandModule>
}

const groups: Readonly<Record<string, Readonly<Record<string, ListedCommand>>>> = {
  'Back up:': {
    backup: {
      summary: 'back up a directory, as one more snapshot of its source',
      reports: true,
      load: () => import('./commands/backup.ts'),
    },
    postgres: {
      summary: "stream a PostgreSQL server's WAL into the vault, or check the server",
      load: () => import('./commands/postgres.ts'),
    },
    'wal-push': {
      summary: "put one file of PostgreSQL's WAL into the vault: for archive_command",
      reports: true,
      load: () => import('./commands/wal-push.ts'),
    },
  },
  'Look, and restore:': {
    snapshots: { summary: 'list what can be restored', load: () => import('./commands/snapshots.ts') },
    ls: { summary: 'list a directory of a snapshot', load: () => import('./commands/ls.ts') },
    find: {
      summary: 'search all snapshots, or find the one from before the damage',
      load: () => import('./commands/find.ts'),
    },
    diff: { summary: 'show what two snapshots have differently', load: () => import('./commands/diff.ts') },
    stats: { summary: 'count snapshots and bytes of each source', load: () => import('./commands/stats.ts') },
    restore: {
      summary: 'restore a source as it was at a point in time, into a new directory',
      reports: true,
      load: () => import('./commands/restore.ts'),
    },
    'wal-fetch': {
      summary: "bring one file of PostgreSQL's WAL from the vault: for restore_command",
      reports: true,
      load: () => import('./commands/wal-fetch.ts'),
    },
    verify: {
      summary: "check that a snapshot can be restored, and name each file that can't",
      reports: true,
      load: () => import('./commands/verify.ts'),
    },
    login: {
      summary: 'enter one code of your second factor, for the commands that follow',
      reports: true,
      load: () => import('./commands/login.ts'),
    },
    logout: { summary: 'end what login began', reports: true, load: () => import('./commands/logout.ts') },
  },
  'Check:': {
    check: {
      summary: 'ask whether the backups are good, and write a report into the vault',
      reports: true,
      load: () => import('./commands/check.ts'),
    },
    report: {
      summary: 'show what is red, since when, and the next step',
      load: () => import('./commands/report.ts'),
    },
    drill: {
      summary: 'restore a random state and the newest; start, probe and measure them',
      reports: true,
      load: () => import('./commands/drill.ts'),
    },
    watch: {
      summary: 'run checks and other commands by schedule',
      load: () => import('./commands/watch.ts'),
    },
    acknowledge: {
      summary: 'confirm that a test alarm has reached you',
      reports: true,
      load: () => import('./commands/acknowledge.ts'),
    },
    examine: {
      summary: 'test a restored directory, and start the PostgreSQL in it',
      reports: true,
      load: () => import('./commands/examine.ts'),
    },
    'check-examination': {
      summary: 'judge the result of a restore test that ran elsewhere',
      reports: true,
      load: () => import('./commands/check-examination.ts'),
    },
  },
  "Keep the vault, with its account's roles:": {
    notary: {
      summary: 'sign a receipt for each new snapshot',
      reports: true,
      load: () => import('./commands/notary.ts'),
    },
    custodian: {
      summary: 'extend the locks that live snapshots need, and prune what none needs',
      reports: true,
      load: () => import('./commands/custodian.ts'),
    },
    retire: {
      summary: 'show how far a vault is from retirement; deletes nothing',
      load: () => import('./commands/retire.ts'),
    },
  },
  'Agents and people:': {
    agents: {
      summary: 'ask the audit trail what agents did for the first time',
      load: () => import('./commands/agents.ts'),
    },
    'agent-session': {
      summary: 'open a session of an agent that ends with its task',
      load: () => import('./commands/agent-session.ts'),
    },
    'break-glass': {
      summary: 'open a session for destructive actions in production: on-call is paged',
      load: () => import('./commands/break-glass.ts'),
    },
    'blast-radius': {
      summary: 'show what a role, policies or credentials within reach could destroy',
      load: () => import('./commands/blast-radius.ts'),
    },
  },
  'Shell:': {
    [completion]: {
      summary: 'print a script that completes commands and options in bash, zsh or fish',
      load: () => import('./commands/completion.ts'),
    },
  },
}

const commands: Readonly<Record<string, ListedCommand>> = Object.fromEntries(
  Object.values(groups).flatMap((members) => Object.entries(members)),
)

/** The command that `args` of `holdfast` name; undefined if they name none. */
export function commandNameOf(args: readonly string[]): string | undefined {
  const end = args.indexOf('--')
  return args.slice(0, end === -1 ? undefined : end).find((arg) => Object.hasOwn(commands, arg))
}

/**
 * @param args decide which commands are declared: the one that they name. Without one, the program only lists them,
 * because loading them all would take longer than anything else that `--help` does. `completion` needs them all.
 */
export async function buildProgram(invocation: Invocation, args: readonly string[] = []): Promise<Command> {
  const program = configure(new Command(invocation.bin), invocation)
  if (invocation.bin === 'restore') {
    const { declare } = await commands['restore']!.load()
    declare(program, invocation)
  } else {
    const name = commandNameOf(args)
    describeHoldfast(program)
    if (name === undefined) listCommands(program)
    else
      for (const declared of name === completion ? Object.keys(commands) : [name])
        await declareCommand(program, declared, invocation)
  }
  return program
    .addOption(quietOption())
    .addOption(logLevelOption())
    .version(toolVersion(), '-V, --version', 'show the version')
    .hook('preAction', (_, action) => obeyVerbosity(action, invocation))
}

function listCommands(program: Command): void {
  for (const [heading, members] of Object.entries(groups))
    for (const [name, { summary }] of Object.entries(members))
      program.command(name).summary(summary).helpGroup(heading)
}

async function declareCommand(program: Command, name: string, invocation: Invocation): Promise<void> {
  const { summary, load } = commands[name]!
  const { declare } = await load()
  declare(program.command(name).summary(summary), invocation)
}

/** The options may stand before or after the command, so that only the parsed command line has them. */
function obeyVerbosity(action: Command, invocation: Invocation): void {
  const { quiet = false, logLevel = 'info' } = action.optsWithGlobals<VerbosityFlags>()
  invocation.logLevel = quiet && isShown('info', logLevel) ? 'warning' : logLevel
  const name = invocation.bin === 'restore' ? 'restore' : nameBelow(action)
  if (!quiet || invocation.json === true || commands[name]?.reports !== true) return
  const held = new HeldOutput(invocation.stdout)
  invocation.stdout = held
  invocation.showReport = () => held.release()
}

/** The name of the command of `holdfast`, also for a command below it. */
function nameBelow(command: Command): string {
  const parent = command.parent
  return parent?.parent === undefined || parent.parent === null ? command.name() : nameBelow(parent)
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
    .configureHelp({ helpWidth: 110, showGlobalOptions: true })
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .allowExcessArguments(false)
}
