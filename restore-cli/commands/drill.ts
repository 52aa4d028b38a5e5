// `holdfast drill`: restores a random source, at a random time and the newest, starts and probes it, and writes the
// result into the vault.
import { Option } from 'commander'
import type { Command } from 'commander'
import type { DrillOptions } from '../../checks/drill/drill.ts'
import type { CheckSettings } from '../../checks/settings.ts'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import { keepReport, namesOfSources, readCheckSettings } from '../checked-vault.ts'
import { drillRequest } from '../drill-request.ts'
import type { DrillRequest, DrillRequestFlags } from '../drill-request.ts'
import type { Invocation } from '../invocation.ts'
import { passOn } from '../local-report.ts'
import type { LocalReportFlags } from '../local-report.ts'
import { withVault } from '../open-vault.ts'
import type { OpenSession } from '../open-vault.ts'
import {
  duration,
  metricsOption,
  notaryKeyOption,
  repeatable,
  reportFileOption,
  reportSigningKeyOption,
  sourceOption,
  wholeNumber,
} from '../options.ts'
import { makeOutput } from '../output.ts'
import type { Output } from '../output.ts'
import {
  drillPlanRecord,
  drillRecord,
  drillRunRecord,
  renderDrill,
  renderDrillPlan,
  renderDrillRun,
} from '../render/drill-report.ts'
import { assertPassed } from '../assert-passed.ts'
import { bytesText, countOf, countText } from '../render/figures.ts'
import type { Progress } from '../render/progress.ts'
import { toolVersion } from '../tool-version.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface DrillFlags extends VaultFlags, DrillRequestFlags, LocalReportFlags {
  checks?: string
  dryRun?: boolean
  signingKey?: string
  /** False: `--no-report`. */
  report: boolean
}

