// The memory of `holdfast watch` across restarts: when each job is due next, and whether its last run has ended. A
// local file that may be hostile: one that can't be used is begun anew, and reported.
import { readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { assertOwnFile, prepareCacheDirectory } from '../../engine/backup/cache-directory.ts'
import type { LocalFiles } from '../../engine/backup/cache-directory.ts'
import { replaceFile } from '../local-file.ts'

const fileName = 'watch.json'
const maxJournalBytes = 1024 * 1024
const journalFiles: LocalFiles = {
  name: 'the journal of the watch',
  hint: 'give --state-dir a directory of this user that no other user may write to (chmod go-w), by a path without links',
}

const time = z.number().int().min(0).max(8.64e15)

const schema = z.strictObject({
  kind: z.literal('watch-journal'),
  formatVersion: z.literal(1),
  /** This machine's clock at the last write. */
  writtenMs: time,
  jobs: z.record(
    z.string().max(100),
    z.strictObject({
      schedule: z.string().max(200),
      /** The next time of the schedule, as of the last write. */
      dueMs: time,
      /** Null before the first run. */
      startedMs: time.nullable(),
      /** Null while a run is under way. */
      endedMs: time.nullable(),
      /** The exit status of the last run that ended. */
      status: z.number().int().nullable(),
    }),
  ),
})

export type Journal = z.infer<typeof schema>
export type JobRecord = Journal['jobs'][string]

export class JournalFile {
  private readonly file: string

  /** @throws `invalid-input` for a directory that another user could have written to. */
  constructor(directory: string) {
    prepareCacheDirectory(directory, journalFiles)
    this.file = join(directory, fileName)
  }

  /** `problem` is null for the first start, and for a journal that can be used. */
  read(): { journal: Journal | null; problem: string | null } {
    assertOwnFile(this.file, journalFiles)
    const size = statSync(this.file, { throwIfNoEntry: false })?.size
    if (size === undefined) return { journal: null, problem: null }
    const lost = {
      journal: null,
      problem: "the journal of earlier runs can't be used: missed runs before now are unknown",
    }
    if (size > maxJournalBytes) return lost
    try {
      return { journal: schema.parse(JSON.parse(readFileSync(this.file, 'utf8'))), problem: null }
    } catch {
      return lost
    }
  }

  /** @throws `disk-full` or `target`. */
  write(journal: Journal): void {
    replaceFile(this.file, journalFiles, (descriptor) =>
      writeSync(descriptor, `${JSON.stringify(journal)}\n`),
    )
  }
}
