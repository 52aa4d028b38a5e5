// The bytes of objects: each object or part is one file, named by a random id and never by the client's
// input.

import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** A file that is being filled. No object owns it until a transaction of the catalogue names it. */
export interface FileDraft {
  readonly id: string
  readonly bytes: number
  write(part: Uint8Array): void
  close(): void
  /** Removes the file. A second call does nothing. */
  discard(): void
}

export class ObjectFiles {
  private readonly directory: string

  constructor(directory: string) {
    this.directory = directory
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (let shard = 0; shard < 256; shard += 1)
      mkdirSync(join(directory, shard.toString(16).padStart(2, '0')), { recursive: true, mode: 0o700 })
  }

  pathOf(id: string): string {
    return join(this.directory, id.slice(0, 2), id)
  }

  // Synchronous, because a write to the page cache costs less than a trip through the thread pool.
  private create(): FileDraft {
    const id = randomBytes(16).toString('hex')
    const path = this.pathOf(id)
    let descriptor: number | null = openSync(path, 'wx', 0o600)
    let bytes = 0
    const close = () => {
      if (descriptor !== null) closeSync(descriptor)
      descriptor = null
    }
    return {
      id,
      get bytes() {
        return bytes
      },
      write: (part) => {
        if (descriptor === null) throw new Error('the file is closed')
        for (let written = 0; written < part.length;) written += writeSync(descriptor, part, written)
        bytes += part.length
      },
      close,
      discard: () => {
        close()
        rmSync(path, { force: true })
      },
    }
  }

  /** Fills a new file by `fill`, and discards it if `fill` fails. */
  async withDraft<T>(fill: (draft: FileDraft) => Promise<T>): Promise<T> {
    const draft = this.create()
    try {
      return await fill(draft)
    } catch (error) {
      draft.discard()
      throw error
    }
  }

  remove(ids: Iterable<string>): void {
    for (const id of ids) rmSync(this.pathOf(id), { force: true })
  }

  /** Removes files that no catalogue entry names. A killed process leaves those of its unfinished uploads. */
  sweep(isKnown: (id: string) => boolean): number {
    let removed = 0
    for (const shard of readdirSync(this.directory)) {
      for (const id of readdirSync(join(this.directory, shard))) {
        if (isKnown(id)) continue
        unlinkSync(join(this.directory, shard, id))
        removed += 1
      }
    }
    return removed
  }
}
