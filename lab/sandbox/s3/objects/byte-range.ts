// The Range header as S3 reads it: one range of bytes. S3 ignores any other form.

import { AwsError } from '../../protocol/aws-error.ts'

export interface ByteRange {
  /** First and last byte, both included. */
  first: number
  last: number
}

/**
 * Null for no range, or for one that S3 ignores (several ranges, another unit, a malformed text). Throws
 * InvalidRange beyond the end.
 */
export function readRange(header: string | null, bytes: number): ByteRange | null {
  const match = /^bytes=(?:(\d{1,16})-(\d{0,16})|-(\d{1,16}))$/.exec(header?.trim() ?? '')
  if (match === null) return null
  const [, from, to, suffix] = match
  const unsatisfiable = () =>
    new AwsError(416, 'InvalidRange', 'The requested range is not satisfiable', {
      fields: { RangeRequested: header?.trim() ?? '', ActualObjectSize: String(bytes) },
      headers: { 'content-range': `bytes */${bytes}` },
    })
  if (suffix !== undefined) {
    if (Number(suffix) === 0 || bytes === 0) throw unsatisfiable()
    return { first: Math.max(0, bytes - Number(suffix)), last: bytes - 1 }
  }
  const first = Number(from)
  const last = to === undefined || to === '' ? bytes - 1 : Number(to)
  if (to !== undefined && to !== '' && last < first) return null
  if (first >= bytes) throw unsatisfiable()
  return { first, last: Math.min(last, bytes - 1) }
}
