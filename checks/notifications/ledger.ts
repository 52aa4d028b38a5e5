// The memory of notifications: the notices that each channel has heard of. A local file that may be hostile. One that
// can't be used is begun anew, so that a lost file sends a notice again rather than never.
import { readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { sha256Hex } from '../../core/digest.ts'
import { assertOwnFile, prepareCacheDirectory } from '../../engine/backup/cache-directory.ts'
import type { LocalFiles } from '../../engine/backup/cache-directory.ts'
import { findingLine } from '../finding-text.ts'
import { replaceFile } from '../local-file.ts'
import { severities } from '../outcome.ts'

const maxLedgerBytes = 16 * 1024 * 1024
/** The oldest are forgotten: a flood of findings must not fill the disk. */
export const maxEntries = 2000

const ledgerFiles: LocalFiles = {
  name: 'the ledger of notifications',
  hint: 'give --state-dir a directory of this user that no other user may write to (chmod go-w), by a path without links',
}

const entry = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  source: z.string().max(100),
  check: z.string().max(100),
  severity: z.enum(severities),
  subject: findingLine,
  /** This machine's clock at the last message. */
  sentMs: z.number().int().min(0).max(8.64e15),
})

const schema = z.strictObject({
  kind: z.literal('notification-ledger'),
  formatVersion: z.literal(1),
  channels: z.record(z.string().max(100), z.array(entry).max(maxEntries)),
})

export type LedgerEntry = z.infer<typeof entry>
export type LedgerContent = Record<string, readonly LedgerEntry[]>

export interface Ledger {
  read(): LedgerContent
  /** @throws `disk-full` or `target`. */
  write(content: LedgerContent): void
}

export class LedgerFile implements Ledger {
  private readonly file: string

  /**
   * @param scope the vault, or the watch: each has a file of its own.
   * @throws `invalid-input` for a directory that another user could have written to.
   */
  constructor(directory: string, scope: string) {
    prepareCacheDirectory(directory, ledgerFiles)
    this.file = join(directory, `${sha256Hex(Buffer.from(scope)).slice(0, 16)}-notifications.json`)
  }

  read(): LedgerContent {
    assertOwnFile(this.file, ledgerFiles)
    const size = statSync(this.file, { throwIfNoEntry: false })?.size
    if (size === undefined || size > maxLedgerBytes) return {}
    try {
      return schema.parse(JSON.parse(readFileSync(this.file, 'utf8'))).channels
    } catch {
      return {}
    }
  }

  write(content: LedgerContent): void {
    const channels = Object.fromEntries(
      Object.entries(content).map(([name, entries]) => [name, entries.slice(-maxEntries)]),
    )
    const text = JSON.stringify({ kind: 'notification-ledger', formatVersion: 1, channels })
    replaceFile(this.file, ledgerFiles, (descriptor) => writeSync(descriptor, `${text}\n`))
  }
}

/** For a run without a state directory: it sends every open notice. */
export const emptyLedger: Ledger = { read: () => ({}), write: () => {} }
