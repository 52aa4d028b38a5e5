// Runs a scheduled job: this very program with other arguments, in a process of its own, without a shell.
import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import type { JobSettings } from '../checks/settings.ts'
import { programFile } from './program-file.ts'

/** How long a job may take to stop cleanly. */
const graceMs = 15_000

interface Streams {
  environment: Record<string, string | undefined>
  stdout: Writable
  stderr: Writable
}

/** The exit status; null if the job could not start, took longer than its timeout, or was ended by a signal. */
export function runScheduled(
  { command, timeout }: Pick<JobSettings, 'command' | 'timeout'>,
  { environment, stdout, stderr }: Streams,
  signal: AbortSignal,
): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...process.execArgv, programFile(), ...command], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: false,
    })
    let isOver = false
    const stop = (): void => {
      isOver = true
      child.kill('SIGTERM')
      setTimeout(() => child.kill('SIGKILL'), graceMs).unref()
    }
    const timer = setTimeout(stop, Math.min(timeout, maxTimerMs))
    signal.addEventListener('abort', stop, { once: true })
    const end = (status: number | null): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      resolve(isOver ? null : status)
    }
    child.stdout.pipe(stdout, { end: false })
    child.stderr.pipe(stderr, { end: false })
    child.once('error', () => end(null))
    child.once('close', (status) => end(status))
  })
}

/** A longer timer fires at once. */
const maxTimerMs = 2 ** 31 - 1
