// Knows the file systems that report true sizes. Files of procfs, sysfs and some FUSE file systems have
// content, but report a size of 0.
import { statfsSync } from 'node:fs'

/**
 * Linux's magic numbers (statfs(2)). The backup opens and reads an empty file on any other file system. In
 * order: ext2 to ext4, XFS, Btrfs, tmpfs, overlay, ZFS, F2FS, bcachefs, NFS, CIFS, SMB2, CephFS, FAT, exFAT,
 * NTFS3, ISO 9660, squashfs, EROFS, JFS, ReiserFS, UDF.
 */
const trueSizes: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0xca451a4e, 0x6969,
  0xff534d42, 0xfe534d42, 0x00c36400, 0x4d44, 0x2011bab0, 0x7366746e, 0x9660, 0x73717368, 0xe0f5e1e2,
  0x3153464a, 0x52654973, 0x15013346,
])

export class HiddenSizes {
  private readonly byDevice = new Map<bigint, boolean>()

  /** Whether an empty file may have content; asks the file system once for each device. */
  mayHide(device: bigint, absolute: Buffer): boolean {
    let isHiding = this.byDevice.get(device)
    if (isHiding === undefined) this.byDevice.set(device, (isHiding = hidesSizes(absolute)))
    return isHiding
  }
}

function hidesSizes(absolute: Buffer): boolean {
  if (process.platform !== 'linux') return false
  try {
    // Node answers a signed number on some platforms.
    return !trueSizes.has(statfsSync(absolute).type >>> 0)
  } catch {
    // Reading the file then shows why.
    return true
  }
}
