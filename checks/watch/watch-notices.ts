// The notices of a watch about itself: a job that was missed, or that ended as it should not. The findings of a
// `check` or a `drill` with channels of its own are not among them, because its process sends them.
import { findingText } from '../finding-text.ts'
import { noticeId } from '../notifications/notice.ts'
import type { Notice, RunNotices } from '../notifications/notice.ts'
import type { JobSettings } from '../settings.ts'
import type { JobRun, WatchProblem } from './watch.ts'

/** Statuses of `check` and `drill` that report their findings. */
const findingStatuses: readonly (number | null)[] = [3, 14]
/** In place of a job, for a problem that concerns all. */
const wholeWatch = 'watch'

export function noticesOfRun(
  { job, status }: Pick<JobRun, 'job' | 'status'>,
  { command }: Pick<JobSettings, 'command'>,
): RunNotices {
  const sendsItself =
    ['check', 'drill'].includes(command[0] ?? '') && command.some((word) => /^--checks(=|$)/.test(word))
  const isSilent = status === 0 || (sendsItself && findingStatuses.includes(status))
  if (isSilent) return { open: [], isOver: ({ check }) => check === job || check === wholeWatch }
  const ending = status === null ? 'it took too long, or could not start' : `it ended with status ${status}`
  return { open: [noticeOf(job, 'run', ending)], isOver: () => false }
}

export function noticesOfProblem({ kind, job, detail }: WatchProblem): RunNotices {
  return { open: [noticeOf(job ?? wholeWatch, kind, detail)], isOver: () => false }
}

function noticeOf(check: string, subject: string, detail: string): Notice {
  return {
    id: noticeId({ source: wholeWatch, check, subject }),
    ...{ source: wholeWatch, check, subject },
    severity: 'critical',
    status: 'failed',
    detail: findingText(detail),
    remedy: 'Look at the records of the watch, and run the job by hand.',
  }
}
