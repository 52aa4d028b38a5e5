// Paths that can't be led astray: each directory is opened once, component by component and never through a link, and
// what lies in it is named through its descriptor. (`/proc/self/fd/N/name` does what openat would; elsewhere than on
// Linux the plain path is used, in a directory that only the owner may enter.)
import { closeSync, constants, openSync } from 'node:fs'
import { parentPath } from '../../core/tree/tree.ts'

const slash = Buffer.from('/')
const useDescriptors = process.platform === 'linux'

export class DirectoryHandles {
  private readonly root: string
  private readonly limit: number
  /** Path to descriptor, least recently used first. */
  private readonly open = new Map<string, number>()

  constructor(root: string, limit = 128) {
    this.root = root
    this.limit = limit
  }

  /** A path to use at once in a call that doesn't follow links: the entry `path` (below the root) in its directory. */
  at(path: Buffer): Buffer {
    if (path.length === 0) return Buffer.from(this.root)
    if (!useDescriptors) return Buffer.concat([Buffer.from(this.root), slash, path])
    const parent = parentPath(path)
    const name = parent.length === 0 ? path : path.subarray(parent.length + 1)
    return Buffer.concat([Buffer.from(`/proc/self/fd/${this.descriptor(parent)}/`), name])
  }

  /** A descriptor of the directory `path`, valid until the next call. */
  descriptor(path: Buffer): number {
    // Not by recursion: a hostile tree is deeper than the stack.
    const missing: Buffer[] = []
    for (let at = path; !this.open.has(at.toString('latin1')); at = parentPath(at)) {
      missing.push(at)
      if (at.length === 0) break
    }
    for (const at of missing.reverse()) this.openDirectory(at)
    const key = path.toString('latin1')
    const descriptor = this.open.get(key)!
    this.open.delete(key)
    this.open.set(key, descriptor)
    return descriptor
  }

  /** Its parent is open, and as the one that was used last not the one that makes room. */
  private openDirectory(path: Buffer): void {
    const opened = openSync(this.at(path), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    this.open.set(path.toString('latin1'), opened)
    if (this.open.size > this.limit) {
      const [oldest, descriptor] = this.open.entries().next().value!
      this.open.delete(oldest)
      closeSync(descriptor)
    }
  }

  close(): void {
    for (const descriptor of this.open.values()) closeSync(descriptor)
    this.open.clear()
  }
}
