// The options of `holdfast agent-session`.
import { Option } from 'commander'
import type { Command } from 'commander'
import type { Invocation } from './program.ts'
import { wholeNumber } from './vault-options.ts'

export const formats = ['env', 'credential-process'] as const

export function declareAgentSession(command: Command, revoke: Command, invocation: Invocation): void {
  command
    .description(
      "Hand out a session of an agent's role that expires with the task, and run a command with it or print it.",
    )
    .argument('<name>', 'the agent, as `holdfast:agents` declares it')
    .argument(
      '[command...]',
      'after `--`: run this with the session in its environment, and end with its status',
    )
    .addOption(
      new Option(
        '--source-identity <name>',
        'on whose behalf: it stays in the audit trail through every further role',
      ).env('HOLDFAST_SOURCE_IDENTITY'),
    )
    .addOption(
      new Option('--session-name <name>', 'the task, for the audit trail').default('holdfast-agent-session'),
    )
    .addOption(
      new Option('--session-seconds <n>', 'length of the session, 900 to 3600 (default: 900)')
        .env('HOLDFAST_SESSION_SECONDS')
        .argParser(wholeNumber),
    )
    .addOption(
      new Option('--policy <file>', 'narrow it: the session may do what both the role and this allow'),
    )
    .addOption(
      new Option('--tag <key=value>', 'a session tag, where the trust takes one; may be repeated')
        .argParser((value: string, before: string[]) => [...before, value])
        .default([], 'none'),
    )
    .addOption(
      new Option('--format <format>', 'how to print it, without a command')
        .choices(formats)
        .default('env')
        .conflicts('json'),
    )
  addRoleOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  holdfast agent-session staging --config production.json --source-identity maria -- npm test
  holdfast agent-session staging --account 111122223333 --policy read-only.json --source-identity maria -- ./task.sh
  eval "$(holdfast agent-session staging --config production.json --source-identity maria)"
  holdfast agent-session revoke staging --config production.json     end all sessions issued up to now

Credentials come from the AWS SDK's default chain, and must be a launcher's. Nothing is written to disk.
`,
    )
    .action(async (name: string, task: string[]) => {
      const { runAgentSession } = await import('./commands/agent-session.ts')
      await runAgentSession(name, task, command.opts(), invocation)
    })
  addRoleOptions(
    revoke
      .description('End all sessions of an agent that were issued up to now, by a deny on their issue time.')
      .argument('<name>', 'the agent'),
  )
    .addHelpText(
      'after',
      `
Examples:
  holdfast agent-session revoke staging --config production.json

Needs iam:PutRolePolicy on the agent's role. Sessions that are issued later work.
`,
    )
    .action(async (name: string) => {
      const { runRevocation } = await import('./commands/agent-session.ts')
      // An option that the command above it has too is taken there.
      await runRevocation(name, revoke.optsWithGlobals(), invocation)
    })
}

function addRoleOptions(command: Command): Command {
  return command
    .optionsGroup("The agent's role:")
    .addOption(
      new Option(
        '--config <file>',
        "what `pulumi stack output --json` prints in the production layer's stack",
      ).env('HOLDFAST_PRODUCTION_CONFIG'),
    )
    .addOption(new Option('--account <id>', 'the production account, where there is no configuration'))
    .addOption(new Option('--role-arn <arn>', 'the role itself'))
    .optionsGroup('Output:')
    .addOption(new Option('--json', 'records on standard output, one JSON object a line; errors as JSON too'))
}
