// How much a command says: the options that every command has, and what they hold back.
import { Writable } from 'node:stream'
import { Option } from 'commander'

/** From the least to the most. Each level shows what the one before it shows, and more. */
export const logLevels = ['error', 'warning', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

export interface VerbosityFlags {
  quiet?: boolean
  logLevel?: LogLevel
}

export function quietOption(): Option {
  return new Option('-q, --quiet', 'no progress, and no report of a command that did its work')
}

export function logLevelOption(): Option {
  return new Option(
    '--log-level <level>',
    'on standard error: warning leaves out progress, debug adds stack traces',
  )
    .env('HOLDFAST_LOG_LEVEL')
    .choices(logLevels)
    .default('info' satisfies LogLevel)
}

export function isShown(level: LogLevel, at: LogLevel = 'info'): boolean {
  return logLevels.indexOf(level) <= logLevels.indexOf(at)
}

/** A report that is longer is no good news. */
const heldBytes = 1024 * 1024

/** Holds back a report until the command has ended: `release` shows it, and nothing shows it else. */
export class HeldOutput extends Writable {
  private readonly target: Writable
  private held: Buffer[] | null = []
  private size = 0

  constructor(target: Writable) {
    super()
    this.target = target
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.held === null) return void this.target.write(chunk, done)
    this.held.push(chunk)
    this.size += chunk.length
    if (this.size > heldBytes) this.release()
    done()
  }

  release(): void {
    for (const chunk of this.held ?? []) this.target.write(chunk)
    this.held = null
  }
}
