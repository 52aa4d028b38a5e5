// Counts what a tree takes of its limits. Writer and reader count with the same code, so that a tree that one of them
// takes is never too large for the other.
import { HoldfastError } from '../errors.ts'
import { treeLimits } from '../limits.ts'
import type { TreeLimits } from '../limits.ts'

const names: { readonly [Name in keyof TreeLimits]: string } = {
  entries: 'entries',
  extents: 'extents of files',
  pathBytes: 'bytes of paths',
  linkGroups: 'files with several names',
}

export class TreeSize {
  entries = 0
  extents = 0
  pathBytes = 0
  linkGroups = 0
  private readonly refusal: (detail: string) => HoldfastError
  private readonly limits: TreeLimits

  /** @param refusal the error for a tree beyond a limit. */
  constructor(refusal: (detail: string) => HoldfastError, limits: TreeLimits = treeLimits) {
    this.refusal = refusal
    this.limits = limits
  }

  addEntry(pathBytes: number): void {
    this.entries++
    this.pathBytes += pathBytes
    if (this.entries > this.limits.entries || this.pathBytes > this.limits.pathBytes) this.refuse()
  }

  /** Each name of a file with several names shares the extents of the first one. */
  addExtents(count: number): void {
    this.extents += count
    if (this.extents > this.limits.extents) this.refuse()
  }

  addLinkGroup(): void {
    if (++this.linkGroups > this.limits.linkGroups) this.refuse()
  }

  /** True after a refusal. */
  get isExceeded(): boolean {
    return this.exceeded !== undefined
  }

  private get exceeded(): keyof TreeLimits | undefined {
    return (Object.keys(names) as (keyof TreeLimits)[]).find((name) => this[name] > this.limits[name])
  }

  private refuse(): never {
    const name = this.exceeded!
    throw this.refusal(`it has more than ${this.limits[name].toLocaleString('en-US')} ${names[name]}`)
  }
}

/** The size of a writer's tree. */
export function sourceSize(source: string, limits?: TreeLimits): TreeSize {
  return new TreeSize(
    (detail) =>
      new HoldfastError('invalid-input', `the source ${source} is too large for one snapshot: ${detail}`, {
        hint: 'nothing was committed; back up parts of the directory, each as a source of its own',
      }),
    limits,
  )
}

/** The size of a reader's tree, or of the part that it selects. */
export function selectionSize(limits?: TreeLimits): TreeSize {
  return new TreeSize(
    (detail) =>
      new HoldfastError('damaged', `the tree is too large to be read at once: ${detail}`, {
        hint: 'if you trust the snapshot, restore parts of it, one after the other, by their paths',
      }),
    limits,
  )
}
