import { sha256Hex } from '../../core/digest.ts'
import { encodeFooter } from '../../core/pack/pack-footer.ts'
import type { PackFooter } from '../../core/pack/pack-footer.ts'

/** The SHA-256 of a footer's bytes, which two snapshots compare. */
export function footerDigest(footer: PackFooter): string {
  return sha256Hex(encodeFooter(footer))
}
