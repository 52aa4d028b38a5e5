// Progress on standard error: a spinner on a terminal, a line every few seconds in a log, records with --json.
import type { Writable } from 'node:stream'
import yoctoSpinner from 'yocto-spinner'

/** The default interval between lines of a log, and between records. */
export const logIntervalMs = 5_000
const spinnerIntervalMs = 100

export interface ProgressStream extends Writable {
  isTTY?: boolean
}

export interface Progress {
  /** `text` for humans, `figures` for scripts. It limits its own rate, so callers may call it at any rate. */
  update: (text: string, figures: Record<string, number>) => void
  /** Shows nothing until `resume`. */
  pause: () => void
  resume: () => void
  /** Ends the lines, and removes the spinner from the screen. */
  stop: () => void
}

const noProgress: Progress = {
  update: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  stop: () => undefined,
}

export interface ProgressStyle {
  json: boolean
  /** Shown before the first `update`. */
  phase?: string | undefined
  /** The interval between lines of a log, and between records. 0 shows none, and no spinner. */
  intervalMs: number
}

/**
 * The last figures are shown every few seconds, also if they stay the same: a reader must be able to tell a slow
 * command from one that has stopped.
 */
export function showProgress(stream: ProgressStream, { json, phase, intervalMs }: ProgressStyle): Progress {
  if (intervalMs === 0) return noProgress
  if (!json && stream.isTTY === true) return showSpinner(stream, phase)
  let line = phase === undefined ? null : json ? recordOf({ phase }) : phase
  let isPaused = false
  const timer = setInterval(() => {
    if (line !== null && !isPaused) stream.write(`${line}\n`)
  }, intervalMs)
  timer.unref()
  return {
    update: (text, figures) => {
      line = json ? recordOf(figures) : text
    },
    pause: () => {
      isPaused = true
    },
    resume: () => {
      isPaused = false
    },
    stop: () => clearInterval(timer),
  }
}

function recordOf(fields: Record<string, number | string>): string {
  return JSON.stringify({ type: 'progress', ...fields })
}

function showSpinner(stream: ProgressStream, phase: string | undefined): Progress {
  const spinner = yoctoSpinner({
    stream,
    handleSignals: false,
    ...(phase === undefined ? {} : { text: phase }),
  }).start()
  let lastMs = performance.now()
  let isPaused = false
  return {
    update: (text) => {
      // A new text is painted at once, also while the spinner stands still.
      if (isPaused || performance.now() - lastMs < spinnerIntervalMs) return
      lastMs = performance.now()
      spinner.text = text
    },
    pause: () => {
      isPaused = true
      spinner.stop()
    },
    resume: () => {
      isPaused = false
      spinner.start()
    },
    stop: () => void spinner.stop(),
  }
}
