// Makes paths that no link can redirect. It opens each directory once, component by component and never through a link
// except one that its user follows, and names the entries through its descriptor. On Linux, `/proc/self/fd/N/name`
// replaces openat, which Node lacks. Other systems use the plain path. No path is too long this way, because the
// kernel's limit of 4,096 bytes is one for each call.
import { closeSync, constants, openSync } from 'node:fs'
import { parentPath } from '../core/tree/tree.ts'

const slash = Buffer.from('/')
export const useDescriptors = process.platform === 'linux'

export class DirectoryHandles {
  private readonly root: string
  private readonly limit: number
  private readonly follows: (path: Buffer) => boolean
  /** Path to descriptor, least recently used first. */
  private readonly open = new Map<string, number>()
  /** The directory of the last path, because most paths have the directory of the path before. */
  private last: { parent: Buffer; prefix: Buffer } | null = null

  /** @param follows true for a link that may stand in the place of a directory. */
  constructor(root: string, limit = 128, follows: (path: Buffer) => boolean = () => false) {
    this.root = root
    this.limit = limit
    this.follows = follows
  }

  /**
   * A path of the entry, valid until the next call. Pass it to a call that doesn't follow links. @param path
   * below the root.
   */
  at(path: Buffer): Buffer {
    if (path.length === 0) return Buffer.from(this.root)
    if (!useDescriptors) return Buffer.concat([Buffer.from(this.root), slash, path])
    const parent = parentPath(path)
    const name = parent.length === 0 ? path : path.subarray(parent.length + 1)
    if (this.last === null || !this.last.parent.equals(parent)) {
      const prefix = Buffer.from(`/proc/self/fd/${this.descriptor(parent)}/`)
      this.last = { parent, prefix }
    }
    return Buffer.concat([this.last.prefix, name])
  }

  /** A descriptor of the directory `path`, valid until the next call. */
  descriptor(path: Buffer): number {
    // No recursion, because a hostile tree can be deeper than the stack.
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

  /** The parent must be open. It was used last, so the limit never closes it here. */
  private openDirectory(path: Buffer): void {
    if (path.length > 0) this.descriptor(parentPath(path))
    const noFollow = this.follows(path) ? 0 : constants.O_NOFOLLOW
    const opened = openSync(this.at(path), constants.O_RDONLY | constants.O_DIRECTORY | noFollow)
    this.open.set(path.toString('latin1'), opened)
    if (this.open.size > this.limit) {
      const [oldest, descriptor] = this.open.entries().next().value!
      this.open.delete(oldest)
      this.last = null
      closeSync(descriptor)
    }
  }

  close(): void {
    for (const descriptor of this.open.values()) closeSync(descriptor)
    this.open.clear()
    this.last = null
  }
}
