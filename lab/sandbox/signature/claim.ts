// Reads the signature that a request claims, from the Authorization header or from a presigned URL's query.

import { AwsError } from '../protocol/aws-error.ts'
import type { QueryEntry } from './query.ts'

export interface SignatureClaim {
  type: 'header' | 'query'
  accessKeyId: string
  /** `yyyymmdd`, region and service of the credential scope. */
  day: string
  region: string
  service: string
  /** In lower case, in the order of the list. */
  signedHeaders: string[]
  signature: string
  sessionToken: string | null
  signedMs: number
  /** Lifetime of a presigned URL in seconds; null otherwise. */
  expiresSeconds: number | null
  payloadHash: string | null
}

const algorithm = 'AWS4-HMAC-SHA256'
const maxPresignSeconds = 7 * 24 * 3600

/** Null for an unsigned request. Throws an AwsError for a malformed signature. */
export function readClaim(
  headers: Readonly<Record<string, string>>,
  query: readonly QueryEntry[],
): SignatureClaim | null {
  const authorization = headers.authorization
  const hasQuery = query.some(({ name }) => name === 'X-Amz-Algorithm' || name === 'X-Amz-Signature')
  if (authorization !== undefined && hasQuery) {
    throw new AwsError(
      400,
      'InvalidArgument',
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
    )
  }
  if (authorization !== undefined) return readHeaderClaim(authorization, headers)
  return hasQuery ? readQueryClaim(headers, query) : null
}

function readHeaderClaim(authorization: string, headers: Readonly<Record<string, string>>): SignatureClaim {
  const malformed = (why: string) =>
    new AwsError(400, 'AuthorizationHeaderMalformed', `The authorization header is malformed; ${why}`)
  if (!authorization.startsWith(`${algorithm} `)) {
    if (/^AWS\s/.test(authorization)) {
      throw new AwsError(
        400,
        'InvalidRequest',
        `The authorization mechanism you have provided is not supported. Please use ${algorithm}.`,
      )
    }
    throw new AwsError(400, 'InvalidArgument', 'Unsupported Authorization Type')
  }
  const parts = new Map<string, string>()
  for (const part of authorization.slice(algorithm.length + 1).split(',')) {
    const at = part.indexOf('=')
    if (at > 0) parts.set(part.slice(0, at).trim(), part.slice(at + 1).trim())
  }
  const [credential, signedHeaders, signature] = ['Credential', 'SignedHeaders', 'Signature'].map(
    (name) => parts.get(name) ?? '',
  )
  if (!credential || !signedHeaders || !signature)
    throw malformed(
      'the authorization header requires three components: Credential, SignedHeaders, and Signature.',
    )
  const signedMs = parseAmzDate(headers['x-amz-date'] ?? '') ?? Date.parse(headers.date ?? '')
  if (Number.isNaN(signedMs))
    throw new AwsError(403, 'AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header')
  return {
    type: 'header',
    ...readScope(credential, malformed),
    signedHeaders: signedHeaders.toLowerCase().split(';'),
    signature,
    sessionToken: headers['x-amz-security-token'] ?? null,
    signedMs,
    expiresSeconds: null,
    payloadHash: headers['x-amz-content-sha256'] ?? null,
  }
}

function readQueryClaim(
  headers: Readonly<Record<string, string>>,
  query: readonly QueryEntry[],
): SignatureClaim {
  const malformed = (why: string) => new AwsError(400, 'AuthorizationQueryParametersError', why)
  const read = (name: string): string => {
    const entries = query.filter((entry) => entry.name === name)
    if (entries.length > 1) throw malformed(`${name} must not be given more than once`)
    return entries[0]?.value ?? ''
  }
  const required = [
    'X-Amz-Algorithm',
    'X-Amz-Credential',
    'X-Amz-Signature',
    'X-Amz-Date',
    'X-Amz-SignedHeaders',
    'X-Amz-Expires',
  ]
  if (required.some((name) => read(name) === '')) {
    throw malformed(
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    )
  }
  if (read('X-Amz-Algorithm') !== algorithm) throw malformed(`X-Amz-Algorithm only supports "${algorithm}"`)
  const expires = read('X-Amz-Expires')
  if (!/^\d{1,9}$/.test(expires)) throw malformed('X-Amz-Expires should be a number')
  if (Number(expires) > maxPresignSeconds)
    throw malformed(
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
    )
  const signedMs = parseAmzDate(read('X-Amz-Date'))
  if (signedMs === null)
    throw malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
  return {
    type: 'query',
    ...readScope(read('X-Amz-Credential'), malformed),
    signedHeaders: read('X-Amz-SignedHeaders').toLowerCase().split(';'),
    signature: read('X-Amz-Signature'),
    sessionToken: read('X-Amz-Security-Token') || null,
    signedMs,
    expiresSeconds: Number(expires),
    payloadHash: headers['x-amz-content-sha256'] ?? (read('X-Amz-Content-Sha256') || 'UNSIGNED-PAYLOAD'),
  }
}

function readScope(credential: string, malformed: (why: string) => AwsError) {
  const [accessKeyId = '', day = '', region = '', service = '', terminator = '', ...extraParts] =
    credential.split('/')
  if (extraParts.length > 0 || terminator !== 'aws4_request' || !/^[A-Za-z0-9]{16,128}$/.test(accessKeyId)) {
    throw malformed(
      'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    )
  }
  if (!/^\d{8}$/.test(day))
    throw malformed(
      `incorrect date format "${day.slice(0, 32)}". This date in the credential must be in the format "yyyyMMdd".`,
    )
  if (!/^[a-z0-9-]{1,32}$/.test(region) || !/^[a-z0-9-]{1,32}$/.test(service))
    throw malformed('the region and service of the Credential are mal-formed.')
  return { accessKeyId, day, region, service }
}

/** `20260401T101500Z` as milliseconds since the epoch; null for any other form. */
function parseAmzDate(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (match === null) return null
  const [, year, month, day, hour, minute, second] = match
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(ms) ? null : ms
}

export function formatAmzDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '')
}
