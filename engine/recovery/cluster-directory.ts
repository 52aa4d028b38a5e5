// The data directory of a restored cluster, before its server starts. An attacker may have written every name in it,
// so that no link is followed: entries are moved, made and written through the descriptors of their directories.
import {
  closeSync,
  constants,
  fchownSync,
  ftruncateSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import type { Stats } from 'node:fs'
import { HoldfastError } from '../../core/errors.ts'
import { pathText } from '../../core/tree/path-text.ts'
import { DirectoryHandles } from '../directory-handles.ts'

/** A path below the data directory. */
type ClusterPath = string | Buffer

export class ClusterDirectory {
  readonly root: string
  private readonly handles: DirectoryHandles
  private readonly owner: { uid: number; gid: number }

  constructor(root: string) {
    this.root = root
    this.handles = new DirectoryHandles(root)
    const { uid, gid } = lstatSync(root)
    this.owner = { uid, gid }
  }

  /** Null if there is nothing. */
  stat(path: ClusterPath): Stats | null {
    try {
      return lstatSync(this.handles.at(Buffer.from(path)))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return null
      throw error
    }
  }

  makeDirectory(path: string): void {
    const at = this.handles.at(Buffer.from(path))
    mkdirSync(at, { mode: 0o700 })
    lchownSync(at, this.owner.uid, this.owner.gid)
  }

  /** @throws `target` if there is something under the name. */
  writeNew(path: string, text: string | Uint8Array): void {
    const descriptor = this.create(path)
    try {
      writeFileSync(descriptor, text)
    } finally {
      closeSync(descriptor)
    }
  }

  /** A new file of `bytes` zeros. */
  createSized(path: string, bytes: number): void {
    const descriptor = this.create(path)
    try {
      ftruncateSync(descriptor, bytes)
    } finally {
      closeSync(descriptor)
    }
  }

  writeAt(path: string, bytes: Uint8Array, offset: number): void {
    const descriptor = openSync(this.handles.at(Buffer.from(path)), constants.O_WRONLY | constants.O_NOFOLLOW)
    try {
      for (let written = 0; written < bytes.length;)
        written += writeSync(descriptor, bytes, written, bytes.length - written, offset + written)
    } finally {
      closeSync(descriptor)
    }
  }

  move(from: ClusterPath, to: ClusterPath): void {
    const names = [from, to].map((path) => Buffer.from(path))
    const [source, target] = names as [Buffer, Buffer]
    // A path of the handles is valid only until the next call, so that the two need handles of their own.
    const targets = new DirectoryHandles(this.root)
    try {
      renameSync(this.handles.at(source), targets.at(target))
    } catch (cause) {
      throw new HoldfastError(
        'target',
        `${pathText(source)} can't be moved to ${pathText(target)}: ${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}`,
        { hint: 'restore into a new directory', cause },
      )
    } finally {
      targets.close()
    }
    this.forget()
  }

  close(): void {
    this.handles.close()
  }

  /** A moved directory must not be reached by its old name. */
  private forget(): void {
    this.handles.close()
  }

  private create(path: string): number {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
    try {
      const descriptor = openSync(
        this.handles.at(Buffer.from(path)),
        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
        0o600,
      )
      fchownSync(descriptor, this.owner.uid, this.owner.gid)
      return descriptor
    } catch (cause) {
      throw new HoldfastError(
        'target',
        `${path} can't be written: ${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}`,
        { hint: 'restore into a new directory', cause },
      )
    }
  }
}
