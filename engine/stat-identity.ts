// What tells, without reading it, that a file is the one that was read before.
import type { BigIntStats } from 'node:fs'

export interface StatIdentity {
  size: number
  mtimeNs: bigint
  /** Catches other bytes of the same size and modification time: no call can set it. */
  ctimeNs: bigint
  inode: bigint
}

export function statIdentityOf(stats: BigIntStats): StatIdentity {
  return {
    size: Number(stats.size),
    mtimeNs: clampTimeNs(stats.mtimeNs),
    ctimeNs: clampTimeNs(stats.ctimeNs),
    inode: inodeOf(stats),
  }
}

/** Node gives one of 2^63 or more, as some network file systems make up, a sign. */
export function inodeOf(stats: BigIntStats): bigint {
  return BigInt.asUintN(64, stats.ino)
}

const [earliestNs, latestNs] = [-(2n ** 63n), 2n ** 63n - 1n]

/** The nearest time that 64 bits of nanoseconds hold, from 1677 to 2262: anybody can give a file another one. */
export function clampTimeNs(ns: bigint): bigint {
  if (ns < earliestNs) return earliestNs
  return ns > latestNs ? latestNs : ns
}

export function sameStatIdentity(a: StatIdentity, b: StatIdentity): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.inode === b.inode
}
