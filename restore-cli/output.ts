// The output of a command on standard output: text, or one JSON object a line.
import type { Writable } from 'node:stream'
import { showProgress } from './render/progress.ts'
import type { Progress, ProgressStream } from './render/progress.ts'

export interface Output {
  readonly json: boolean
  /** Shown with --json only. `type` distinguishes the kinds of records. */
  record(type: string, fields: Record<string, unknown>): void
  /** Shown without --json only. */
  text(text: string): void
  progress(): Progress
}

export function makeOutput(streams: { stdout: Writable; stderr: ProgressStream }, json: boolean): Output {
  return {
    json,
    record: (type, fields) => {
      if (json) streams.stdout.write(`${JSON.stringify({ type, ...fields })}\n`)
    },
    text: (text) => {
      if (!json) streams.stdout.write(text)
    },
    progress: () => showProgress(streams.stderr, json),
  }
}
