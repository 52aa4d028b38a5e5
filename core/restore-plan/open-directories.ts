// The directories that the entry of a tree lies in, while the tree is read: in its order, whoever has left a directory never
// comes back to it, so that no others need be known.
import { sharedPrefix } from '../tree/tree-entry.ts'

const slash = 0x2f

export class OpenDirectories {
  /** The innermost directory; the others are beginnings of its path. The root, which all lies in, is not among them. */
  private path: Buffer = Buffer.alloc(0)
  private readonly ends: number[] = []

  /** The next entry, which comes behind all before it. Answers the directories that it lies in and nobody has entered, outermost first. */
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
