// Records of the file cache. A block holds many, in the order of the tree.
//
//   record := u32 bytes of the record, u32 bytes of the key, f64 size, i64 mtime in ns, i64 ctime in ns,
//             u64 inode, u32 chunks, key, chunks x SHA-256, chunks x u32 bytes
import { digestBytes } from '../../core/digest.ts'
import { CacheDamaged } from './cache-database.ts'
import type { StatIdentity } from '../stat-identity.ts'

const headBytes = 44
const slash = 0x2f

/** Reads the records of a block without copying them. */
export class FileRecords {
  readonly bytes: Buffer
  private readonly view: DataView
  /** How many there are, and where the last one begins. */
  readonly count: number
  private readonly last: number = 0

  /** @throws CacheDamaged if they don't fill the bytes. */
  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let count = 0
    for (let at = 0; at < bytes.length; count++) {
      if (
        at + headBytes > bytes.length ||
        this.bytesAt(at) !== headBytes + this.keyBytesAt(at) + this.chunksAt(at) * (digestBytes + 4)
      ) {
        throw new CacheDamaged('a record of a file is cut off')
      }
      this.last = at
      at += this.bytesAt(at)
    }
    if (count === 0 || this.last + this.bytesAt(this.last) !== bytes.length)
      throw new CacheDamaged("records of files don't fill their block")
    this.count = count
  }

  bytesAt(at: number): number {
    return this.view.getUint32(at, true)
  }

  private keyBytesAt(at: number): number {
    return this.view.getUint32(at + 4, true)
  }

  private chunksAt(at: number): number {
    return this.view.getUint32(at + 40, true)
  }

  keyAt(at: number): Buffer {
    return this.bytes.subarray(at + headBytes, at + headBytes + this.keyBytesAt(at))
  }

  get firstKey(): Buffer {
    return this.keyAt(0)
  }

  get lastKey(): Buffer {
    return this.keyAt(this.last)
  }

  /**
   * Below 0 if the record comes before `path` in the order of the tree, above 0 if it comes after it. A loop, because a
   * key for each path of a walk would take several times as long.
   */
  comparePathAt(at: number, path: Buffer): number {
    const { bytes } = this
    const keyAt = at + headBytes
    const keyBytes = this.keyBytesAt(at)
    const end = Math.min(keyBytes, path.length)
    for (let index = 0; index < end; index++) {
      const byte = path[index]!
      const order = bytes[keyAt + index]! - (byte === slash ? 0 : byte)
      if (order !== 0) return order
    }
    return keyBytes - path.length
  }

  hasStatIdentityAt(at: number, identity: StatIdentity): boolean {
    const { view } = this
    return (
      view.getFloat64(at + 8, true) === identity.size &&
      view.getBigInt64(at + 16, true) === identity.mtimeNs &&
      view.getBigInt64(at + 24, true) === identity.ctimeNs &&
      view.getBigUint64(at + 32, true) === identity.inode
    )
  }

  contentAt(at: number): { digests: Buffer; lengths: number[] } {
    const chunks = this.chunksAt(at)
    const digestsAt = at + headBytes + this.keyBytesAt(at)
    const lengthsAt = digestsAt + chunks * digestBytes
    const lengths: number[] = []
    for (let chunk = 0; chunk < chunks; chunk++)
      lengths.push(this.view.getUint32(lengthsAt + chunk * 4, true))
    return { digests: this.bytes.subarray(digestsAt, lengthsAt), lengths }
  }
}

export function encodeRecord(
  key: Buffer,
  identity: StatIdentity,
  { digests, lengths }: { digests: Uint8Array; lengths: readonly number[] },
): Buffer {
  const record = Buffer.allocUnsafe(headBytes + key.length + lengths.length * (digestBytes + 4))
  record.writeUInt32LE(record.length, 0)
  record.writeUInt32LE(key.length, 4)
  record.writeDoubleLE(identity.size, 8)
  record.writeBigInt64LE(identity.mtimeNs, 16)
  record.writeBigInt64LE(identity.ctimeNs, 24)
  record.writeBigUInt64LE(identity.inode, 32)
  record.writeUInt32LE(lengths.length, 40)
  record.set(key, headBytes)
  record.set(digests, headBytes + key.length)
  let at = headBytes + key.length + digests.length
  for (const bytes of lengths) at = record.writeUInt32LE(bytes, at)
  return record
}

/**
 * The key under which a path is remembered: 0 for `/`, so that the order of bytes is the order of the tree.
 */
export function sortKeyOf(path: Buffer): Buffer {
  const key = Buffer.from(path)
  for (let index = key.indexOf(slash); index !== -1; index = key.indexOf(slash, index + 1)) key[index] = 0
  return key
}
