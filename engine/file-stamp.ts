// What tells, without reading it, that a file is the one that was read before.
import type { BigIntStats } from 'node:fs'

export interface FileStamp {
  size: number
  mtimeNs: bigint
  /** Catches other bytes of the same size and modification time: no call can set it. */
  ctimeNs: bigint
  inode: bigint
}

export function stampOf(stats: BigIntStats): FileStamp {
  return { size: Number(stats.size), mtimeNs: stats.mtimeNs, ctimeNs: stats.ctimeNs, inode: stats.ino }
}

export function sameStamp(left: FileStamp, right: FileStamp): boolean {
  return left.size === right.size && left.mtimeNs === right.mtimeNs && left.ctimeNs === right.ctimeNs && left.inode === right.inode
}
