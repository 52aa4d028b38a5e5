// The options of `holdfast examine` and `holdfast check-examination`.
import { Option } from 'commander'
import type { Command } from 'commander'
import type { Invocation } from './program.ts'
import { wholeNumber } from './vault-options.ts'

const jsonOption = () =>
  new Option('--json', 'records on standard output, one JSON object a line; errors as JSON too')
// So is a container told to which run it belongs, whose command is fixed.
const runOption = (what: string) => new Option('--run <id>', what).env('HOLDFAST_RUN')

export function declareExamine(command: Command, invocation: Invocation): void {
  command
    .description(
      'Read all of a restored directory, and start a PostgreSQL that lies in it. Needs no vault, no credentials and no network.',
    )
    .argument('<dir>', 'what was restored')
    .addOption(
      new Option('--kind <kind>', 'what the directory is').choices(['volume', 'postgres']).default('volume'),
    )
    .addOption(
      new Option(
        '--postgres-bin <dir>',
        "where `postgres` is; `{major}` stands for the cluster's major version",
      ),
    )
    .option('--in-place', 'start PostgreSQL on the directory itself, which changes it (default: on a copy)')
    .addOption(
      new Option('--scratch <dir>', "where to put the copy (default: the system's temporary directory)"),
    )
    .addOption(new Option('--minutes <n>', 'give up after so long').argParser(wholeNumber).default(60))
    .addOption(
      new Option(
        '--answer <file>',
        'write the record to this new file too, for `holdfast check-examination`',
      ),
    )
    .addOption(runOption('who asked: stands in the answer, and is compared'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast examine /restore/uploads
  holdfast examine /restore/rental-db --kind postgres --postgres-bin /usr/lib/postgresql/{major}/bin

PostgreSQL runs in single-user mode, with none of the configuration that the cluster brings along: nothing can connect to it.
Ends with 4 if something can't be read, 14 if it took too long.
`,
    )
    .action(async (directory: string) => {
      const { runExamine } = await import('./commands/examine.ts')
      await runExamine(directory, command.opts(), invocation)
    })
}

export function declareCheckExamination(command: Command, invocation: Invocation): void {
  command
    .description(
      'Judge the answer of an examination that ran elsewhere: whatever it holds, it can do no more than fail.',
    )
    .argument('<file>', 'what `holdfast examine --answer` has written')
    .addOption(
      new Option('--source <name>', 'what was examined: stands in the record')
        .env('HOLDFAST_SOURCE')
        .makeOptionMandatory(),
    )
    .addOption(new Option('--kind <kind>', 'what must have been examined').choices(['volume', 'postgres']))
    .addOption(runOption('the answer must be one to this run'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast check-examination /answer/examination.json --source uploads --json

Ends with 4 if the answer says that something was lost, and if it is none.
`,
    )
    .action(async (file: string) => {
      const { runCheckExamination } = await import('./commands/check-examination.ts')
      runCheckExamination(file, command.opts(), invocation)
    })
}
