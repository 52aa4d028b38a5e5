// Checks that a source's root is the root of the last snapshot. Without its mounted file system, a mount
// point is an empty directory, or belongs to another file system. A snapshot of it would be complete, and
// hold nothing.
import { lstatSync, opendirSync } from 'node:fs'
import { HoldfastError } from '../../core/errors.ts'
import { parsePathText } from '../../core/tree/path-text.ts'
import type { BackupOptions } from '../operations.ts'

/** The root of a snapshot, as the cache keeps it (JSON: no bigint). */
export interface SourceRoot {
  directory: string
  /** The root included. */
  entries: number
  device: string
  /** The directory keeps them on a device with another number, and in a file-system snapshot. */
  inode: string
  bornNs: string
  /** The directories on which other file systems were mounted, as text; a cache of an earlier version has none. */
  mounts?: string[]
}

export type RootIdentity = Omit<SourceRoot, 'entries' | 'mounts'>

/** Null if it can't be looked at: the walk then reports why. */
export function readSourceRoot(directory: string): RootIdentity | null {
  try {
    const { dev, ino, birthtimeNs } = lstatSync(directory, { bigint: true })
    return { directory, device: String(dev), inode: String(ino), bornNs: String(birthtimeNs) }
  } catch {
    return null
  }
}

type RootOptions = Pick<
  BackupOptions,
  'source' | 'directory' | 'allowEmpty' | 'allowOtherFileSystem' | 'exclude'
>

/**
 * @param last undefined if the cache has none: a writer can't read the vault, so the check begins with the
 * second snapshot.
 * @throws `invalid-input` if the source had entries and has none, if its root lies on another file system, or if a
 * file system below it is not mounted.
 */
export function assertSameRoot(
  options: RootOptions,
  root: RootIdentity | null,
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
  assertMounts(options, last)
}

/** An empty directory where a file system was mounted at the last snapshot. */
function assertMounts({ source, directory, exclude, allowEmpty }: RootOptions, last: SourceRoot): void {
  if (last.directory !== directory || allowEmpty === true || exclude?.otherFileSystems === true) return
  const missing = last.mounts?.find((mount) => {
    const path = Buffer.concat([Buffer.from(`${directory}/`), parsePathText(mount)])
    return !isMount(path) && isEmpty(path)
  })
  if (missing === undefined) return
  throw new HoldfastError(
    'invalid-input',
    `${directory}/${missing} is empty, and a file system was mounted there at the last snapshot of ${source}`,
    { hint: 'mount the file system, or pass --allow-empty if nothing is meant to be there' },
  )
}

function isMount(path: Buffer): boolean {
  try {
    const parent = path.subarray(0, path.lastIndexOf('/'))
    return lstatSync(path).dev !== lstatSync(parent).dev
  } catch {
    return false
  }
}

/**
 * The numbers of devices change with a restart, of network file systems with each mount: the directory
 * itself decides then.
 */
function isOtherFileSystem(root: RootIdentity, last: SourceRoot): boolean {
  if (root.directory !== last.directory || root.device === last.device) return false
  return root.inode !== last.inode || root.bornNs !== last.bornNs
}

/** A new ext file system has `lost+found`, and nothing else. */
function isEmpty(directory: string | Buffer): boolean {
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
