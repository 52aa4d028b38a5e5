// Flushes written files to the disk while the restore fetches the next ones, so that the flush at the end is
// short.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { HoldfastError } from '../../core/errors.ts'
import { diskFull } from './restore-staging.ts'

/** Well below the kernel's default, which begins when a tenth of the memory is dirty. */
const flushEveryBytes = 256 * 1024 * 1024

export class WriteBack {
  private readonly flush: () => Promise<void>
  private running: Promise<void> | null = null
  /** Kept until `finish`, because the system reports a failed write only once. */
  private failure: { error: unknown } | null = null
  private lastFlushBytes = 0

  constructor(flush: () => Promise<void>) {
    this.flush = flush
  }

  /** Starts a flush if much was written since the last one, and no flush is running. */
  recordProgress(bytesWritten: number): void {
    if (this.running !== null || bytesWritten - this.lastFlushBytes < flushEveryBytes) return
    this.lastFlushBytes = bytesWritten
    this.running = this.flush()
      .catch((error: unknown) => {
        this.failure ??= { error }
      })
      .finally(() => {
        this.running = null
      })
  }

  /** Waits for a running flush. The caller makes the last one. @throws the error of a failed flush. */
  async finish(): Promise<void> {
    await this.running
    if (this.failure !== null) throw this.failure.error
  }
}

/**
 * Brings all written bytes to the disk, or fails. `sync -f` calls syncfs(2), which reports write-back errors.
 */
export async function flush(directory: string): Promise<void> {
  try {
    await promisify(execFile)('sync', process.platform === 'linux' ? ['-f', '--', directory] : [], {
      env: { ...process.env, LC_ALL: 'C' },
    })
  } catch (error) {
    if (/no space left|quota exceeded/i.test(String(error))) throw diskFull(directory, error)
    throw new HoldfastError('target', `not everything reached the disk of ${directory}`, {
      hint: "look into the system's log, then repeat the command",
      cause: error,
    })
  }
}
