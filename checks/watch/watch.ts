// Runs jobs by their schedules, and watches itself: a run that was missed or interrupted while this process was away
// is reported and made up for; so is a clock that was turned back. Jobs are idempotent, so that a second instance does
// no harm and needs no lock.
import { HoldfastError } from '../../core/errors.ts'
import { timeText } from '../../core/time-text.ts'
import type { JobSettings } from '../settings.ts'
import type { JobRecord, Journal, JournalFile } from './journal.ts'
import type { DueEvents, MakeTimetable, Timetable } from './schedule.ts'

/** A machine corrects its clock by seconds. */
const maxClockStepMs = 60_000
/** A start takes a moment. */
const maxDelayMs = 60_000

export type RunReason = 'scheduled' | 'missed' | 'interrupted'
export type ProblemKind =
  'missed' | 'interrupted' | 'overlap' | 'clock-turned-back' | 'journal-lost' | 'journal-not-written'

export interface JobRun {
  job: string
  reason: RunReason
  startedMs: number
  endedMs: number
  /** Exit status; null if the run took too long and was ended, or could not start. */
  status: number | null
  nextMs: number
}

/** Something that keeps a job from being proof. */
export interface WatchProblem {
  kind: ProblemKind
  /** Null if it concerns all. */
  job: string | null
  detail: string
}

export interface WatchEvents {
  onRun: (run: JobRun) => void
  onProblem: (problem: WatchProblem) => void
}

export interface WatchOptions extends WatchEvents {
  jobs: Readonly<Record<string, JobSettings>>
  journal: JournalFile
  clock: { nowMs: () => number }
  makeTimetable: MakeTimetable
  /** Resolves with the exit status, or null; rejects only for a defect. */
  runJob: (job: JobSettings, signal: AbortSignal) => Promise<number | null>
  signal: AbortSignal
}

/** Resolves when `signal` is aborted and the runs under way have ended. */
export async function watch(options: WatchOptions): Promise<void> {
  const { signal } = options
  const watcher = new Watcher(options)
  watcher.start()
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  await watcher.stop()
}

class Watcher {
  private readonly options: WatchOptions
  private readonly records = new Map<string, JobRecord>()
  private readonly timetables = new Map<string, Timetable>()
  private readonly running = new Map<string, Promise<void>>()

  constructor(options: WatchOptions) {
    this.options = options
  }

  start(): void {
    const { jobs, journal, makeTimetable, onProblem } = this.options
    const { journal: earlier, problem } = journal.read()
    if (problem !== null) onProblem({ kind: 'journal-lost', job: null, detail: problem })
    this.compareClock(earlier)
    for (const [job, { schedule }] of Object.entries(jobs)) {
      this.timetables.set(job, makeTimetable(schedule, this.eventsOf(job)))
      const record = earlier?.jobs[job]
      const reason = record === undefined ? null : this.reasonToCatchUp(job, record)
      const fresh = { schedule, dueMs: this.nextMs(job), startedMs: null, endedMs: null, status: null }
      this.records.set(job, record === undefined ? fresh : { ...record, schedule, dueMs: this.nextMs(job) })
      if (reason !== null) this.begin(job, reason)
    }
    this.write()
  }

  async stop(): Promise<void> {
    for (const timetable of this.timetables.values()) timetable.stop()
    await Promise.all(this.running.values())
  }

  private compareClock(earlier: Journal | null): void {
    const { clock, onProblem } = this.options
    const nowMs = clock.nowMs()
    if (earlier === null || nowMs + maxClockStepMs >= earlier.writtenMs) return
    onProblem({
      kind: 'clock-turned-back',
      job: null,
      detail: `the clock of this machine says ${timeText(nowMs)}, and said ${timeText(earlier.writtenMs)} before`,
    })
  }

  private eventsOf(job: string): DueEvents {
    return {
      onDue: () => this.begin(job, 'scheduled'),
      onMissed: () => {
        this.options.onProblem({
          kind: 'missed',
          job,
          detail: 'this machine slept or was busy when it was due',
        })
        this.begin(job, 'missed')
      },
    }
  }

  /** Why the job has to run at once; null if it is not due. */
  private reasonToCatchUp(job: string, { dueMs, startedMs, endedMs }: JobRecord): RunReason | null {
    const { clock, onProblem } = this.options
    if (startedMs !== null && endedMs === null) {
      onProblem({ kind: 'interrupted', job, detail: `its run of ${timeText(startedMs)} did not end` })
      return 'interrupted'
    }
    if (clock.nowMs() <= dueMs + maxDelayMs) return null
    onProblem({ kind: 'missed', job, detail: `it was due at ${timeText(dueMs)}, and nothing ran it` })
    return 'missed'
  }

  private begin(job: string, reason: RunReason): void {
    const { signal, onProblem } = this.options
    if (signal.aborted) return
    if (this.running.has(job)) {
      onProblem({ kind: 'overlap', job, detail: 'its last run was still under way when it was due again' })
      return
    }
    const run = this.run(job, reason).finally(() => this.running.delete(job))
    this.running.set(job, run)
  }

  private async run(job: string, reason: RunReason): Promise<void> {
    const { clock, jobs, onRun, runJob, signal } = this.options
    const startedMs = clock.nowMs()
    this.record(job, { startedMs, endedMs: null })
    const status = await runJob(jobs[job]!, signal)
    // The next start makes up for a run that the end of this process has ended.
    if (signal.aborted) return
    const endedMs = clock.nowMs()
    this.record(job, { endedMs, status })
    onRun({ job, reason, startedMs, endedMs, status, nextMs: this.nextMs(job) })
  }

  private record(job: string, changes: Partial<JobRecord>): void {
    const { schedule } = this.options.jobs[job]!
    const record = this.records.get(job) ?? {
      schedule,
      dueMs: 0,
      startedMs: null,
      endedMs: null,
      status: null,
    }
    this.records.set(job, { ...record, ...changes, dueMs: this.nextMs(job) })
    this.write()
  }

  private nextMs(job: string): number {
    return Math.min(this.timetables.get(job)!.nextMs(), maxTimeMs)
  }

  /** Without a journal the jobs still run: only a restart would not notice what it missed. */
  private write(): void {
    const { clock, journal, onProblem } = this.options
    try {
      journal.write({
        kind: 'watch-journal',
        formatVersion: 1,
        writtenMs: clock.nowMs(),
        jobs: Object.fromEntries(this.records),
      })
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
      onProblem({ kind: 'journal-not-written', job: null, detail: error.message })
    }
  }
}

/** The last time that a Date holds. */
const maxTimeMs = 8.64e15
