// Verifies the signature that a request claims, against the clock and the issued credentials.

import type { CredentialRegistry } from '../identity/credentials.ts'
import type { Principal } from '../identity/principal.ts'
import { AwsError } from '../protocol/aws-error.ts'
import { formatAmzDate } from './claim.ts'
import type { SignatureClaim } from './claim.ts'
import { ClaimSigner, isSameText } from './signer.ts'
import type { WireRequest } from './signer.ts'

const maxSkewMs = 15 * 60_000

export interface Verified {
  principal: Principal
  /** For the chunk signatures of a streamed payload. */
  signer: ClaimSigner
}

/**
 * Rejects with the AwsError that S3 would return. The signature is checked before the token, so that a caller
 * without the secret key learns only that the key id exists.
 */
export async function verifyClaim(
  claim: SignatureClaim,
  request: WireRequest,
  registry: CredentialRegistry,
  nowMs: number,
): Promise<Verified> {
  checkTime(claim, nowMs)
  checkSignedHeaders(claim, request)
  const issued = registry.find(claim.accessKeyId)
  // S3 reports a session's key without its token as unknown.
  if (issued === null || (issued.credentials.sessionToken !== null && claim.sessionToken === null)) {
    throw new AwsError(
      403,
      'InvalidAccessKeyId',
      'The AWS Access Key Id you provided does not exist in our records.',
      { fields: { AWSAccessKeyId: claim.accessKeyId } },
    )
  }
  const signer = new ClaimSigner(claim, issued.credentials)
  if (!(await signer.matches(request))) {
    throw new AwsError(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      { fields: { AWSAccessKeyId: claim.accessKeyId } },
    )
  }
  const { sessionToken, expiresMs } = issued.credentials
  if (
    (sessionToken === null) !== (claim.sessionToken === null) ||
    !isSameText(sessionToken ?? '', claim.sessionToken ?? '')
  ) {
    throw new AwsError(400, 'InvalidToken', 'The provided token is malformed or otherwise invalid.')
  }
  if (expiresMs !== null && nowMs >= expiresMs)
    throw new AwsError(400, 'ExpiredToken', 'The provided token has expired.')
  return { principal: issued.principal, signer }
}

function checkTime(claim: SignatureClaim, nowMs: number): void {
  if (formatAmzDate(claim.signedMs).slice(0, 8) !== claim.day) {
    throw new AwsError(
      400,
      'AuthorizationHeaderMalformed',
      `The authorization header is malformed; Invalid credential date "${claim.day}". This date is not the same as X-Amz-Date: "${formatAmzDate(claim.signedMs).slice(0, 8)}".`,
    )
  }
  const times = { RequestTime: formatAmzDate(claim.signedMs), ServerTime: formatIso(nowMs) }
  if (claim.expiresSeconds === null) {
    if (Math.abs(nowMs - claim.signedMs) <= maxSkewMs) return
    throw new AwsError(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
      {
        fields: { ...times, MaxAllowedSkewMilliseconds: String(maxSkewMs) },
      },
    )
  }
  if (claim.signedMs - nowMs > maxSkewMs)
    throw new AwsError(403, 'AccessDenied', 'Request is not yet valid', { fields: times })
  if (nowMs >= claim.signedMs + claim.expiresSeconds * 1000) {
    throw new AwsError(403, 'AccessDenied', 'Request has expired', {
      fields: {
        'X-Amz-Expires': String(claim.expiresSeconds),
        Expires: formatIso(claim.signedMs + claim.expiresSeconds * 1000),
        ServerTime: times.ServerTime,
      },
    })
  }
}

// The host and every `x-amz-*` header must be signed, because an attacker on the path could add an unsigned
// one.
function checkSignedHeaders(claim: SignatureClaim, request: WireRequest): void {
  const signed = new Set(claim.signedHeaders)
  const loose = Object.keys(request.headers)
    .filter((name) => name === 'host' || name.startsWith('x-amz-'))
    .filter((name) => !signed.has(name))
  if (loose.length === 0) return
  throw new AwsError(403, 'AccessDenied', 'There were headers present in the request which were not signed', {
    fields: { HeadersNotSigned: loose.join(', ') },
  })
}

function formatIso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}/, '')
}
