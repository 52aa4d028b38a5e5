// The time that the clock of a file system has surely reached. The times of files show a change only if it comes in a
// later tick of their own clock. Local file systems use the kernel's clock. A file server has its own, which may be
// hours behind: the newest change time that it has shown is then the only proof of its time.
import { statfsSync } from 'node:fs'
import type { EntryStats } from '../stat-identity.ts'

/**
 * Two changes in this time may show one time: ext3 has ticks of one second, FAT and some file servers of two. The
 * kernel's clock advances by up to ten milliseconds at once.
 */
const tickNs = { usual: 1_020_000_000n, long: 2_020_000_000n } as const

/**
 * Linux's magic numbers (statfs(2)) of file systems with the kernel's clock and ticks of at most a second. In order:
 * ext2 to ext4, XFS, Btrfs, tmpfs, overlay, ZFS, F2FS, bcachefs, NTFS3, ISO 9660, squashfs, EROFS, JFS, ReiserFS, UDF.
 */
const usualTicks: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0xca451a4e, 0x7366746e,
  0x9660, 0x73717368, 0xe0f5e1e2, 0x3153464a, 0x52654973, 0x15013346,
])
/** FAT and exFAT have the kernel's clock too. */
const longTicks: ReadonlySet<number> = new Set([0x4d44, 0x2011bab0])

/** The newest change time that each device with another clock has shown, by its number in decimal. */
export type NewestChanges = Readonly<Record<string, string>>

export interface CacheClock {
  /** Where the cache lies. */
  directory: Buffer
  device: bigint
  /** The time of a file that was made there when the backup began. */
  startedNs: bigint
}

/** An entry. */
interface Seen {
  stats: Pick<EntryStats, 'dev' | 'ctimeNs'>
  /** Any path on the device. */
  absolute: Buffer
}

interface DeviceClock {
  /** Reached before the walk met the device. */
  startedNs: bigint
  /** Reached by now. */
  reachedNs: bigint
  tickNs: bigint
  isOther: boolean
}

export class DeviceClocks {
  private readonly cache: CacheClock
  private readonly newestBefore: NewestChanges
  private readonly devices = new Map<bigint, DeviceClock>()
  private last: { device: bigint; clock: DeviceClock } | null = null

  /** @param newestBefore as `newestChanges` of the backup before. */
  constructor(cache: CacheClock, newestBefore: NewestChanges) {
    this.cache = cache
    this.newestBefore = newestBefore
  }

  /**
   * The clock of an entry's device. Call it for each entry in the order of the walk, before the entry is read.
   */
  see(seen: Seen): DeviceClock {
    const { stats } = seen
    const device = stats.dev
    if (this.last?.device !== device) this.last = { device, clock: this.clockOf(seen) }
    const { clock } = this.last
    if (clock.isOther && stats.ctimeNs > clock.reachedNs) clock.reachedNs = stats.ctimeNs
    return clock
  }

  /** A file that changed before this time shows each later change by another time. */
  settledNs(seen: Seen): bigint {
    const { reachedNs, tickNs: clockTickNs } = this.see(seen)
    return reachedNs - clockTickNs
  }

  get newestChanges(): NewestChanges {
    const others = [...this.devices].filter(([, { isOther }]) => isOther)
    return Object.fromEntries(others.map(([device, { reachedNs }]) => [String(device), String(reachedNs)]))
  }

  private clockOf({ stats: { dev, ctimeNs }, absolute }: Seen): DeviceClock {
    let clock = this.devices.get(dev)
    if (clock === undefined) this.devices.set(dev, (clock = this.makeClock(dev, ctimeNs, absolute)))
    return clock
  }

  private makeClock(device: bigint, ctimeNs: bigint, absolute: Buffer): DeviceClock {
    const { cache } = this
    const type = typeOf(absolute)
    const isOther =
      device !== cache.device && !(hasKernelClock(type) && hasKernelClock(typeOf(cache.directory)))
    const newest = this.newestBefore[String(device)]
    const startedNs = isOther ? (newest === undefined ? ctimeNs : BigInt(newest)) : cache.startedNs
    const isUsual = type !== null && usualTicks.has(type)
    return { startedNs, reachedNs: startedNs, tickNs: isUsual ? tickNs.usual : tickNs.long, isOther }
  }
}

function hasKernelClock(type: number | null): boolean {
  return type !== null && (usualTicks.has(type) || longTicks.has(type))
}

/** The magic number of a file system; null if it is unknown. */
function typeOf(absolute: Buffer): number | null {
  if (process.platform !== 'linux') return null
  try {
    // Node returns a signed number on some platforms.
    return statfsSync(absolute).type >>> 0
  } catch {
    return null
  }
}
