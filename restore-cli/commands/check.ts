// `holdfast check`: runs the checks once, and writes their report into the vault.
import { Option } from 'commander'
import type { Command } from 'commander'
import type { Check } from '../../checks/check.ts'
import type { ConfigurationPart } from '../../checks/configuration/configuration-parts.ts'
import type { ExpectedState } from '../../checks/configuration/expected-state.ts'
import type { SourceObjectives } from '../../checks/objectives.ts'
import type { SourceToCheck } from '../../checks/run.ts'
import type { CheckSettings } from '../../checks/settings.ts'
import { HoldfastError } from '../../core/errors.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import { keepReport, namesOfSources, readCheckSettings } from '../checked-vault.ts'
import type { Invocation } from '../invocation.ts'
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
import { passOn } from '../local-report.ts'
import type { LocalReportFlags } from '../local-report.ts'
import { makeOutput } from '../output.ts'
import type { Output } from '../output.ts'
import { assertPassed } from '../assert-passed.ts'
import {
  checkRecord,
  renderCheckList,
  renderOutcome,
  renderRun,
  runRecord,
  sourceRecord,
} from '../render/check-report.ts'
import { toolVersion } from '../tool-version.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultAddress, VaultFlags } from '../vault-options.ts'

interface CheckFlags extends VaultFlags, LocalReportFlags {
  only: string[]
  list?: boolean
  checks?: string
  expected?: string
  maxAge?: number
  maxWalAge?: number
  acknowledgedWithin?: number
  readDays?: number
  promiseDays?: number
  generationDays?: number
  lockMode?: 'COMPLIANCE' | 'GOVERNANCE'
  accept: string[]
  ignore: string[]
  signingKey?: string
  /** False: `--no-report`. */
  report: boolean
}

export function declare(command: Command, invocation: Invocation): void {
  command
    .description(
      'Ask whether the backups in the vault are good, and write the report of the answers into the vault.',
    )
    .addOption(sourceOption('only this source (default: every source of the vault and of --checks)'))
    .addOption(repeatable(new Option('--only <id...>', 'only these checks'), 'all checks'))
    .option('--list', 'explain each check, and ask nothing')
    .option('--checks <file>', 'objectives of each source, and channels of notifications: see docs/checks.md')
    .option(
      '--expected <file>',
      'bucket and roles as the program declared them: `expected.json` of the toolkit',
    )
    .option(
      '--state-dir <directory>',
      'what earlier runs saw: saves requests, and notices a vault that goes back in time',
    )
    .addOption(notaryKeyOption())
    .addOption(reportSigningKeyOption())
    .option('--no-report', 'write no report into the vault')
    .addOption(reportFileOption())
    .addOption(metricsOption())
  addObjectiveOptions(command)
  command
    .addHelpText(
      'after',
      `
Examples:
  holdfast check --list
  holdfast check --bucket my-vault --source rental-db --max-age 26h
  holdfast check --config vault.json --checks checks.yaml --state-dir /var/lib/holdfast/checks

Ends with 14 if a check failed, and with 3 if none failed and a check could not tell.
`,
    )
    .action(() => runCommand(command.opts(), invocation))
  addVaultOptions(command)
}

function addObjectiveOptions(command: Command): void {
  command
    .optionsGroup('Objectives:')
    .addOption(
      new Option('--max-age <time>', 'age of the newest good snapshot, e.g. 26h (default: 26h)').argParser(
        duration,
      ),
    )
    .addOption(
      new Option(
        '--max-wal-age <time>',
        'age of the newest WAL of a cluster, e.g. 5m (default: that of --max-age)',
      ).argParser(duration),
    )
    .addOption(
      new Option(
        '--acknowledged-within <time>',
        'age of the last acknowledged test alarm, e.g. 80h (default: none is asked for)',
      ).argParser(duration),
    )
    .addOption(
      new Option('--read-days <n>', 'read all bytes back within n days; 0 reads none (default: 7)').argParser(
        wholeNumber,
      ),
    )
    .addOption(
      new Option('--promise-days <n>', 'days of guaranteed retention (default: 30)').argParser(wholeNumber),
    )
    .addOption(
      new Option('--generation-days <n>', 'days of a generation (default: 10)').argParser(wholeNumber),
    )
    .addOption(
      new Option('--lock-mode <mode>', 'mode of every lock (default: COMPLIANCE)').choices([
        'COMPLIANCE',
        'GOVERNANCE',
      ]),
    )
    .addOption(repeatable(new Option('--accept <id...>', 'this snapshot is as it should be'), 'none'))
    .addOption(
      repeatable(
        new Option('--ignore <id...>', 'this snapshot, or this key, is bogus: look at it no more'),
        'none',
      ),
    )
}

async function runCommand(flags: CheckFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const { selectChecks } = await import('../../checks/registry.ts')
  const checks = selectChecks(flags.only)
  if (flags.source !== undefined) assertSourceName(flags.source)
  if (flags.list !== true) return await checkVault(flags, checks, { invocation, output })
  for (const check of checks) output.record('check-description', checkRecord(check))
  output.text(renderCheckList(checks))
}

