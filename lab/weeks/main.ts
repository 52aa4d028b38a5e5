// `npm run weeks`: three weeks of a vault. The exit status is 0 only if every morning was as the calendar says.
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Command, CommanderError } from 'commander'
import { exitStatus } from '../../core/errors.ts'
import { wholeNumber } from '../../restore-cli/options.ts'
import { terminalText } from '../../restore-cli/render/terminal-text.ts'
import { Cleanup } from '../incident/cleanup.ts'
import { abortOnSignals } from '../incident/interruption.ts'
import { writeReportFiles } from '../report/report-files.ts'
import { renderAlarms, renderTable } from './table.ts'

interface Flags {
  reportDir: string
  seed: number
}

const program = new Command('npm run weeks --')
  .description(
    'Runs a vault through three weeks on a turned clock: backups of two sources, and every night the commands of the\n' +
      "vault's account. Week two has attacks, and in week three a source is silent. It changes nothing outside this machine.",
  )
  .option('--report-dir <dir>', "folder for each morning's page and the summary", 'weeks-report')
  .option('--seed <n>', 'invent other data', wholeNumber, 1)
  .addHelpText(
    'after',
    `
Exit status: 0 every morning was as expected, ${exitStatus['objective-missed']} a check was green that had to be red, or the reverse, 1 the run itself failed.`,
  )

const interruption = abortOnSignals()

async function main({ reportDir, seed }: Flags): Promise<number> {
  const cleanup = new Cleanup()
  const workDirectory = await mkdtemp(path.join(os.tmpdir(), 'holdfast-weeks-'))
  cleanup.add('work directory', () => rm(workDirectory, { recursive: true, force: true, maxRetries: 3 }))
  try {
    // A late import, so that help is fast and the signal handlers are in place first.
    const { runWeeks } = await import('./weeks.ts')
    const results = await runWeeks({
      workDirectory,
      seed,
      cleanup,
      signal: interruption,
      onDay: async ({ calendarDay: { day }, page, deviations }) => {
        const name = `day-${String(day).padStart(2, '0')}`
        await writeReportFiles(reportDir, { [`${name}.html`]: page.html, [`${name}.txt`]: page.text })
        for (const text of deviations) process.stdout.write(`day ${day}: ${terminalText(text)}\n`)
      },
    })
    const summary = `${renderTable(results)}\n\n${renderAlarms(results)}\n`
    const [file] = await writeReportFiles(reportDir, { 'summary.md': summary })
    process.stdout.write(`${summary}\nSummary: ${file}\n`)
    return results.every(({ deviations }) => deviations.length === 0) ? 0 : exitStatus['objective-missed']
  } finally {
    for (const failure of await cleanup.run())
      process.stderr.write(`not cleaned up: ${terminalText(failure)}\n`)
  }
}

try {
  program.exitOverride().parse()
  process.exitCode = await main(program.opts<Flags>())
} catch (error) {
  // Commander has already printed the error or the help.
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 ? 0 : exitStatus['invalid-input']
  else if (interruption.aborted) process.exitCode = exitStatus.interrupted
  else {
    process.stderr.write(`weeks: ${terminalText(error instanceof Error ? error.message : String(error))}\n`)
    process.exitCode = 1
  }
}
