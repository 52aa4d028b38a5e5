// The options of `holdfast break-glass`.
import { Option } from 'commander'
import type { Command } from 'commander'
import { formats } from './declare-agent-session.ts'
import type { Invocation } from './program.ts'
import { wholeNumber } from './vault-options.ts'

// What is needed isn't declared as such: it would be asked of `approve`, below it, too.
export function declareBreakGlass(command: Command, approve: Command, invocation: Invocation): void {
  command
    .description(
      'Open a session for destructive actions in production: second factor, a reason, an hour at most. Somebody is woken.',
    )
    .argument(
      '[command...]',
      'after `--`: run this with the session in its environment, and end with its status',
    )
    .addOption(configOption())
    .addOption(new Option('--reason <text>', "why: in the session's tags, and in the audit trail; needed"))
    .addOption(
      new Option(
        '--source-identity <name>',
        'who you are: in the audit trail, and whom an approval is for; needed',
      ).env('HOLDFAST_SOURCE_IDENTITY'),
    )
    .addOption(
      new Option('--mfa-serial <arn>', 'your second factor; its code is asked for on the terminal').env(
        'HOLDFAST_MFA_SERIAL',
      ),
    )
    .addOption(
      new Option('--session-seconds <n>', 'length of the session, 900 to 3600 (default: 3600)').argParser(
        wholeNumber,
      ),
    )
    .addOption(
      new Option('--format <format>', 'how to print it, without a command')
        .choices(formats)
        .default('env')
        .conflicts('json'),
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast break-glass --config production.json --source-identity maria --mfa-serial arn:aws:iam::111122223333:mfa/maria \\
    --reason 'volume of the old cluster, ticket 4711' -- aws ec2 delete-volume --volume-id vol-1
  holdfast break-glass approve maria --config production.json     as an approver, before

Credentials come from the AWS SDK's default chain, and must be of someone in \`holdfast:breakGlass\`. Nothing is written to disk.
`,
    )
    .action(async (task: string[]) => {
      const { runBreakGlass } = await import('./commands/break-glass.ts')
      await runBreakGlass(task, command.opts(), invocation)
    })
  approve
    .description(
      'Approve that somebody breaks the glass, for an hour at most; where `holdfast:approvers` are named, nothing works without.',
    )
    .argument('<name>', 'the source identity that it is for')
    .addOption(configOption())
    .addOption(
      new Option('--minutes <n>', 'for how long, 0 to 60; 0 takes every approval back')
        .argParser(wholeNumber)
        .default(60),
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast break-glass approve maria --config production.json --minutes 30
  holdfast break-glass approve maria --config production.json --minutes 0     end it early

Credentials must be of the approver's role (\`approval.approver\` in the configuration).
`,
    )
    .action(async (name: string) => {
      const { runApproval } = await import('./commands/break-glass.ts')
      // An option that the command above it has too is taken there.
      await runApproval(name, approve.optsWithGlobals(), invocation)
    })
}

function configOption(): Option {
  return new Option(
    '--config <file>',
    "what `pulumi stack output --json` prints in the production layer's stack",
  ).env('HOLDFAST_PRODUCTION_CONFIG')
}

function jsonOption(): Option {
  return new Option('--json', 'records on standard output, one JSON object a line; errors as JSON too')
}
