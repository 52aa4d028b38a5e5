// When jobs run: cron expressions in UTC, by node-cron.
import { createTask, validateDetailed } from 'node-cron'
import { HoldfastError } from '../../core/errors.ts'

/** Runs a job at the times of its schedule. */
export interface Timetable {
  /** The next time of the schedule. */
  nextMs(): number
  stop(): void
}

/** Called at each time of a schedule; neither may throw. */
export interface DueEvents {
  onDue: () => void
  /** The machine slept, or was busy, at a time of the schedule. */
  onMissed: () => void
}

export type MakeTimetable = (schedule: string, events: DueEvents) => Timetable

/** @throws `invalid-input` for an expression that is no schedule. @param key names it in the message. */
export function assertSchedule(schedule: string, key: string): void {
  const { valid, errors } = validateDetailed(schedule)
  if (valid) return
  const detail =
    errors[0] === undefined ? 'it is no cron expression' : `${errors[0].field}: ${errors[0].message}`
  throw new HoldfastError('invalid-input', `${key} is not usable: ${detail}`, {
    hint: "give minute, hour, day of the month, month and day of the week, e.g. '0 2 * * *' for two o'clock each night in UTC",
  })
}

export function cronTimetable(schedule: string, { onDue, onMissed }: DueEvents): Timetable {
  const task = createTask(schedule, onDue, { timezone: 'UTC', suppressMissedWarning: true })
  task.on('execution:missed', onMissed)
  void task.start()
  return {
    nextMs: () => task.getNextRun()?.getTime() ?? Infinity,
    stop: () => void task.destroy(),
  }
}
