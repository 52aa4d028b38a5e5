// `npm run prove`: proves before a deployment that the declared policies deny and allow exactly the expected requests.
import { Command, CommanderError } from 'commander'
import { exitStatus, isHoldfastError } from '../../core/errors.ts'
import { terminalText } from '../../restore-cli/render/terminal-text.ts'
import { toolVersion } from '../../restore-cli/tool-version.ts'
import { writeReportFiles } from '../report/report-files.ts'
import { readConfigFile } from '../../infra/config-file.ts'
import { assumePeople, examinedConfigs } from './examined-config.ts'
import { judgeMutants, runMutants } from './mutant-run.ts'
import { prove } from './proof.ts'
import type { Proof } from './proof.ts'
import { renderHtml } from './report/html.ts'
import { isProven, proofSchemaName, recordRow, summarizeProof } from './report/summary.ts'
import type { ProofReport } from './report/summary.ts'
import { renderTerminal } from './report/terminal.ts'

interface Flags {
  config?: string
  mutants?: boolean
  reportDir: string
  json?: boolean
}

const program = new Command('npm run prove --')
  .description(
    'Evaluates every relevant request of every principal against the policies that the infrastructure program\n' +
      'declares, and reports each unexpected result. It deploys nothing and needs no account.',
  )
  .option(
    '--config <file>',
    'prove this configuration (output of `pulumi config --json`) instead of the example',
  )
  .option(
    '--mutants',
    'also remove each statement, condition, boundary and lock, one at a time: the proof must notice each',
  )
  .option('--report-dir <dir>', 'where proof.json, proof.html and proof-rows.jsonl go', 'proof-report')
  .option('--json', 'print proof.json on standard output')
  .addHelpText(
    'after',
    `
Exit status: 0 proven, ${exitStatus['objective-missed']} a result was unexpected or a mutant went unnoticed, ${exitStatus['invalid-input']} the configuration is refused.`,
  )

async function main(flags: Flags): Promise<number> {
  const startedMs = Date.now()
  const completed = flags.config === undefined ? null : assumePeople(readConfigFile(flags.config), startedMs)
  const configs = completed === null ? Object.values(examinedConfigs) : [completed.config]
  for (const entry of completed?.assumed ?? [])
    process.stderr.write(
      `note: not in the configuration: ${terminalText(entry)}; the proof assumes that role\n`,
    )
  const proofs: Proof[] = []
  for (const config of configs) proofs.push(await prove({ config, nowMs: startedMs }))
  const verdict =
    flags.mutants === true
      ? judgeMutants(await runMutants(proofs), { isWhole: flags.config === undefined })
      : null
  const summaries = proofs.map(summarizeProof)
  const report: ProofReport = {
    schema: proofSchemaName,
    outcome: isProven(summaries, verdict) ? 'proven' : 'surprises',
    startedAt: new Date(startedMs).toISOString(),
    durationMs: Date.now() - startedMs,
    tool: { version: toolVersion(), node: process.versions.node },
    proofs: summaries,
    mutants:
      verdict === null
        ? null
        : {
            examined: verdict.results.length,
            killed: verdict.results.filter(({ killedBy }) => killedBy !== null).length,
            accounted: verdict.accounted,
            unexpected: verdict.unexpected,
            stale: verdict.stale,
          },
  }
  const files = await writeReportFiles(flags.reportDir, {
    'proof.json': `${JSON.stringify(report, null, 2)}\n`,
    'proof.html': renderHtml(report),
    'proof-rows.jsonl': proofs.flatMap(linesOf).join(''),
  })
  const shown = `${renderTerminal(report)}${files.map((file) => `Report: ${file}\n`).join('')}`
  if (flags.json === true) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  ;(flags.json === true ? process.stderr : process.stdout).write(shown)
  return report.outcome === 'proven' ? 0 : exitStatus['objective-missed']
}

function linesOf({ name, rows }: Proof): string[] {
  return rows.map((row) => `${JSON.stringify({ proof: name, group: row.group, ...recordRow(row) })}\n`)
}

try {
  program.exitOverride().parse()
  process.exitCode = await main(program.opts<Flags>())
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 ? 0 : exitStatus['invalid-input']
  else {
    const lines = (error instanceof Error ? error.message : String(error)).split('\n').map(terminalText)
    process.stderr.write(`prove: ${lines.join('\n')}\n`)
    if (isHoldfastError(error) && error.hint !== undefined) process.stderr.write(`hint: ${error.hint}\n`)
    process.exitCode = isHoldfastError(error) ? error.exitStatus : 1
  }
}
