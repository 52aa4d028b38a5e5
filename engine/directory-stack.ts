// The directories from the root of a walk down to the current one, each with a descriptor. A user who can write to
// the tree can put a link, or another directory, in the place of one that was listed: a call by its path would then
// see files from elsewhere. A call through the descriptor can't be led astray, and no path is too long for it.
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import type { EntryStats } from './stat-identity.ts'
import { useDescriptors } from './directory-handles.ts'

/** Deeper trees close the descriptors that are farthest above, and open them again on the way back. */
const maxOpen = 64
const openFlags = constants.O_RDONLY | constants.O_DIRECTORY

interface OpenDirectory {
  /** In latin1, a character for each byte; of the root, its path. */
  name: string
  /** As numbers, which take half the time: no user chooses an inode whose number only differs in its last bits. */
  dev: number
  ino: number
  /** True: the name is a link to follow. Its target is still the directory with these numbers. */
  isLink: boolean
  /** -1 while it is closed. */
  descriptor: number
}

/** Another directory, or none, has the place of one that was listed. */
export class DirectoryReplaced extends Error {}

export class DirectoryStack {
  private readonly directories: OpenDirectory[] = []

  /**
   * Opens the directory `name` in the innermost one. @param isLink the name is a link that is followed.
   * @throws `DirectoryReplaced`, or why it can't be opened.
   */
  enter(name: string, { dev, ino }: Pick<EntryStats, 'dev' | 'ino'>, isLink = false): void {
    const directory: OpenDirectory = { name, dev: Number(dev), ino: Number(ino), isLink, descriptor: -1 }
    if (useDescriptors) this.open(directory, this.directories.length)
    this.directories.push(directory)
    const farthest = this.directories.length - 1 - maxOpen
    if (farthest > 0) this.close(this.directories[farthest]!)
  }

  leave(): void {
    this.close(this.directories.pop()!)
  }

  /**
   * The directory, or with `name` an entry in it, for a call that doesn't follow links.
   * @param plain its path by name, where no descriptors can be used.
   */
  at(plain: Buffer, name?: string): Buffer {
    if (!useDescriptors) return plain
    const descriptor = this.descriptor(this.directories.length - 1)
    return Buffer.from(`/proc/self/fd/${descriptor}/${name ?? ''}`, 'latin1')
  }

  private descriptor(depth: number): number {
    let openDepth = depth
    while (openDepth > 0 && this.directories[openDepth]!.descriptor === -1) openDepth--
    for (let at = openDepth; at <= depth; at++) {
      const directory = this.directories[at]!
      if (directory.descriptor === -1) this.open(directory, at)
    }
    // The way back up: what was opened again stays, one at each level.
    return this.directories[depth]!.descriptor
  }

  private open(directory: OpenDirectory, depth: number): void {
    const path =
      depth === 0 ? directory.name : `/proc/self/fd/${this.descriptor(depth - 1)}/${directory.name}`
    const flags = directory.isLink ? openFlags : openFlags | constants.O_NOFOLLOW
    const descriptor = openSync(Buffer.from(path, 'latin1'), flags)
    const { dev, ino } = fstatSync(descriptor)
    if (ino !== directory.ino || dev !== directory.dev) {
      closeSync(descriptor)
      throw new DirectoryReplaced('another directory has taken its place')
    }
    directory.descriptor = descriptor
  }

  private close(directory: OpenDirectory): void {
    if (directory.descriptor !== -1) closeSync(directory.descriptor)
    directory.descriptor = -1
  }

  closeAll(): void {
    for (const directory of this.directories.splice(0)) this.close(directory)
  }
}
