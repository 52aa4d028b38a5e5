// Whether a source's root is the one that its last snapshot was made of. Where a file system is not
// mounted, its mount point is an empty directory, or another file system's: a snapshot of it would be
// complete, and hold nothing.
import { lstatSync, opendirSync } from 'node:fs'
import { HoldfastError } from '../../core/errors.ts'
import type { BackupOptions } from '../operations.ts'

/** The root that a snapshot was made of, as the cache keeps it (JSON: no bigint). */
export interface SourceRoot {
  directory: string
  /** The root included. */
  entries: number
  device: string
  /** The directory keeps them on a device with another number, and in a file-system snapshot. */
  inode: string
  bornNs: string
}

/** Null if it can't be looked at: the walk then reports why. */
export function readSourceRoot(directory: string): Omit<SourceRoot, 'entries'> | null {
  try {
    const { dev, ino, birthtimeNs } = lstatSync(directory, { bigint: true })
    return { directory, device: String(dev), inode: String(ino), bornNs: String(birthtimeNs) }
  } catch {
    return null
  }
}

/**
 * @param last undefined if the cache has none: a writer can't read the vault, so the check begins with the second snapshot.
 * @throws `invalid-input` if the source had entries and has none, or if its root lies on another file system.
 */
export function assertSameRoot(
  options: Pick<BackupOptions, 'source' | 'directory' | 'allowEmpty' | 'allowOtherFileSystem'>,
  root: Omit<SourceRoot, 'entries'> | null,
  last: SourceRoot | undefined,
): void {
  if (root === null || last === undefined) return
  const { source, directory } = options
  if (last.entries > 1 && !(options.allowEmpty ?? false) && isEmpty(directory)) {
    throw new HoldfastError(
      'invalid-input',
      `${directory} is empty, and the last snapshot of ${source} has ${last.entries} entries`,
      { hint: 'mount its file system, or pass --allow-empty if nothing is meant to be there' },
    )
  }
  if (!(options.allowOtherFileSystem ?? false) && isOtherFileSystem(root, last)) {
    throw new HoldfastError(
      'invalid-input',
      `${directory} lies on another file system than at the last snapshot of ${source}`,
      {
        hint: 'mount the file system that is missing, or pass --allow-other-file-system if the source was moved',
      },
    )
  }
}

/**
 * The numbers of devices change with a restart, of network file systems with each mount: the directory
 * itself decides then.
 */
function isOtherFileSystem(root: Omit<SourceRoot, 'entries'>, last: SourceRoot): boolean {
  if (root.directory !== last.directory || root.device === last.device) return false
  return root.inode !== last.inode || root.bornNs !== last.bornNs
}

/** A new ext file system has `lost+found`, and nothing else. */
function isEmpty(directory: string): boolean {
  try {
    const entries = opendirSync(directory)
    try {
      let entry = entries.readSync()
      if (entry?.name === 'lost+found') entry = entries.readSync()
      return entry === null
    } finally {
      entries.closeSync()
    }
  } catch {
    // The walk reports why it can't be read.
    return false
  }
}
