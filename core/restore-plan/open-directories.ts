// The parents of the current entry while a tree is read. In the order of a tree no later entry lies in a
// directory that was left, so that the parents of the current entry are enough.
import { sharedPrefix } from '../tree/tree-entry.ts'

const slash = 0x2f

export class OpenDirectories {
  /** The innermost directory. The outer ones are prefixes of its path; the root is not included. */
  private path: Buffer = Buffer.alloc(0)
  private readonly ends: number[] = []

  /**
   * Takes the next entry, in the order of the tree. Returns its parents that had no entry of their own,
   * outermost first.
   */
  enter(path: Buffer, isDirectory: boolean): Buffer[] {
    const shared = sharedPrefix(this.path, path)
    while (this.ends.length > 0 && (this.innermost > shared || path[this.innermost] !== slash))
      this.ends.pop()
    const newDirectories: Buffer[] = []
    const from = this.ends.length === 0 ? 0 : this.innermost + 1
    for (let end = path.indexOf(slash, from); end !== -1; end = path.indexOf(slash, end + 1)) {
      newDirectories.push(path.subarray(0, end))
      this.ends.push(end)
    }
    if (isDirectory && path.length > 0) this.ends.push(path.length)
    if (newDirectories.length > 0 || isDirectory) this.path = path
    return newDirectories
  }

  private get innermost(): number {
    return this.ends.at(-1)!
  }
}
