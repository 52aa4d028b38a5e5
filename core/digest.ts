// SHA-256 is the only hash of the format: it names chunks, packs and manifests.
import { hash } from 'node:crypto'

export const digestBytes = 32

/** Lower-case hex, 64 characters. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}

/** 32 bytes. */
export function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer')
}
