// The options of `holdfast blast-radius`.
import { Option } from 'commander'
import type { Command } from 'commander'
import type { Invocation } from './program.ts'
import { wholeNumber } from './vault-options.ts'

export const failOnChoices = ['unbraked', 'data', 'destructive', 'never'] as const

const several = (value: string, before: string[]): string[] => [...before, value]

export function declareBlastRadius(command: Command, invocation: Invocation): void {
  command
    .description(
      'What a role, a set of policies, or the credentials within reach could destroy, and what would bring it back.',
    )
    .optionsGroup('A role or policies:')
    .addOption(new Option('--role <arn>', 'the role whose policies are looked at'))
    .addOption(
      new Option('--live', "ask IAM's own simulator; with --here, about the role that the SDK finds"),
    )
    .addOption(new Option('--recorded <file>', 'what `aws iam get-account-authorization-details` printed'))
    .addOption(
      new Option('--policy <file>', "an identity's policy document; may be repeated")
        .argParser(several)
        .default([], 'none'),
    )
    .addOption(new Option('--boundary <file>', 'its permissions boundary'))
    .addOption(new Option('--session-policy <file>', 'what its session is narrowed to'))
    .addOption(
      new Option('--scp <file>', 'a service control policy over its account; may be repeated')
        .argParser(several)
        .default([], 'none'),
    )
    .addOption(
      new Option('--resource <arn>', 'with --live, ask about this too; may be repeated')
        .argParser(several)
        .default([], 'what the policies name'),
    )
    .addOption(
      new Option(
        '--region <name>',
        'with --live, look which brakes are in place there: name every region in use; may be repeated',
      )
        .argParser(several)
        .default([], 'none'),
    )
    .addOption(new Option('--brakes <file>', 'which brakes are in place: docs/blast-radius.md'))
    .optionsGroup('Credentials within reach:')
    .addOption(
      new Option(
        '--here',
        'search this environment, and where tools keep credentials below the home directory',
      ),
    )
    .addOption(
      new Option('--directory <dir>', 'search this directory (or file); may be repeated')
        .argParser(several)
        .default([], 'none'),
    )
    .addOption(
      new Option('--exclude <name>', 'leave out directories of this name; may be repeated')
        .argParser(several)
        .default([], 'none'),
    )
    .addOption(
      new Option('--max-file-bytes <n>', 'leave out larger files (default: 1048576)').argParser(wholeNumber),
    )
    .addOption(
      new Option('--max-entries <n>', 'stop after so many files and directories (default: 200000)').argParser(
        wholeNumber,
      ),
    )
    .addOption(new Option('--max-depth <n>', 'go down so many levels (default: 64)').argParser(wholeNumber))
    .optionsGroup('Output:')
    .addOption(
      new Option(
        '--fail-on <what>',
        'end with 14 for this: what has no brake, only losses of data, all, or nothing',
      )
        .choices(failOnChoices)
        .default('unbraked'),
    )
    .addOption(new Option('--json', 'records on standard output, one JSON object a line; errors as JSON too'))
    .addHelpText(
      'after',
      `
Examples:
  holdfast blast-radius --here --directory .                     what would an agent find here?
  holdfast blast-radius --policy agent.json --boundary boundary.json
  holdfast blast-radius --role arn:aws:iam::111122223333:role/ci --live --brakes brakes.json
  holdfast blast-radius --directory . --json | jq -r 'select(.type == "credential") | .place.path'

Found credentials are named by place and owner, never by value, and none is tried out.
Ends with 14 if something could be destroyed without a brake, or a credential lies within reach.
`,
    )
    .action(async () => {
      const { runBlastRadius } = await import('./commands/blast-radius.ts')
      await runBlastRadius(command.opts(), invocation)
    })
}
