// Progress on standard error: a spinner on a terminal, a line every few seconds in a log, records with --json.
import type { Writable } from 'node:stream'
import yoctoSpinner from 'yocto-spinner'

/** The interval between lines of a log, and between records. */
const logIntervalMs = 5_000
const spinnerIntervalMs = 100

export interface ProgressStream extends Writable {
  isTTY?: boolean
}

export interface Progress {
  /** `text` for humans, `figures` for scripts. It limits its own rate, so callers may call it at any rate. */
  update: (text: string, figures: Record<string, number>) => void
  /** Removes the spinner from the screen. */
  stop: () => void
}

/** @param nowMs a monotonic clock; an argument, so that tests need not wait. */
export function showProgress(
  stream: ProgressStream,
  json: boolean,
  nowMs: () => number = () => performance.now(),
): Progress {
  if (json)
    return every(logIntervalMs, nowMs, (_text, figures) =>
      stream.write(`${JSON.stringify({ type: 'progress', ...figures })}\n`),
    )
  if (stream.isTTY !== true) return every(logIntervalMs, nowMs, (text) => stream.write(`${text}\n`))
  const spinner = yoctoSpinner({ stream: stream, handleSignals: false }).start()
  const shown = every(spinnerIntervalMs, nowMs, (text) => {
    spinner.text = text
  })
  return { ...shown, stop: () => void spinner.stop() }
}

function every(
  intervalMs: number,
  nowMs: () => number,
  show: (text: string, figures: Record<string, number>) => void,
): Progress {
  let lastMs = nowMs()
  return {
    update: (text, figures) => {
      if (nowMs() - lastMs < intervalMs) return
      lastMs = nowMs()
      show(text, figures)
    },
    stop: () => undefined,
  }
}
