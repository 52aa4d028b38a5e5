// Sets owner, mode and times of restored entries. The owner is first, because a change of owner clears
// setuid.
import { fchmodSync, fchownSync, fstatSync, futimesSync, lchownSync, lstatSync, lutimesSync } from 'node:fs'
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import { reasonOf } from '../walk.ts'

export interface Metadata {
  mode: number
  uid: number
  gid: number
  mtimeNs: bigint
}

/**
 * Returns a detail for each part that could not be set. @param specialBits set also setuid and setgid of
 * files.
 */
export function setMetadata(descriptor: number, metadata: Metadata, specialBits: boolean): string[] {
  const problems: string[] = []
  const stats = fstatSync(descriptor)
  const hasOwner = stats.uid === metadata.uid && stats.gid === metadata.gid
  if (!hasOwner) {
    trySet(problems, 'its owner', () => fchownSync(descriptor, metadata.uid, metadata.gid))
  }
  const isFile = stats.isFile()
  const special = metadata.mode & 0o6000
  if (isFile && special !== 0 && !specialBits)
    problems.push('setuid and setgid bits are left out unless asked for')
  const mode = isFile && !specialBits ? metadata.mode & 0o1777 : metadata.mode
  if (!hasOwner || (stats.mode & 0o7777) !== mode)
    trySet(problems, 'its mode', () => fchmodSync(descriptor, mode))
  trySet(problems, 'its times', () =>
    futimesSync(descriptor, timeArgument(metadata.mtimeNs), timeArgument(metadata.mtimeNs)),
  )
  return problems
}

export function setLinkMetadata(
  path: Buffer,
  metadata: Metadata,
  current: { uid: number; gid: number },
): string[] {
  const problems: string[] = []
  if (current.uid !== metadata.uid || current.gid !== metadata.gid) {
    trySet(problems, 'its owner', () => lchownSync(path, metadata.uid, metadata.gid))
  }
  trySet(problems, 'its times', () =>
    lutimesSync(path, timeArgument(metadata.mtimeNs), timeArgument(metadata.mtimeNs)),
  )
  return problems
}

function trySet(problems: string[], fieldName: string, set: () => void): void {
  try {
    set()
  } catch (error) {
    problems.push(`${fieldName} could not be set: ${reasonOf(error)}`)
  }
}

/** Rounded down. */
function microseconds(ns: bigint): bigint {
  return ns >= 0n ? ns / 1000n : (ns - 999n) / 1000n
}

/**
 * Seconds for utimes, as text, because Node reads a negative number as "now". A double is exact only to a quarter of a
 * microsecond: we take the nearest one, which is exact for whole seconds. If the kernel would get another microsecond
 * by it, we point to the middle of the right one.
 */
function timeArgument(ns: bigint): string {
  const nearest = Number(ns) / 1e9
  if (ns >= 0n && microseconds(kernelNs(nearest)) === microseconds(ns)) return String(nearest)
  return String((Number(microseconds(ns)) + 0.5) / 1_000_000)
}

/** The time that libuv makes of seconds that aren't negative. */
function kernelNs(seconds: number): bigint {
  const whole = Math.trunc(seconds)
  return BigInt(whole) * 1_000_000_000n + BigInt(Math.trunc((seconds - whole) * 1e9))
}

/** How far an interrupted restore came with a file. */
export type FileProgress = 'absent' | 'begun' | 'finished'

/** A restore sets the times of a file last. */
export function fileProgress(entry: Pick<TreeEntry, 'size' | 'mtimeNs'>, path: Buffer): FileProgress {
  const stats = lstatSync(path, { throwIfNoEntry: false, bigint: true })
  if (stats === undefined) return 'absent'
  const isFinished =
    stats.isFile() &&
    Number(stats.size) === entry.size &&
    microseconds(stats.mtimeNs) === microseconds(entry.mtimeNs)
  return isFinished ? 'finished' : 'begun'
}
