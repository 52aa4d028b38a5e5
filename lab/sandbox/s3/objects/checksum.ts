// The checksums that S3 verifies: the one that a client names in a header or a trailer, and the MD5 of an
// ETag.

import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Crc32c, Crc64Nvme } from '@aws-sdk/checksums/crc'
import { AwsError } from '../../protocol/aws-error.ts'
import type { RequestBody } from '../../protocol/service.ts'
import { isSameText } from '../../signature/signer.ts'

const checksumAlgorithms = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const
export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number]

const digestBytes: Record<ChecksumAlgorithm, number> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
}

export function isChecksumAlgorithm(name: string): name is ChecksumAlgorithm {
  return (checksumAlgorithms as readonly string[]).includes(name)
}

export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`
}

export interface Digest {
  update(part: Uint8Array): void
  /** Base64. */
  digest(): Promise<string>
}

export function createDigest(algorithm: ChecksumAlgorithm): Digest {
  switch (algorithm) {
    case 'CRC32': {
      let value = 0
      return {
        update: (part) => (value = crc32(part, value)),
        digest: () => {
          const bytes = Buffer.alloc(4)
          bytes.writeUInt32BE(value)
          return Promise.resolve(bytes.toString('base64'))
        },
      }
    }
    case 'CRC32C':
    case 'CRC64NVME': {
      const checksum = algorithm === 'CRC32C' ? new Crc32c() : new Crc64Nvme()
      return {
        update: (part) => checksum.update(part),
        digest: async () => Buffer.from(await checksum.digest()).toString('base64'),
      }
    }
    case 'SHA1':
    case 'SHA256': {
      const hash = createHash(algorithm === 'SHA1' ? 'sha1' : 'sha256')
      return {
        update: (part) => void hash.update(part),
        digest: () => Promise.resolve(hash.digest('base64')),
      }
    }
  }
}

/** The checksum that a client claims for a payload. */
export interface ClaimedChecksum {
  algorithm: ChecksumAlgorithm
  /** Base64; null if it comes as a trailer. */
  value: string | null
}

/** Throws InvalidRequest for several checksums, an unknown one, or a value of the wrong length. */
export function readClaimedChecksum(headers: Readonly<Record<string, string>>): ClaimedChecksum | null {
  const notChecksums = new Set(['x-amz-checksum-algorithm', 'x-amz-checksum-mode', 'x-amz-checksum-type'])
  const headerNames = Object.keys(headers).filter(
    (name) => name.startsWith('x-amz-checksum-') && !notChecksums.has(name),
  )
  const trailers = (headers['x-amz-trailer'] ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name.startsWith('x-amz-checksum-'))
  const [name, ...extraNames] = [...headerNames, ...trailers]
  if (name === undefined) {
    if (headers['x-amz-sdk-checksum-algorithm'] === undefined) return null
    throw new AwsError(
      400,
      'InvalidRequest',
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    )
  }
  if (extraNames.length > 0)
    throw new AwsError(
      400,
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    )
  const algorithm = name.slice('x-amz-checksum-'.length).toUpperCase()
  if (!isChecksumAlgorithm(algorithm))
    throw new AwsError(
      400,
      'InvalidRequest',
      'The algorithm type you specified in x-amz-checksum- header is invalid.',
    )
  const announced = headers['x-amz-sdk-checksum-algorithm']
  if (announced !== undefined && announced.toUpperCase() !== algorithm)
    throw new AwsError(400, 'InvalidRequest', 'Value for x-amz-sdk-checksum-algorithm header is invalid.')
  const value = headerNames.length > 0 ? (headers[name] ?? '') : null
  if (value !== null) checkValue(name, algorithm, value)
  return { algorithm, value }
}

function checkValue(name: string, algorithm: ChecksumAlgorithm, value: string): void {
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length !== digestBytes[algorithm] || bytes.toString('base64') !== value) {
    throw new AwsError(400, 'InvalidRequest', `Value for ${name} header is invalid.`)
  }
}

/** Throws InvalidDigest if the header isn't the Base64 of 16 bytes. */
export function readContentMd5(headers: Readonly<Record<string, string>>): string | null {
  const value = headers['content-md5']
  if (value === undefined) return null
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length !== 16 || bytes.toString('base64') !== value)
    throw new AwsError(400, 'InvalidDigest', 'The Content-MD5 you specified was invalid.')
  return value
}

export interface VerifiedPayload {
  /** Lower-case hex. */
  md5: string
  /** The checksum of the claimed algorithm, or of `alsoCompute`; null without either. */
  checksum: { algorithm: ChecksumAlgorithm; value: string } | null
}

/**
 * Passes the payload to `sink`. Throws BadDigest at its end if Content-MD5 or the claimed checksum is wrong.
 * A SHA-256 that the signature has verified isn't computed again.
 */
export async function receivePayload(
  body: RequestBody,
  headers: Readonly<Record<string, string>>,
  sink: (part: Buffer) => void,
  alsoCompute: ChecksumAlgorithm | null = null,
): Promise<VerifiedPayload> {
  const claimed = readClaimedChecksum(headers)
  const claimedMd5 = readContentMd5(headers)
  const algorithm = claimed?.algorithm ?? alsoCompute
  const isSigned = /^[0-9a-f]{64}$/.test(headers['x-amz-content-sha256'] ?? '')
  const digest = algorithm === null || (algorithm === 'SHA256' && isSigned) ? null : createDigest(algorithm)
  const md5 = createHash('md5')
  for await (const part of body.stream()) {
    md5.update(part)
    digest?.update(part)
    sink(part)
  }
  const md5Bytes = md5.digest()
  if (claimedMd5 !== null && !isSameText(md5Bytes.toString('base64'), claimedMd5)) {
    throw new AwsError(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.', {
      fields: { ExpectedDigest: claimedMd5, CalculatedDigest: md5Bytes.toString('base64') },
    })
  }
  if (algorithm === null) return { md5: md5Bytes.toString('hex'), checksum: null }
  const value =
    digest === null ? Buffer.from(body.sha256() ?? '', 'hex').toString('base64') : await digest.digest()
  const expected =
    claimed === null ? null : (claimed.value ?? body.trailers()[checksumHeader(claimed.algorithm)] ?? '')
  if (expected !== null && !isSameText(value, expected)) {
    throw new AwsError(
      400,
      'BadDigest',
      `The ${algorithm} you specified did not match the calculated checksum.`,
    )
  }
  return { md5: md5Bytes.toString('hex'), checksum: { algorithm, value } }
}
