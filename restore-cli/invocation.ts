// The arguments that every command gets besides its own: streams, environment, interruption.
import type { Writable } from 'node:stream'
import type { ProgressStream } from './render/progress.ts'
import type { LogLevel } from './verbosity.ts'

export type Bin = 'holdfast' | 'restore'

export interface Invocation {
  bin: Bin
  /** The command line after the name of the program. */
  args?: readonly string[]
  environment: Record<string, string | undefined>
  signal: AbortSignal
  stdout: Writable
  stderr: ProgressStream
  /** Nothing but records on either stream. */
  json?: boolean
  /** Default: `info`. */
  logLevel?: LogLevel
  /** Shows the report that `--quiet` holds back. */
  showReport?: () => void
  /** Passes on the exit status of a program that a command ran. */
  endWith?: (status: number) => void
}
