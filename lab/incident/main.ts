// `npm run drill`: replays the incident. The exit status is 0 only if every claim held.
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Command, CommanderError } from 'commander'
import { exitStatus, HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { TrustedKeys } from '../../core/signature.ts'
import { wholeNumber } from '../../restore-cli/options.ts'
import { terminalText } from '../../restore-cli/render/terminal-text.ts'
import { toolVersion } from '../../restore-cli/tool-version.ts'
import { guards } from '../../guardrails/guards.ts'
import { writeReportFiles } from '../report/report-files.ts'
import { readConfigFile } from '../../infra/config-file.ts'
import { drilledConfig, exampleDrill } from './drilled-config.ts'
import { findGuard } from './guards/guard-removal.ts'
import { describeError, guardClaimOf } from './claims.ts'
import { Cleanup } from './cleanup.ts'
import { abortOnSignals } from './interruption.ts'
import { findLiveGuard, liveGuards } from './live-guards.ts'
import { findNightGuard, nightGuards } from './nights/night-guards.ts'
import { renderHtmlReport } from './report/html-report.ts'
import { reportSchema } from './report/schema.ts'
import type { DrillReport } from './report/schema.ts'
import { openReportSigner } from './report/report-signer.ts'
import { encodeDrill, openSignedDrill, signDrill } from './report/signed-report.ts'
import { Terminal } from './report/terminal.ts'
import { drillSize, smallSize } from './world/size.ts'

interface Flags {
  reportDir: string
  seed?: number
  json?: boolean
  keep?: boolean
  small?: boolean
  without?: string
  listGuards?: boolean
  config?: string
  signingKey?: string
  verify?: string
  reportKeys?: string
}

const program = new Command('npm run drill --')
  .description(
    'Replays the incident: an agent with a found credential wipes a production volume, every identity attacks the vault,\n' +
      'and the drill restores and compares all data. It changes nothing outside this machine.',
  )
  .option('--report-dir <dir>', 'folder for report.json and report.html', 'drill-report')
  .option('--seed <n>', 'repeat the data of a report with this seed (default: random)', wholeNumber)
  .option('--json', 'print report.json on standard output, progress on standard error')
  .option('--keep', 'keep the work directory')
  .option('--small', 'a small world: seconds instead of a minute, without meaningful figures')
  .option('--without <guard>', 'remove a guard from the declarations: its claim must fall')
  .option(
    '--config <file>',
    'drill this configuration (output of `pulumi config --json`) instead of the example',
  )
  .option('--signing-key <name>', 'sign the report with this key of KMS: id, ARN or alias')
  .option(
    '--verify <file>',
    'run nothing: check the signature of a report, and draw its page from the signed facts',
  )
  .option('--report-keys <file>', 'with --verify: the public keys that count, in PEM')
  .option('--list-guards', 'print the removable guards, and the property that each protects')
  .addHelpText(
    'after',
    `
Exit status: 0 every claim held, ${exitStatus['objective-missed']} a claim fell or could not be examined, 1 the drill itself failed.`,
  )

const interruption = abortOnSignals()

async function main(flags: Flags): Promise<number> {
  if (flags.listGuards === true) return listGuards(flags.json === true)
  if (
    flags.without !== undefined &&
    findNightGuard(flags.without) === null &&
    findLiveGuard(flags.without) === null
  )
    findGuard(flags.without)
  if (flags.verify !== undefined) return verifyReport(flags.verify, flags)
  const config =
    flags.config === undefined
      ? exampleDrill
      : drilledConfig(readConfigFile(flags.config), path.basename(flags.config))
  // Before the drill, because a report that can't be signed would be found out a minute later.
  const signer = flags.signingKey === undefined ? null : await openReportSigner(flags.signingKey)
  const terminal = new Terminal(flags.json === true ? process.stderr : process.stdout)
  const cleanup = new Cleanup()
  const workDirectory = await mkdtemp(path.join(os.tmpdir(), 'holdfast-drill-'))
  // The database's user must pass through to its volume; private directories have their own mode.
  await chmod(workDirectory, 0o711)
  if (flags.keep !== true)
    cleanup.add('work directory', () => rm(workDirectory, { recursive: true, force: true, maxRetries: 3 }))
  const seed = flags.seed ?? randomInt(1_000_000_000)
  terminal.print(`Incident drill, seed ${seed}. Everything happens below ${workDirectory}.`)
  try {
    // A late import, so that help is fast and the signal handlers are in place first.
    const { runDrill } = await import('./drill.ts')
    const facts = await runDrill({
      seed,
      workDirectory,
      cleanup,
      size: flags.small === true ? smallSize : drillSize,
      toolVersion: toolVersion(),
      config,
      ...(flags.without === undefined ? {} : { without: flags.without }),
      signal: interruption,
      listener: terminal,
    })
    const report: DrillReport = reportSchema.parse({ ...facts, leftovers: await cleanup.run() })
    const files = await writeReportFiles(flags.reportDir, {
      'report.json': encodeDrill(report),
      ...(signer === null ? {} : { 'report.dsse.json': await signDrill(report, signer) }),
      'report.html': renderHtmlReport(report),
    })
    conclude(terminal, report, files)
    if (flags.keep === true) terminal.print(`Kept: ${workDirectory}`)
    if (flags.json === true) process.stdout.write(encodeDrill(report))
    return report.outcome === 'every-claim-held' ? 0 : exitStatus['objective-missed']
  } finally {
    for (const failure of await cleanup.run()) terminal.print(`not cleaned up: ${terminalText(failure)}`)
  }
}

async function verifyReport(file: string, { reportKeys, reportDir }: Flags): Promise<number> {
  if (reportKeys === undefined)
    throw new HoldfastError('invalid-input', 'no public keys given: pass --report-keys', {
      hint: 'the file `reports.pem` of the toolkit has them',
    })
  const keys = TrustedKeys.parse(readFileSync(reportKeys, 'utf8'), reportKeys)
  const { report, keyId } = openSignedDrill(readFileSync(file), keys, file)
  const [page = ''] = await writeReportFiles(reportDir, { 'report.html': renderHtmlReport(report) })
  const held = report.claims.filter(({ status }) => status === 'held').length
  process.stdout.write(
    `Signed by the key ${keyId}. ${held} of ${report.claims.length} claims held, at commit ${report.examined.commit?.id ?? 'unknown'}.\nPage of the signed facts: ${page}\n`,
  )
  return report.outcome === 'every-claim-held' ? 0 : exitStatus['objective-missed']
}

function listGuards(asJson: boolean): number {
  const list = [
    ...guards.map(({ name, description }) => ({ name, claim: guardClaimOf(name), description })),
    ...[...liveGuards, ...nightGuards].map(({ name, description, consequences }) => ({
      name,
      claim: consequences.join(', '),
      description,
    })),
  ]
  const width = Math.max(...list.map(({ name }) => name.length))
  process.stdout.write(
    asJson
      ? `${JSON.stringify(list, null, 2)}\n`
      : list.map(({ name, description }) => `${name.padEnd(width)}  ${description}\n`).join(''),
  )
  return 0
}

function conclude(
  terminal: Terminal,
  { claims, totals, durationMs, leftovers }: DrillReport,
  files: string[],
): void {
  const fallen = claims.filter(({ status }) => status !== 'held')
  terminal.print(
    `\n${claims.length - fallen.length} of ${claims.length} claims held, in ${(durationMs / 1000).toFixed(1)} s.`,
  )
  const { attempts, identities, sent, evaluated, refused, allowed } = totals
  terminal.print(
    `${attempts} attempts by ${identities} identities (${sent} sent, ${evaluated} evaluated): ${refused} refused, ${allowed} allowed.`,
  )
  for (const { name, status } of fallen)
    terminal.print(`  ${status === 'fell' ? 'fell' : 'not examined'}: ${name}`)
  for (const leftover of leftovers) terminal.print(`  not cleaned up: ${terminalText(leftover)}`)
  for (const file of files) terminal.print(`Report: ${file}`)
}

try {
  program.exitOverride().parse()
  process.exitCode = await main(program.opts<Flags>())
} catch (error) {
  // Commander has already printed the error or the help.
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 ? 0 : exitStatus['invalid-input']
  else if (interruption.aborted) {
    process.stderr.write('drill: interrupted; all its processes were stopped\n')
    process.exitCode = exitStatus.interrupted
  } else {
    process.stderr.write(`drill: ${terminalText(describeError(error))}\n`)
    if (isHoldfastError(error) && error.hint !== undefined) process.stderr.write(`hint: ${error.hint}\n`)
    process.exitCode =
      isHoldfastError(error) && error.code === 'invalid-input' ? exitStatus['invalid-input'] : 1
  }
}
