// The files that PostgreSQL hands to `archive_command`, and what their names say.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'

export interface WalFileName {
  /** `backup`: a note of a base backup's begin and end, which its manifest has too. */
  kind: 'segment' | 'partial' | 'history' | 'backup'
  /** The name of the segment; for a history file, the timeline. */
  stem: string
}

const segmentPattern = /^([0-9A-F]{24})(\.partial)?$/
const historyPattern = /^([0-9A-F]{8})\.history$/
const backupPattern = /^([0-9A-F]{24})\.[0-9A-F]{8}\.backup$/

/** @throws `invalid-input` for a name that PostgreSQL gives no file to archive. */
export function parseWalFileName(path: string): WalFileName {
  const name = basename(path)
  const segment = segmentPattern.exec(name)
  if (segment !== null) return { kind: segment[2] === undefined ? 'segment' : 'partial', stem: segment[1]! }
  const history = historyPattern.exec(name)
  if (history !== null) return { kind: 'history', stem: history[1]! }
  const backup = backupPattern.exec(name)
  if (backup !== null) return { kind: 'backup', stem: backup[1]! }
  throw new HoldfastError('invalid-input', `${JSON.stringify(name.slice(0, 100))} is no file of the WAL`, {
    hint: "set archive_command = 'holdfast wal-push %p'",
  })
}

/** An open file of the WAL. */
export class WalFile {
  readonly path: string
  readonly bytes: number
  private readonly descriptor: number

  /** @throws `not-found`, or `denied`. */
  constructor(path: string) {
    this.path = path
    try {
      this.descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const isDenied = code === 'EACCES' || code === 'EPERM'
      throw new HoldfastError(isDenied ? 'denied' : 'not-found', `${path} can't be read: ${code}`, {
        hint: 'PostgreSQL runs archive_command in the data directory, as its own user: run the command as it does',
        cause: error,
      })
    }
    const stats = fstatSync(this.descriptor)
    this.bytes = stats.size
    if (stats.isFile()) return
    this.close()
    throw new HoldfastError('invalid-input', `${path} is no regular file`)
  }

  /** @throws `internal` if the file became shorter. */
  read(offset: number, bytes: number): Buffer {
    const buffer = Buffer.allocUnsafeSlow(bytes)
    for (let filled = 0; filled < bytes;) {
      const count = readSync(this.descriptor, buffer, filled, bytes - filled, offset + filled)
      if (count === 0) throw new HoldfastError('internal', `${this.path} became shorter while it was read`)
      filled += count
    }
    return buffer
  }

  close(): void {
    closeSync(this.descriptor)
  }
}
