// A request's headers as one record, so that what the signature covers is what the services read.

import type { QueryEntry } from '../signature/query.ts'

// Node drops some repeated headers and joins others; a signature covers all of them, so all are joined here.
export function joinHeaders(raw: readonly string[]): Record<string, string> {
  const joined = Object.create(null) as Record<string, string>
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase()
    // The wire's bytes came as Latin-1; S3 reads them as UTF-8.
    const value = Buffer.from(raw[at + 1] ?? '', 'latin1').toString('utf8')
    joined[name] = joined[name] === undefined ? value : `${joined[name]},${value}`
  }
  return joined
}

/** A presigned URL carries in its query what a request carries in `x-amz-*` headers. */
export function hoistedHeaders(entries: readonly QueryEntry[]): Record<string, string> {
  const hoisted = Object.create(null) as Record<string, string>
  const signatureNames = new Set([
    'x-amz-algorithm',
    'x-amz-credential',
    'x-amz-date',
    'x-amz-expires',
    'x-amz-signedheaders',
    'x-amz-signature',
    'x-amz-security-token',
  ])
  for (const { name, value } of entries) {
    const lower = name.toLowerCase()
    if (lower.startsWith('x-amz-') && !signatureNames.has(lower)) hoisted[lower] = value
  }
  return hoisted
}
