// The expected state of a directory: every entry with content, mode, owner and time. The drill's own code reads it,
// not the engine under test.
import { createHash } from 'node:crypto'
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import path from 'node:path'

interface EntryState {
  kind: 'file' | 'directory' | 'symlink' | 'other'
  /** Permission bits, with setuid, setgid and sticky. */
  mode: number
  uid: number
  gid: number
  /** Nanoseconds since the epoch, in decimal. */
  modifiedNs: string
  bytes: number
  /** SHA-256 of a file's content or of a link's target; empty otherwise. */
  sha256: string
}

/** Entries by path relative to the root, with `/`; the root itself is `.`. */
export type DirectoryState = Record<string, EntryState>

/** Synchronous, because that is fastest for many small files, and no other task runs in this process meanwhile. */
export function recordFiles(root: string): DirectoryState {
  const state: DirectoryState = { '.': recordEntry(root) }
  const entries = readdirSync(root, { recursive: true, withFileTypes: true })
  const paths = entries.map((entry) => path.join(entry.parentPath, entry.name)).sort()
  for (const file of paths) state[path.relative(root, file).split(path.sep).join('/')] = recordEntry(file)
  return state
}

function recordEntry(file: string): EntryState {
  const stat = lstatSync(file, { bigint: true })
  const kind = stat.isFile()
    ? 'file'
    : stat.isDirectory()
      ? 'directory'
      : stat.isSymbolicLink()
        ? 'symlink'
        : 'other'
  let sha256 = ''
  if (kind === 'file') sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
  if (kind === 'symlink') sha256 = createHash('sha256').update(readlinkSync(file, 'buffer')).digest('hex')
  return {
    kind,
    sha256,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    modifiedNs: String(stat.mtimeNs),
    // No size for a directory, because it depends on the file system.
    bytes: kind === 'directory' ? 0 : Number(stat.size),
  }
}

/** Restore guarantees times to the microsecond, and Node sets them in steps of 0.24 microseconds. */
const toleranceNs = 1_500n

/** Differences in words, empty if none. */
export function compareFiles(expected: DirectoryState, actual: DirectoryState): string[] {
  const differences: string[] = []
  for (const name of [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort()) {
    const [want, have] = [expected[name], actual[name]]
    if (want === undefined) differences.push(`${name}: should not be there`)
    else if (have === undefined) differences.push(`${name}: missing`)
    else differences.push(...compareEntry(name, want, have))
  }
  return differences
}

function compareEntry(name: string, want: EntryState, have: EntryState): string[] {
  if (want.kind !== have.kind) return [`${name}: is a ${have.kind} instead of a ${want.kind}`]
  const differences: string[] = []
  if (want.bytes !== have.bytes) differences.push(`${name}: ${have.bytes} bytes instead of ${want.bytes}`)
  else if (want.sha256 !== have.sha256) differences.push(`${name}: other content`)
  if (want.mode !== have.mode)
    differences.push(`${name}: mode ${have.mode.toString(8)} instead of ${want.mode.toString(8)}`)
  if (want.uid !== have.uid || want.gid !== have.gid) {
    differences.push(`${name}: owner ${have.uid}:${have.gid} instead of ${want.uid}:${want.gid}`)
  }
  const offNs = BigInt(have.modifiedNs) - BigInt(want.modifiedNs)
  if (offNs <= -toleranceNs || offNs >= toleranceNs) differences.push(`${name}: modified ${offNs} ns off`)
  return differences
}
