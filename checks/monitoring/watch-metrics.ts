// The metrics of a watch: its journal, its problems, and the report that each job leaves in a local file.
import { join } from 'node:path'
import { prepareCacheDirectory } from '../../engine/backup/cache-directory.ts'
import type { JobSettings } from '../settings.ts'
import type { JournalFile } from '../watch/journal.ts'
import { renderMetrics } from './metrics.ts'
import { readReportFile } from './report-file.ts'

/** Commands whose run makes a report. */
const reportingCommands: readonly string[] = ['check', 'drill']

type Jobs = Readonly<Record<string, JobSettings>>

export class WatchMetrics {
  /** The jobs, each with the option that makes it leave its report. */
  readonly jobs: Jobs
  private readonly journal: JournalFile
  private readonly toolVersion: string
  private readonly files: readonly string[]
  private readonly problems: Record<string, number> = {}

  /** @throws `invalid-input` for a directory that another user could have written to. */
  constructor({
    jobs,
    stateDirectory,
    journal,
    toolVersion,
  }: {
    jobs: Jobs
    stateDirectory: string
    journal: JournalFile
    toolVersion: string
  }) {
    const directory = join(stateDirectory, 'reports')
    prepareCacheDirectory(directory)
    const entries = Object.entries(jobs).map(([name, job]) => {
      const file = reportsAlready(job) ? null : join(directory, `${name}.json`)
      return {
        name,
        file,
        job: file === null ? job : { ...job, command: [...job.command, '--report-file', file] },
      }
    })
    this.jobs = Object.fromEntries(entries.map(({ name, job }) => [name, job]))
    this.files = entries.flatMap(({ file }) => file ?? [])
    this.journal = journal
    this.toolVersion = toolVersion
  }

  addProblem(kind: string): void {
    this.problems[kind] = (this.problems[kind] ?? 0) + 1
  }

  /** @throws `invalid-input` if another user could have written the journal. */
  render(): Promise<string> {
    const { toolVersion, problems } = this
    return renderMetrics({
      toolVersion,
      reports: this.files.flatMap((file) => readReportFile(file) ?? []),
      watch: { jobs: this.journal.read().journal?.jobs ?? {}, problems },
    })
  }
}

/** An operator's own option stays, and so does a run that makes no report. */
function reportsAlready({ command }: JobSettings): boolean {
  const isReporting =
    reportingCommands.includes(command[0] ?? '') &&
    !command.includes('--list') &&
    !command.includes('--dry-run')
  return !isReporting || command.some((word) => /^--report-file(=|$)/.test(word))
}
