// Owner, mode and times of what a restore makes. Owner first: changing it clears setuid.
import { fchmodSync, fchownSync, fstatSync, futimesSync, lchownSync, lstatSync, lutimesSync } from 'node:fs'
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import { reasonOf } from '../walk.ts'

export interface Metadata {
  mode: number
  uid: number
  gid: number
  mtimeNs: bigint
}

/** Returns what could not be set, in words; empty if all was. @param specialBits set setuid and setgid of files too. */
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

/** The microsecond in which a time lies. */
function microseconds(ns: bigint): bigint {
  return ns >= 0n ? ns / 1000n : (ns - 999n) / 1000n
}

/**
 * Seconds for utimes, as text: Node takes a number below zero for now. A double keeps a quarter of a microsecond, so
 * that only the middle of a microsecond never becomes its neighbour.
 */
function timeArgument(ns: bigint): string {
  return String((Number(microseconds(ns)) + 0.5) / 1_000_000)
}

/** Whether a file of an interrupted restore is finished: its times are set last. */
export function isFinished(entry: Pick<TreeEntry, 'size' | 'mtimeNs'>, path: Buffer): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false, bigint: true })
  return (
    stats !== undefined &&
    stats.isFile() &&
    Number(stats.size) === entry.size &&
    microseconds(stats.mtimeNs) === microseconds(entry.mtimeNs)
  )
}
