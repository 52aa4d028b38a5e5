// Pushes several files at once: the one that PostgreSQL asked for, and those that it will ask for next. PostgreSQL
// asks for one at a time, so that without this each would wait for a whole round trip to the store.
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pushWalFile } from './push-file.ts'
import type { PushOptions, PushResult } from './push-file.ts'

/** Files in work at a time. Each takes its own bytes twice in memory, and its compressed bytes. */
const pushesAtOnce = 3

export class PushPool {
  private readonly options: PushOptions
  private readonly active = new Map<string, Promise<PushResult>>()
  private readonly failed = new Set<string>()

  constructor(options: PushOptions) {
    this.options = options
  }

  /** Resolves when the vault has the file, and begins with the files that follow. Throws as `pushWalFile`. */
  async push(path: string): Promise<PushResult> {
    this.failed.delete(path)
    const result = this.begin(path)
    this.pushAhead(dirname(path))
    return result
  }

  /** Resolves when nothing is in work. */
  async drain(): Promise<void> {
    while (this.active.size > 0) await Promise.allSettled(this.active.values())
  }

  private begin(path: string): Promise<PushResult> {
    const running = this.active.get(path)
    if (running !== undefined) return running
    const work = pushWalFile(this.options, path)
    this.active.set(path, work)
    void work.then(
      () => this.end(path),
      () => {
        // PostgreSQL asks for the file itself, and gets the reason then.
        this.failed.add(path)
        this.end(path)
      },
    )
    return work
  }

  private end(path: string): void {
    this.active.delete(path)
    if (this.failed.size === 0 && this.options.signal?.aborted !== true) this.pushAhead(dirname(path))
  }

  private pushAhead(directory: string): void {
    if (this.active.size >= pushesAtOnce) return
    for (const name of readyFiles(directory)) {
      if (this.active.size >= pushesAtOnce) return
      const path = join(directory, name)
      const isDone = this.failed.has(path) || this.options.journal.lookup(basename(path))?.isPushed === true
      if (!isDone) void this.begin(path)
    }
  }
}

/** The segments that PostgreSQL has finished and not archived yet, in their order. */
function readyFiles(directory: string): string[] {
  try {
    return readdirSync(join(directory, 'archive_status'))
      .filter((name) => /^[0-9A-F]{24}\.ready$/.test(name))
      .map((name) => name.slice(0, 24))
      .sort()
  } catch {
    return []
  }
}
