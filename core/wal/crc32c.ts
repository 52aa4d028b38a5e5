// CRC-32C (Castagnoli), with which PostgreSQL protects each WAL record.

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value
})

/** The state before the first byte. */
export const crc32cStart = 0xffffffff

/** The state after `bytes`; `crc32cEnd` makes the checksum of it. */
export function crc32cUpdate(state: number, bytes: Uint8Array): number {
  let value = state
  for (const byte of bytes) value = table[(value ^ byte) & 0xff]! ^ (value >>> 8)
  return value >>> 0
}

export function crc32cEnd(state: number): number {
  return (state ^ 0xffffffff) >>> 0
}
