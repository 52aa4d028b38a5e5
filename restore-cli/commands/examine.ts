// `holdfast examine`: tests restored data where it lies. No vault, no credentials, no network.
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import type { RestoreTestOptions } from '../../checks/restore-test/restore-test.ts'
import { HoldfastError } from '../../core/errors.ts'
import type { Invocation } from '../invocation.ts'
import { jsonOption, runOption, wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import { renderRestoreTest } from '../render/restore-test-report.ts'

interface ExamineFlags {
  kind: 'volume' | 'postgres'
  postgresBin?: string
  inPlace?: boolean
  scratch?: string
  minutes: number
  isolation: 'namespaces' | 'task'
  answer?: string
  run?: string
  json?: boolean
}

const maxMinutes = 24 * 60

export function declare(command: Command, invocation: Invocation): void {
  command
    .description(
      'Read all of a restored directory, and start the PostgreSQL in it. Needs no vault, no credentials and no network.',
    )
    .argument('<dir>', 'the restored directory')
    .addOption(
      new Option('--kind <kind>', 'the kind of the directory')
        .choices(['volume', 'postgres'])
        .default('volume'),
    )
    .addOption(
      new Option(
        '--postgres-bin <dir>',
        "the directory of `postgres`; `{major}` stands for the cluster's major version",
      ),
    )
    .option('--in-place', 'start PostgreSQL on the directory itself, which changes it (default: on a copy)')
    .addOption(
      new Option('--scratch <dir>', "where to put the copy (default: the system's temporary directory)"),
    )
    .addOption(
      new Option(
        '--isolation <way>',
        'keep PostgreSQL apart from this machine by namespaces, or run in a task of Fargate without a role',
      )
        .choices(['namespaces', 'task'])
        .default('namespaces'),
    )
    .addOption(new Option('--minutes <n>', 'stop after so many minutes').argParser(wholeNumber).default(60))
    .addOption(
      new Option(
        '--answer <file>',
        'write the record to this new file too, for `holdfast check-examination`',
      ),
    )
    .addOption(runOption('id of the run that starts this test: the record repeats it'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast examine /restore/uploads
  holdfast examine /restore/rental-db --kind postgres --postgres-bin /usr/lib/postgresql/{major}/bin

PostgreSQL runs in single-user mode, without the configuration in the directory: nothing can connect to it.
It runs in namespaces of its own, and sees only the copy: restored functions and programs find nothing of this machine.
Ends with 4 if something can't be read, 14 if the test took too long, 15 if this machine can't make the namespaces.
`,
    )
    .action((directory: string) => examine(directory, command.opts(), invocation))
}

/** @throws `damaged` after the report, if anything can't be read; `objective-missed` if it took too long. */
async function examine(directory: string, flags: ExamineFlags, invocation: Invocation): Promise<void> {
  await checkFlags(flags)
  const output = makeOutput(invocation, flags.json ?? false)
  const limit = AbortSignal.timeout(flags.minutes * 60_000)
  const { runRestoreTest } = await import('../../checks/restore-test/restore-test.ts')
  const options = await testOptions(directory, flags, invocation)
  const signal = AbortSignal.any([invocation.signal, limit])
  const test = output.during('reading the restored data', () => runRestoreTest(options, signal))
  const result = await test.catch((error: unknown) => {
    if (invocation.signal.aborted || !limit.aborted) throw error
    throw new HoldfastError(
      'objective-missed',
      `the restore test did not end within ${flags.minutes} minutes`,
      { hint: 'allow more with --minutes' },
    )
  })
  // Never overwrite: an existing file could be a link to another location.
  if (flags.answer !== undefined) await writeNew(flags.answer, `${JSON.stringify(result)}\n`)
  const { type, ...fields } = result
  output.record(type, fields)
  output.text(renderRestoreTest(result, directory))
  if (!result.ok)
    throw new HoldfastError('damaged', 'some of the restored data cannot be read', {
      hint: "compare with the restore's report; an older snapshot may be intact",
    })
}

async function checkFlags(flags: ExamineFlags): Promise<void> {
  const refuse = (message: string, hint: string): never => {
    throw new HoldfastError('invalid-input', message, { hint })
  }
  const { runPattern } = await import('../../checks/restore-test/result.ts')
  if (flags.minutes < 1 || flags.minutes > maxMinutes)
    refuse(`${flags.minutes} minutes are not allowed`, `pass --minutes 1 to ${maxMinutes}`)
  if (flags.run !== undefined && !runPattern.test(flags.run))
    refuse('--run is not an id', 'use letters, digits, hyphens and underscores, at most 80')
  if ((flags.kind === 'postgres') !== (flags.postgresBin !== undefined)) {
    refuse(
      '--kind postgres and --postgres-bin go together',
      'pass --kind postgres and --postgres-bin DIR, or neither',
    )
  }
}

async function testOptions(
  directory: string,
  flags: ExamineFlags,
  { environment }: Invocation,
): Promise<RestoreTestOptions> {
  const { FargateTask, Namespaces } = await import('../../checks/restore-test/isolation.ts')
  return {
    directory: resolve(directory),
    ...(flags.run === undefined ? {} : { run: flags.run }),
    ...(flags.postgresBin === undefined
      ? {}
      : {
          postgres: {
            programs: resolve(flags.postgresBin),
            mode: flags.inPlace === true ? 'in-place' : 'copy',
            isolation: flags.isolation === 'task' ? new FargateTask(environment) : new Namespaces(),
            ...(flags.scratch === undefined ? {} : { scratch: resolve(flags.scratch) }),
          },
        }),
  }
}

async function writeNew(file: string, text: string): Promise<void> {
  await writeFile(file, text, { flag: 'wx', flush: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new HoldfastError(
      'target',
      `the file of --answer can't be written: ${cause.code ?? 'unknown error'}`,
      { hint: 'pass a file that does not exist, in a directory that does', cause },
    )
  })
}
