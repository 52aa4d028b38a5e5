// Recognizes an unchanged file by its stat, without reading it.
import type { BigIntStats } from 'node:fs'

export interface StatIdentity {
  size: number
  mtimeNs: bigint
  /** Shows a change that keeps size and modification time, because no call can set it. */
  ctimeNs: bigint
  inode: bigint
}

/** The part of a stat that a backup needs. */
export type EntryStats = Pick<
  BigIntStats,
  'dev' | 'ino' | 'nlink' | 'size' | 'blocks' | 'mtimeNs' | 'ctimeNs' | 'birthtimeNs'
>

export function statIdentityOf(stats: EntryStats): StatIdentity {
  return {
    size: Number(stats.size),
    mtimeNs: clampTimeNs(stats.mtimeNs),
    ctimeNs: clampTimeNs(stats.ctimeNs),
    inode: inodeOf(stats),
  }
}

/**
 * Undoes the sign that Node gives to an inode number of 2^63 or more. Some network file systems have them.
 */
export function inodeOf(stats: Pick<EntryStats, 'ino'>): bigint {
  return BigInt.asUintN(64, stats.ino)
}

const [earliestNs, latestNs] = [-(2n ** 63n), 2n ** 63n - 1n]

/**
 * The nearest time from 1677 to 2262: 64 bits of nanoseconds hold no other, and any user can set another on a
 * file.
 */
export function clampTimeNs(ns: bigint): bigint {
  if (ns < earliestNs) return earliestNs
  return ns > latestNs ? latestNs : ns
}

export function sameStatIdentity(a: StatIdentity, b: StatIdentity): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.inode === b.inode
}