/** @throws `objective-missed` or `incomplete`, after the report, unless every check passed. */
async function checkVault(
  flags: CheckFlags,
  checks: readonly Check[],
  { invocation, output }: { invocation: Invocation; output: Output },
): Promise<void> {
  const settings = await readCheckSettings(flags.checks)
  const address = await resolveVault(flags, { command: 'check', roleOf: ({ roles }) => roles.drill })
  const { ulid } = await import('ulid')
  const { defaultObjectives } = await import('../../checks/settings.ts')
  const { runChecks } = await import('../../checks/run.ts')
  const { StateDirectory } = await import('../../checks/source-state.ts')
  const fallback = {
    ...defaultObjectives,
    guaranteedDays: address.promiseDays ?? defaultObjectives.guaranteedDays,
  }
  await withVault(
    address,
    invocation.signal,
    async (vault) => {
      const { store, clock, random, signal } = vault
      const states = flags.stateDir === undefined ? null : new StateDirectory(flags.stateDir, store.name)
      const sources = await listSourcesToCheck(store, flags, { settings, fallback })
      const run = ulid(clock.nowMs(), random)
      const configuration = await openConfiguration(vault, flags, address)
      const { report, failure } = await runChecks({
        store,
        clock,
        run,
        toolVersion: toolVersion(),
        checks,
        sources,
        states,
        notaryKeys: address.trustedKeys ?? null,
        configuration,
        signal,
        onOutcome: (source, check, outcome) => {
          output.record('check', { run, source, check: check.id, severity: check.severity, ...outcome })
          output.text(renderOutcome(source, check, outcome))
        },
      })
      const { key, problem } = flags.report
        ? await keepReport(vault, report, flags.signingKey)
        : { key: null, problem: null }
      for (const source of report.sources) output.record('source-checks', sourceRecord(report, source))
      output.record('check-run', runRecord(report, key))
      output.text(renderRun(report, key))
      const laterFailure = await passOn(report, flags, { settings, clock, invocation, output })
      assertPassed(
        {
          noun: 'check',
          statuses: report.sources.flatMap(({ outcomes }) => outcomes.map(({ status }) => status)),
          hint: 'the findings above say what to do; `holdfast check --list` explains each check',
        },
        { failure: problem ?? failure, laterFailure },
      )
    },
    output,
  )
}

/** Null without an expected state. */
async function openConfiguration(
  vault: OpenSession,
  { expected: text, only }: CheckFlags,
  { bucket }: VaultAddress,
): Promise<readonly ConfigurationPart[] | null> {
  if (text === undefined && only.includes('configuration'))
    throw new HoldfastError('invalid-input', 'no expected state given: pass --expected', {
      hint: 'pass the file `expected.json` of the toolkit with --expected',
    })
  if (text === undefined) return null
  const expected = await readExpected(text)
  const { configurationParts } = await import('../../checks/configuration/configuration-parts.ts')
  return configurationParts(expected, bucket, await vault.openConfiguration())
}

/** @param text the JSON itself, which a container without a writable disk gets, or the name of its file. */
async function readExpected(text: string): Promise<ExpectedState> {
  const { maxExpectedBytes, parseExpectedState } =
    await import('../../checks/configuration/expected-state.ts')
  if (text.startsWith('{')) return parseExpectedState(text, 'of --expected')
  const { readTextFile } = await import('../../blast-radius/text-file.ts')
  return parseExpectedState(
    readTextFile(text, { label: 'the expected state', maxBytes: maxExpectedBytes }),
    text,
  )
}

/**
 * The sources of the vault and of `--checks`. If the vault can't be listed, those of `--checks` are still checked, so
 * that each gets a finding.
 * @throws as the store, if no source is configured; `no-recovery-point` for a vault without one.
 */
async function listSourcesToCheck(
  store: ObjectStore,
  flags: CheckFlags,
  { settings, fallback }: { settings: CheckSettings; fallback: SourceObjectives },
): Promise<SourceToCheck[]> {
  const { objectivesOf } = await import('../../checks/settings.ts')
  const configured = Object.keys(settings.sources)
  const names = flags.source === undefined ? await namesOfSources(store, settings) : [flags.source]
  return names.map((source) => ({
    source,
    isConfigured: configured.length === 0 || configured.includes(source) || source === flags.source,
    objectives: withFlags(objectivesOf(settings, source, fallback), flags),
  }))
}

function withFlags(objectives: SourceObjectives, flags: CheckFlags): SourceObjectives {
  return {
    ...objectives,
    maxAgeMs: flags.maxAge ?? objectives.maxAgeMs,
    maxWalAgeMs: flags.maxWalAge ?? objectives.maxWalAgeMs,
    maxAcknowledgementAgeMs: flags.acknowledgedWithin ?? objectives.maxAcknowledgementAgeMs,
    readDays: flags.readDays ?? objectives.readDays,
    guaranteedDays: flags.promiseDays ?? objectives.guaranteedDays,
    generationDays: flags.generationDays ?? objectives.generationDays,
    lockMode: flags.lockMode ?? objectives.lockMode,
    accepted: new Set([...objectives.accepted, ...flags.accept]),
    ignored: new Set([...objectives.ignored, ...flags.ignore]),
  }
}
