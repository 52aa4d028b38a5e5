// `holdfast watch`: runs the commands that look after a vault by their schedules, on one machine.
import type { Command } from 'commander'
import type { JobSettings } from '../../checks/settings.ts'
import type { WatchEvents } from '../../checks/watch/watch.ts'
import { HoldfastError } from '../../core/errors.ts'
import { timeText } from '../../core/time-text.ts'
import type { Invocation } from '../invocation.ts'
import { jsonOption } from '../options.ts'
import { makeOutput } from '../output.ts'
import type { Output } from '../output.ts'
import { openMonitor } from '../watch-monitor.ts'
import type { WatchMonitor } from '../watch-monitor.ts'
import { durationText } from '../render/figures.ts'
import { terminalText } from '../render/terminal-text.ts'
import { runScheduled } from '../scheduled-process.ts'

interface WatchFlags {
  config: string
  stateDir: string
  json?: boolean
}

export function declare(command: Command, invocation: Invocation): void {
  command
    .description(
      'Run check, notary, custodian, drill, verify and report by their schedules, each in a process of its own.',
    )
    .requiredOption('--config <file>', 'the jobs and their schedules: see docs/checks.md')
    .requiredOption('--state-dir <directory>', 'when each job is due: a restart makes up for what it missed')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast watch --config checks.yaml --state-dir /var/lib/holdfast/watch --json

Runs until SIGTERM or SIGINT. Each job gets the environment of this process, and with it its credentials.
`,
    )
    .action(() => watchVault(command.opts(), invocation))
}

/** @throws `invalid-input` for jobs that can't be scheduled; the reason of the interruption at the end. */
async function watchVault(
  flags: WatchFlags,
  { environment, signal, stdout, stderr }: Invocation,
): Promise<void> {
  const output = makeOutput({ environment, stdout, stderr }, flags.json ?? false)
  const { maxSettingsBytes, parseSettings } = await import('../../checks/settings.ts')
  const { readTextFile } = await import('../../blast-radius/text-file.ts')
  const { assertSchedule, cronTimetable } = await import('../../checks/watch/schedule.ts')
  const { JournalFile } = await import('../../checks/watch/journal.ts')
  const { watch } = await import('../../checks/watch/watch.ts')
  const { wallClock } = await import('../wall-clock.ts')
  const text = readTextFile(flags.config, { label: 'the file', maxBytes: maxSettingsBytes })
  const settings = parseSettings(text, flags.config)
  if (Object.keys(settings.jobs).length === 0)
    throw new HoldfastError('invalid-input', `the file ${flags.config} has no jobs`, {
      hint: 'docs/checks.md has an example',
    })
  for (const [name, { schedule }] of Object.entries(settings.jobs))
    assertSchedule(schedule, `jobs.${name}.schedule`)
  const journal = new JournalFile(flags.stateDir)
  const monitor = await openMonitor(settings, {
    ...flags,
    journal,
    invocation: { environment, signal },
    output,
  })
  const streams = { environment, stdout, stderr }
  try {
    await watch({
      jobs: monitor.jobs,
      journal,
      clock: wallClock,
      makeTimetable: cronTimetable,
      runJob: (job: JobSettings, stop) => runScheduled(job, streams, stop),
      signal,
      ...eventsTo(output, monitor),
    })
  } finally {
    await monitor.close()
  }
  signal.throwIfAborted()
}

function eventsTo(output: Output, monitor: WatchMonitor): WatchEvents {
  return {
    onRun: (run) => {
      const { job, reason, startedMs, endedMs, status, nextMs } = run
      const [started, next] = [timeText(startedMs), timeText(nextMs)]
      const durationMs = endedMs - startedMs
      output.record('watch-run', { job, reason, ok: status === 0, status, started, durationMs, next })
      const verdict = status === 0 ? 'passed' : status === null ? 'ENDED EARLY' : `STATUS ${status}`
      output.text(`${verdict}: ${job} (${reason}), ${durationText(durationMs)}; next at ${next}\n`)
      monitor.onRun(run)
    },
    onProblem: (problem) => {
      const { kind, job, detail } = problem
      output.record('watch-problem', { kind, job, detail })
      output.text(`PROBLEM: ${job ?? 'watch'}: ${kind}: ${terminalText(detail)}\n`)
      monitor.onProblem(problem)
    },
  }
}
