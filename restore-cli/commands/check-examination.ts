// `holdfast check-examination`: parses the untrusted result of a restore test, and prints it as a record that a
// filter can count.
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import type { Invocation } from '../invocation.ts'
import { jsonOption, runOption, sourceOption } from '../options.ts'
import { makeOutput } from '../output.ts'
import { renderRestoreTest } from '../render/restore-test-report.ts'

interface CheckExaminationFlags {
  source: string
  kind?: 'volume' | 'postgres'
  run?: string
  json?: boolean
}

export function declare(command: Command, invocation: Invocation): void {
  command
    .description(
      'Judge the result of a restore test that ran elsewhere. A forged result can make the check fail, and nothing else.',
    )
    .argument('<file>', 'the file that `holdfast examine --answer` wrote')
    .addOption(sourceOption('the source that was tested, for the record').makeOptionMandatory())
    .addOption(
      new Option('--kind <kind>', 'the kind that must have been tested').choices(['volume', 'postgres']),
    )
    .addOption(runOption('the result must be of this run'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast check-examination /answer/examination.json --source uploads --json

Ends with 4 if the result reports a loss, or if it is not a valid result.
`,
    )
    .action((file: string) => checkExamination(file, command.opts(), invocation))
}

/**
 * @throws `damaged` for an invalid result, for one of another run or kind, or (after its record) for one with
 * findings.
 */
async function checkExamination(
  file: string,
  flags: CheckExaminationFlags,
  invocation: Invocation,
): Promise<void> {
  const { readResult } = await import('../../checks/restore-test/result.ts')
  const output = makeOutput(invocation, flags.json ?? false)
  const result = readResult(file, flags)
  const { type: _, ...fields } = result
  // This type differs from the test's own, so that no filter counts what the untrusted task prints as a check that
  // passed.
  output.record('checked-examination', { source: flags.source, ...fields })
  output.text(renderRestoreTest(result, flags.source))
  if (!result.ok)
    throw new HoldfastError('damaged', 'some of the restored data cannot be read', {
      hint: 'restore it again and test again; an older snapshot may be intact',
    })
}
