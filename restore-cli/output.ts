// The output of a command on standard output: text, or one JSON object a line.
import type { Writable } from 'node:stream'
import type { StoreWait } from '../aws/s3-object-store.ts'
import { HoldfastError } from '../core/errors.ts'
import { durationText } from './render/figures.ts'
import { logIntervalMs, showProgress } from './render/progress.ts'
import type { Progress, ProgressStream } from './render/progress.ts'
import { terminalText } from './render/terminal-text.ts'
import { isShown } from './verbosity.ts'
import type { LogLevel } from './verbosity.ts'

const intervalVariable = 'HOLDFAST_PROGRESS_SECONDS'

export interface Output {
  readonly json: boolean
  /** Shown with --json only. `type` distinguishes the kinds of records. */
  record(type: string, fields: Record<string, unknown>): void
  /** Shown without --json only. */
  text(text: string): void
  /** @param phase names the work that begins, until the first `update`. */
  progress(phase?: string): Progress
  /** Shows the phase until `work` has ended. */
  during<Result>(phase: string, work: () => Promise<Result>): Promise<Result>
  /** Reports that a read waits for a store that no longer responds. */
  waiting: (wait: StoreWait) => void
  /** Shows no progress while a question is open: a spinner would paint over it. */
  asking<Answer>(ask: () => Promise<Answer>): Promise<Answer>
  /** Waits until a slow reader of standard output has taken what was written. False if it takes no more. */
  hasRoom(): Promise<boolean>
}

interface Surroundings {
  stdout: Writable
  stderr: ProgressStream
  environment: Record<string, string | undefined>
  logLevel?: LogLevel
}

/** @throws HoldfastError `invalid-input` for an interval of progress that is not a whole number. */
export function makeOutput({ stdout, stderr, environment, logLevel }: Surroundings, json: boolean): Output {
  const wantedMs = readInterval(environment)
  const intervalMs = isShown('info', logLevel) ? wantedMs : 0
  let current: Progress | null = null
  const progress = (phase?: string): Progress => {
    const shown = showProgress(stderr, { json, phase, intervalMs })
    current = shown
    return {
      ...shown,
      stop: () => {
        shown.stop()
        if (current === shown) current = null
      },
    }
  }
  return {
    json,
    record: (type, fields) => {
      if (json) stdout.write(`${JSON.stringify({ type, ...fields })}\n`)
    },
    text: (text) => {
      if (!json) stdout.write(text)
    },
    progress,
    during: async (phase, work) => {
      const shown = progress(phase)
      try {
        return await work()
      } finally {
        shown.stop()
      }
    },
    waiting: ({ reason, waitedMs, patienceMs }) => {
      const text = `waiting for the store: ${terminalText(reason)}; gives up in ${durationText(Math.max(0, patienceMs - waitedMs))}`
      // A listing has no progress while it prints: its rows are the progress.
      current?.update(text, { waitedMs: Math.round(waitedMs), patienceMs })
    },
    asking: async (ask) => {
      const paused = current
      paused?.pause()
      try {
        return await ask()
      } finally {
        if (current === paused) paused?.resume()
      }
    },
    hasRoom: () => hasRoom(stdout),
  }
}

function readInterval(environment: Surroundings['environment']): number {
  const text = environment[intervalVariable]
  if (text === undefined || text === '') return logIntervalMs
  if (!/^\d{1,4}$/.test(text))
    throw new HoldfastError(
      'invalid-input',
      `${intervalVariable} is not a whole number of seconds below 10000`,
      {
        hint: `set ${intervalVariable} to the seconds between lines of progress, or to 0 for none`,
      },
    )
  return Number(text) * 1000
}

async function hasRoom(stream: Writable): Promise<boolean> {
  if (stream.writableNeedDrain) {
    await new Promise<void>((resolve) => {
      stream.once('drain', resolve)
      stream.once('close', resolve)
    })
  }
  return stream.writable
}
