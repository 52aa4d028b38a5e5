// Gets what was written to the disk: at the end, and on the way there, while the rest is still being fetched.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { HoldfastError } from '../../core/errors.ts'
import { diskFull } from './restore-staging.ts'

/** What may be left for the end. The kernel would keep a tenth of the memory before it begins by itself. */
const flushEveryBytes = 256 * 1024 * 1024

export class WriteBack {
  private readonly flush: () => Promise<void>
  private running: Promise<void> | null = null
  /** Told once by the system, so that it must not be forgotten. */
  private failure: { error: unknown } | null = null
  private lastFlushBytes = 0

  constructor(flush: () => Promise<void>) {
    this.flush = flush
  }

  /** Begins to flush if much was written since the last time, and none is under way. */
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

  /** @throws what a flush failed with. The last one is still to be made. */
  async finish(): Promise<void> {
    await this.running
    if (this.failure !== null) throw this.failure.error
  }
}

/** Everything written is on the disk, or this fails: `sync -f` is syncfs(2), which reports errors of writing back. */
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
