// The reference model of a source: path to kind, bytes and metadata. SourceTree changes the model and the real
// directory together. No part of the model comes from the code under test.
import * as fs from 'node:fs'
import type { FileTimes } from './file-system.ts'

export const sourceName = 'files'

export interface TreeNode {
  kind: 'file' | 'directory' | 'symlink'
  /** A file's content or a link's target. Never changed in place. */
  bytes: Buffer
  mode: number
  mtimeNs: bigint
  ino: bigint
}

/** The expected state of one snapshot. Paths are latin1 text, which keeps any bytes; the root is the empty path. */
export type Expected = ReadonlyMap<string, Readonly<TreeNode>>

export class SourceTree {
  readonly root: string
  readonly nodes = new Map<string, TreeNode>()
  /** Times by the simulated kernel, for the engine's lstat and fstat. */
  readonly times = new Map<bigint, FileTimes>()
  private readonly nowNs: () => bigint

  constructor(nowNs: () => bigint, root = 'source') {
    this.nowNs = nowNs
    this.root = root
    fs.mkdirSync(this.root)
    this.note('', 'directory', Buffer.alloc(0), 0o755)
  }

  at(path: string): Buffer {
    return Buffer.from(path === '' ? this.root : `${this.root}/${path}`, 'latin1')
  }

  freeze(): Expected {
    const copies = new Map<TreeNode, TreeNode>()
    return new Map(
      [...this.nodes].map(([path, node]) => {
        const copy = copies.get(node) ?? { ...node }
        copies.set(node, copy)
        return [path, copy]
      }),
    )
  }

  paths(kind: TreeNode['kind']): string[] {
    return [...this.nodes].filter(([, node]) => node.kind === kind).map(([path]) => path)
  }

  addFile(path: string, bytes: Buffer, mode = 0o644): void {
    fs.writeFileSync(this.at(path), bytes)
    fs.chmodSync(this.at(path), mode)
    this.note(path, 'file', bytes, mode)
    this.touchParent(path)
  }

  addDirectory(path: string, mode = 0o755): void {
    fs.mkdirSync(this.at(path))
    fs.chmodSync(this.at(path), mode)
    this.note(path, 'directory', Buffer.alloc(0), mode)
    this.touchParent(path)
  }

  addSymlink(path: string, target: Buffer): void {
    fs.symlinkSync(target, this.at(path))
    this.note(path, 'symlink', target, 0o777)
    this.touchParent(path)
  }

  addLink(path: string, to: string): void {
    const node = this.nodes.get(to)!
    fs.linkSync(this.at(to), this.at(path))
    this.nodes.set(path, node)
    this.times.get(node.ino)!.ctimeNs = this.nowNs()
    this.touchParent(path)
  }

  /** Writes in place. @param mtimeNs the modification time afterwards; some programs restore the old one. */
  write(path: string, bytes: Buffer, mtimeNs = this.nowNs()): void {
    const node = this.nodes.get(path)!
    fs.writeFileSync(this.at(path), bytes)
    this.change(node, { bytes, mtimeNs })
  }

  setMode(path: string, mode: number): void {
    fs.chmodSync(this.at(path), mode)
    this.change(this.nodes.get(path)!, { mode })
  }

  setTime(path: string, mtimeNs: bigint): void {
    this.change(this.nodes.get(path)!, { mtimeNs })
  }

  /** Removes the path and all below it. */
  remove(path: string): void {
    fs.rmSync(this.at(path), { recursive: true })
    for (const descendant of this.below(path)) {
      const node = this.nodes.get(descendant)!
      this.nodes.delete(descendant)
      this.times.get(node.ino)!.ctimeNs = this.nowNs()
    }
    this.touchParent(path)
  }

  /** @param to must not exist, or be a file that a file replaces. */
  rename(path: string, to: string): void {
    fs.renameSync(this.at(path), this.at(to))
    const moved = this.below(path).map((descendant) => [descendant, this.nodes.get(descendant)!] as const)
    for (const [descendant] of moved) this.nodes.delete(descendant)
    for (const [descendant, node] of moved) this.nodes.set(to + descendant.slice(path.length), node)
    this.times.get(moved[0]![1].ino)!.ctimeNs = this.nowNs()
    this.touchParent(path)
    this.touchParent(to)
  }

  /** The path and all below it. */
  below(path: string): string[] {
    return [...this.nodes.keys()].filter((candidate) => isWithin(candidate, path))
  }

  private note(path: string, kind: TreeNode['kind'], bytes: Buffer, mode: number): void {
    const { ino } = fs.lstatSync(this.at(path), { bigint: true })
    const mtimeNs = this.nowNs()
    this.nodes.set(path, { kind, bytes, mode, mtimeNs, ino })
    this.times.set(ino, { mtimeNs, ctimeNs: mtimeNs, bornNs: mtimeNs })
  }

  private change(node: TreeNode, changes: Partial<TreeNode>): void {
    Object.assign(node, changes)
    const { bornNs } = this.times.get(node.ino)!
    this.times.set(node.ino, { mtimeNs: node.mtimeNs, ctimeNs: this.nowNs(), bornNs })
  }

  private touchParent(path: string): void {
    this.change(this.nodes.get(parentOf(path))!, { mtimeNs: this.nowNs() })
  }
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

export function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || ancestor === '' || path.startsWith(`${ancestor}/`)
}
