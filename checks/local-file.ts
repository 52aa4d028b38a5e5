// Replaces a local file at once: a reader, and a crash, meet the old bytes or the new ones.
import { randomBytes } from 'node:crypto'
import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { HoldfastError } from '../core/errors.ts'
import type { LocalFiles } from '../engine/backup/cache-directory.ts'

/**
 * @param write gets the descriptor of a new file, which then takes the name.
 * @throws `disk-full` or `target` if the file can't be written.
 */
export function replaceFile(
  file: string,
  { name, hint }: LocalFiles,
  write: (descriptor: number) => void,
): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.new`
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  try {
    const descriptor = openSync(temporary, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600)
    try {
      write(descriptor)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    const { code } = error as NodeJS.ErrnoException
    throw new HoldfastError(
      code === 'ENOSPC' || code === 'EDQUOT' ? 'disk-full' : 'target',
      `${name} can't be written: ${code ?? 'unknown error'}`,
      { hint, cause: error },
    )
  }
}
