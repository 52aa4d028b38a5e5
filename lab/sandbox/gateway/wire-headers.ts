// Reads a request's headers into one record, so that the services see exactly the headers that the signature
// covers.

import type { QueryEntry } from '../signature/query.ts'

// Joins every repeated header, because a signature covers all of them. Node drops some and joins others.
export function joinHeaders(raw: readonly string[]): Record<string, string> {
  const joined = Object.create(null) as Record<string, string>
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase()
    // Node decodes header bytes as Latin-1, but S3 reads them as UTF-8.
    const value = Buffer.from(raw[at + 1] ?? '', 'latin1').toString('utf8')
    joined[name] = joined[name] === undefined ? value : `${joined[name]},${value}`
  }
  return joined
}

/** The parameters of a presigned URL's query that stand for `x-amz-*` headers. */
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
