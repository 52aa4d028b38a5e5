// ECDSA over P-256 of a digest, as KMS signs it. Node's own `sign` takes the message alone, and hashes it itself.
// https://csrc.nist.gov/pubs/fips/186-5/final, section 6.4.1
import { createECDH } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** The order of the curve's group. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** In DER. @param digest 32 bytes. */
export function signDigest(privateKey: KeyObject, digest: Buffer): Buffer {
  const secret = toInteger(Buffer.from(privateKey.export({ format: 'jwk' }).d!, 'base64url'))
  // A point of a new key pair is a random multiple of the generator.
  const ecdh = createECDH('prime256v1')
  const point = ecdh.generateKeys()
  const r = toInteger(point.subarray(1, 33)) % order
  const s = (invert(toInteger(ecdh.getPrivateKey())) * ((toInteger(digest) + r * secret) % order)) % order
  const body = Buffer.concat([encodeInteger(r), encodeInteger(s)])
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}

function toInteger(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}

/** Fermat's little theorem gives the inverse, because the order is a prime. */
function invert(value: bigint): bigint {
  let [result, base] = [1n, value]
  for (let exponent = order - 2n; exponent > 0n; exponent >>= 1n) {
    if ((exponent & 1n) === 1n) result = (result * base) % order
    base = (base * base) % order
  }
  return result
}

/** A leading zero keeps a DER integer positive. */
function encodeInteger(value: bigint): Buffer {
  const digits = value.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  const positive = bytes[0]! >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes
  return Buffer.concat([Buffer.from([0x02, positive.length]), positive])
}