export function declare(command: Command, invocation: Invocation): void {
  command
    .description(
      'Restore a random source at a random time, and its newest state, start and probe it, measure it, remove it.',
    )
    .addOption(sourceOption('this source (default: a random one of the vault and of --checks)'))
    .addOption(
      new Option('--choice <state>', 'which states of the source to restore')
        .choices(['both', 'random', 'newest'])
        .default('both'),
    )
    .option('--seed <text>', 'repeat the choice of an earlier drill (default: a new one)')
    .option(
      '--scratch <dir>',
      "where to restore, e.g. a volume's mount (default: the system's temporary directory)",
    )
    .addOption(
      new Option('--minutes <n>', 'end all of it after so many minutes').argParser(wholeNumber).default(720),
    )
    .option('--dry-run', 'show what would be restored, restore nothing')
    .option('--checks <file>', 'objectives and probes of each source: see docs/checks.md')
    .addOption(notaryKeyOption())
    .option('--state-dir <directory>', 'the findings that channels of --checks have heard of')
    .addOption(reportSigningKeyOption())
    .option('--no-report', 'write no report into the vault')
    .addOption(reportFileOption())
    .addOption(metricsOption())
    .optionsGroup('Objectives and probes, before those of --checks:')
    .addOption(
      new Option('--max-age <time>', 'age of the newest snapshot, e.g. 26h (default: 26h)').argParser(
        duration,
      ),
    )
    .addOption(
      new Option('--max-restore-time <time>', 'until the restored data can be used (default: 4h)').argParser(
        duration,
      ),
    )
    .addOption(
      new Option('--promise-days <n>', 'days of guaranteed retention (default: 30)').argParser(wholeNumber),
    )
    .option('--no-start', 'read what was restored, and start nothing of it')
    .option(
      '--postgres-bin <dir>',
      "the directory of `postgres`; `{major}` stands for the cluster's major version",
    )
    .option('--database <name>', 'the database of the queries (default: postgres)')
    .addOption(repeatable(new Option('--probe <query...>', 'this query must return true'), 'none'))
    .option('--program <file>', 'this program gets the restored directory, and must end with 0')
    .option('--digests <file>', 'restored files must have these digests, as `sha256sum` lists them')
    .addHelpText(
      'after',
      `
Examples:
  holdfast drill --bucket my-vault --scratch /mnt/scratch
  holdfast drill --config vault.json --checks checks.yaml --scratch /mnt/scratch --json
  holdfast drill --bucket my-vault --source rental-db --probe 'SELECT count(*) > 1000 FROM booking'
  holdfast drill --bucket my-vault --dry-run --seed 01KR5PJ0ZBFTW9W5W4FKB1NGJZ

Restored servers and the program run in namespaces of their own, and see only what was restored.
A drill that was killed leaves its directory; the next one removes it.
Ends with 14 if a drill failed, with 3 if none failed and one could not tell, with 15 if this machine can't make the
namespaces.
`,
    )
    .action(() => drill(command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws after the report: `objective-missed`, `not-isolated`, `incomplete`. */
async function drill(flags: DrillFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  if (flags.source !== undefined) assertSourceName(flags.source)
  const settings = await readCheckSettings(flags.checks)
  const address = await resolveVault(flags, { command: 'drill', roleOf: ({ roles }) => roles.drill })
  await withVault(
    address,
    invocation.signal,
    async (vault) => {
      const sources =
        flags.source === undefined ? await namesOfSources(vault.store, settings) : [flags.source]
      const request = await drillRequest(vault, flags, { settings, address, sources })
      if (flags.dryRun === true) await showPlans(request, output)
      else await runAndReport(request, flags, { vault, settings, invocation, output })
    },
    output,
  )
}

async function showPlans({ drills }: DrillRequest, output: Output): Promise<void> {
  const { chooseState } = await import('../../checks/drill/requested-state.ts')
  const { prepareRestore } = await import('../../engine/restore/restore.ts')
  for (const drill of drills) {
    const state = await chooseState(drill, drill)
    const { snapshot } = state
    const { plan } = await output.during('reading the list of files', () =>
      prepareRestore({ ...drill, snapshot, target: drill.scratch, paths: [] }),
    )
    output.record('drill-plan', drillPlanRecord(drill, state, plan))
    output.text(renderDrillPlan(drill, state, plan))
  }
  output.text('Dry run: nothing was restored.\n')
}

async function runAndReport(
  { run, drills, scratch }: DrillRequest,
  flags: DrillFlags,
  {
    vault,
    settings,
    invocation,
    output,
  }: { vault: OpenSession; settings: CheckSettings; invocation: Invocation; output: Output },
): Promise<void> {
  const { store, clock } = vault
  const { runDrills } = await import('../../checks/drill/run-drills.ts')
  const progress = output.progress('looking for what killed drills left')
  const { report, refusal } = await runDrills({
    ...{ store, clock, run, scratch, toolVersion: toolVersion() },
    drills: drills.map((drill) => ({ ...drill, ...progressOf(drill, progress) })),
    onLeftovers: (count) => {
      if (count > 0)
        output.text(`Removed ${countOf(count, 'directory', 'directories')} that killed drills left.\n`)
    },
    onResult: (result) => {
      output.record('drill', drillRecord(run, result))
      output.text(renderDrill(result))
    },
  }).finally(progress.stop)
  const { key, problem } = flags.report
    ? await keepReport(vault, report, flags.signingKey)
    : { key: null, problem: null }
  output.record('drill-run', { ...drillRunRecord(report, key), requests: store.requests })
  output.text(renderDrillRun(report, key))
  const laterFailure = await passOn(report, flags, { settings, clock, invocation, output })
  assertPassed(
    {
      noun: 'drill',
      statuses: (report.drills ?? []).map(({ status }) => status),
      hint: 'the findings above say what to do; `holdfast restore --dry-run` shows the state that was chosen',
    },
    { failure: refusal ?? problem, laterFailure },
  )
}

function progressOf(
  { source, choice }: DrillOptions,
  progress: Progress,
): Pick<DrillOptions, 'onPhase' | 'onProgress'> {
  const name = `${source} (${choice})`
  return {
    onPhase: (phase) => progress.update(`${name}: ${phase}`, {}),
    onProgress: (figures, { files, bytes }) =>
      progress.update(
        `${name}: ${countText(figures.files)} of ${countOf(files, 'file')}, ${bytesText(figures.bytesWritten)} of ${bytesText(bytes)}`,
        { ...figures, filesTotal: files, bytesTotal: bytes },
      ),
  }
}
