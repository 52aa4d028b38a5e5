// Finds the segments of large files that are holes, so that they needn't be read (ADR 20). Node has no SEEK_DATA, so
// perl asks the kernel: most systems have it. Without it, or on a file system that we don't know, holes are read.
import { spawnSync } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync, statfsSync } from 'node:fs'
import { useDescriptors } from '../directory-handles.ts'
import { sameStatIdentity, statIdentityOf } from '../stat-identity.ts'
import type { EntryStats } from '../stat-identity.ts'
import { segmentBytes } from './source-reader.ts'

/** A smaller hole is read sooner than perl starts. */
const minHoleBytes = 4 * segmentBytes

/**
 * Linux's magic numbers (statfs(2)) of ext2 to ext4, XFS, Btrfs and tmpfs, which report changed pages as data
 * before they are written. Not of ZFS, which once reported such pages as holes, and not of file servers and FUSE.
 */
const trueHoles: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994])

/** Prints start and end of each extent with data, then `end`. 3: SEEK_DATA, 4: SEEK_HOLE, 6: ENXIO, no data follows. */
const script = `
my $at = 0;
while (defined(my $start = sysseek(STDIN, $at, 3))) {
  $at = sysseek(STDIN, $start, 4);
  exit 1 unless defined $at;
  printf "%d %d\\n", $start, $at;
}
exit 1 unless $! == 6;
print "end\n";
`
const maxSeekMs = 10_000
const maxOutputBytes = 16 * 2 ** 20

export class Holes {
  private readonly command: string
  private isMissing = false

  constructor(command = 'perl') {
    this.command = command
  }

  /**
   * The segments that may have data; null if all may. They are those of the file with these stats: it must have the
   * same after a hole was not read.
   */
  findData(absolute: Buffer, stats: EntryStats): ReadonlySet<number> | null {
    // The blocks prove nothing, but without fewer blocks than bytes there is hardly a hole.
    const missingBytes = Number(stats.size) - Number(stats.blocks) * 512
    if (missingBytes < minHoleBytes || this.isMissing || !useDescriptors) return null
    let descriptor: number
    try {
      descriptor = openSync(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch {
      // Reading the file then shows why.
      return null
    }
    try {
      return this.seek(descriptor, stats)
    } catch {
      return null
    } finally {
      closeSync(descriptor)
    }
  }

  private seek(descriptor: number, stats: EntryStats): ReadonlySet<number> | null {
    const opened = fstatSync(descriptor, { bigint: true })
    if (opened.dev !== stats.dev || !sameStatIdentity(statIdentityOf(opened), statIdentityOf(stats)))
      return null
    // Node answers a signed number on some platforms.
    if (!trueHoles.has(statfsSync(`/proc/self/fd/${descriptor}`).type >>> 0)) return null
    const { status, stdout, error } = spawnSync(this.command, ['-e', script], {
      stdio: [descriptor, 'pipe', 'ignore'],
      env: { PATH: process.env['PATH'] ?? '' },
      timeout: maxSeekMs,
      maxBuffer: maxOutputBytes,
      encoding: 'latin1',
    })
    this.isMissing = (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT'
    return status === 0 && error === undefined ? parseExtents(stdout, Number(stats.size)) : null
  }
}

/** The segments with data; null if the extents are not in order, not in the file, or not all there. */
export function parseExtents(text: string, size: number): ReadonlySet<number> | null {
  const segments = new Set<number>()
  let lastEnd = 0
  if (!text.endsWith('end\n')) return null
  for (const line of text.split('\n').slice(0, -2)) {
    const [, start, end] = (/^(\d{1,16}) (\d{1,16})$/.exec(line) ?? []).map(Number)
    if (start === undefined || end === undefined || start < lastEnd || end <= start || end > size) return null
    for (let segment = Math.floor(start / segmentBytes); segment * segmentBytes < end; segment++)
      segments.add(segment)
    lastEnd = end
  }
  return segments
}
