// Translates errors of AWS, S3-compatible stores and the network into Holdfast's error codes; no other file does.
// It keeps "denied" and "not found" apart: a missing permission must never read as an empty vault.
// Names: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and STS's common errors.
import { HoldfastError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import { sanitizeServerText } from './server-text.ts'

interface Meaning {
  code: ErrorCode
  text: string
  hint?: string
  retryable?: boolean
  /** Quote the server's message, because it adds information, e.g. the statement that denied. */
  quotes?: boolean
}

const newSession: Pick<Meaning, 'code' | 'hint'> = {
  code: 'credentials',
  hint: 'get new credentials (e.g. `aws sso login`, or assume the role again) and run the same command again',
}
const wrongKey: Pick<Meaning, 'code' | 'hint'> = {
  code: 'credentials',
  hint: 'check which credentials you use (`aws sts get-caller-identity`), and that they belong to this endpoint',
}
const wrongRegion: Pick<Meaning, 'code' | 'hint'> = {
  code: 'invalid-input',
  hint: "pass the bucket's region with --region",
}
const noNetwork: Pick<Meaning, 'code' | 'hint' | 'retryable'> = {
  code: 'unreachable',
  hint: 'check the network, the endpoint (--endpoint, AWS_ENDPOINT_URL) and the region, then run the same command again',
  retryable: true,
}
const untrusted: Pick<Meaning, 'code' | 'hint' | 'text'> = {
  code: 'unreachable',
  text: "the server's TLS certificate is not trusted",
  hint: 'set AWS_CA_BUNDLE to the certificate of the authority that signed it; never disable the verification',
}
/** No other try helps, so this is neither a fault of the network nor a defect of ours. */
const unableStore: Pick<Meaning, 'code' | 'hint' | 'quotes'> = {
  code: 'vault-unsafe',
  hint: 'use a store with versions, Object Lock and checksums: docs/stores.md says which, and `npm run probe-store` asks yours',
  quotes: true,
}
const notImplemented: Meaning = { ...unableStore, text: 'the store does not have this function' }
const refusedChecksum: Meaning = {
  ...unableStore,
  text: 'the store does not take the checksum of an upload under a lock as AWS does',
}
const serverFault: Meaning = { ...noNetwork, text: 'the store had an internal error' }
const slowDown: Meaning = {
  code: 'throttled',
  text: 'the store limits the request rate',
  hint: 'run the same command again later',
  retryable: true,
}
const denied: Meaning = {
  code: 'denied',
  text: 'access denied',
  hint: 'use the role for this operation (--role-arn); the message may name the policy that denied it',
  quotes: true,
}
/** STS answers a wrong code as it answers a policy. */
const refusedFactor: Meaning = {
  code: 'credentials',
  text: 'the second factor was not accepted',
  hint: 'a code works once, and for about a minute: wait for the next one; check the serial (--mfa-serial) and the clock of the device',
  quotes: true,
}
const corruptUpload: Meaning = { ...noNetwork, text: 'the upload was corrupt on arrival' }
/** A response with a good status and a truncated or forged body proves nothing, so the call may be repeated. */
const unreadable: Meaning = { ...noNetwork, text: "the store's response could not be read" }
const notFound: Meaning = { code: 'not-found', text: 'no such object version' }
const wrongPolicy: Pick<Meaning, 'code' | 'hint' | 'quotes'> = {
  code: 'invalid-input',
  hint: 'shorten or correct the policy (`aws accessanalyzer validate-policy` lists its errors)',
  quotes: true,
}
const wrongInput: Pick<Meaning, 'code' | 'hint' | 'quotes'> = {
  code: 'invalid-input',
  hint: 'correct the value that the message names',
  quotes: true,
}
const unusableKey: Pick<Meaning, 'code' | 'hint'> = {
  code: 'vault-unsafe',
  hint: 'enable the key, or cancel its deletion; look in the audit trail for who changed it',
}
const noCredentials: Meaning = {
  code: 'credentials',
  text: 'no credentials could be loaded',
  hint: 'set AWS_PROFILE, sign in (`aws sso login`), or run on a machine that has a role',
  quotes: true,
}

const byName = new Map<string, Meaning>([
  ['AccessDenied', denied],
  ['AccessDeniedException', denied],
  ['AllAccessDisabled', denied],
  ['AccountProblem', denied],
  ['Forbidden', denied],
  ['UnauthorizedAccess', denied],

  ['CredentialsProviderError', noCredentials],
  ['TokenProviderError', noCredentials],
  ['ExpiredToken', { ...newSession, text: 'the credentials have expired' }],
  ['ExpiredTokenException', { ...newSession, text: 'the credentials have expired' }],
  ['TokenRefreshRequired', { ...newSession, text: 'the credentials must be refreshed' }],
  ['RequestExpired', { ...newSession, text: "the request's signature has expired" }],
  ['InvalidToken', { ...newSession, text: 'the session token is not valid' }],
  ['InvalidAccessKeyId', { ...wrongKey, text: 'the access key is unknown there' }],
  ['InvalidClientTokenId', { ...wrongKey, text: 'the access key is unknown there' }],
  ['UnrecognizedClientException', { ...wrongKey, text: 'the access key is unknown there' }],
  // VersityGW's error for an unknown access key, with status 404.
  ['XAdminUserNotFound', { ...wrongKey, text: 'the access key is unknown there' }],
  ['NotSignedUp', { ...wrongKey, text: 'the account is not signed up for S3' }],
  [
    'SignatureDoesNotMatch',
    {
      code: 'credentials',
      text: 'the signature does not match',
      hint: 'load the credentials again: the secret key does not belong to the access key, or a proxy changes requests',
    },
  ],
  ['InvalidSignatureException', { ...wrongKey, text: 'the signature was rejected' }],
  ['InvalidParameterException', { ...wrongInput, text: 'a parameter is not valid' }],
  ['SubscriptionRequiredException', { ...wrongKey, text: 'the account is not signed up for the service' }],
  [
    'RequestTimeTooSkewed',
    {
      code: 'credentials',
      text: "this machine's clock differs too much from the server's",
      hint: 'set the clock of this machine (NTP)',
    },
  ],

  [
    'NoSuchBucket',
    { code: 'not-found', text: 'the bucket does not exist', hint: "check the bucket's name and the account" },
  ],
  ['NoSuchKey', notFound],
  ['NoSuchVersion', notFound],
  ['NotFound', notFound],
  // S3's error for a GET of a delete marker.
  ['MethodNotAllowed', notFound],
  [
    'InvalidRange',
    {
      code: 'damaged',
      text: 'the object is shorter than the requested range',
      hint: '`holdfast verify` lists what is damaged; other snapshots are not affected',
    },
  ],
  [
    'InvalidObjectState',
    {
      code: 'archived',
      text: "the object is in an archive storage class or tier, and its bytes can't be read",
      hint: 'copy it back first (`aws s3api restore-object`), which takes hours, and find the lifecycle rule or the writer that archived it',
    },
  ],

  ['ResourceNotFoundException', { code: 'not-found', text: 'there is no such resource' }],

  // KMS: https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html#API_Sign_Errors
  ['NotFoundException', { code: 'not-found', text: 'there is no such key' }],
  ['InvalidKeyUsageException', { ...wrongInput, text: 'the key is not for this use' }],
  ['DisabledException', { ...unusableKey, text: 'the key is disabled' }],
  ['KMSInvalidStateException', { ...unusableKey, text: 'the key is disabled, or waits for its deletion' }],
  ['KeyUnavailableException', { ...noNetwork, text: 'the key is not available' }],
  ['KMSInternalException', serverFault],
  ['DependencyTimeoutException', serverFault],

  // Errors of IAM and STS.
  [
    'NoSuchEntity',
    {
      code: 'not-found',
      text: 'there is no such role or policy',
      hint: 'check the name and the account',
      quotes: true,
    },
  ],
  [
    'NoSuchEntityException',
    {
      code: 'not-found',
      text: 'there is no such role or policy',
      hint: 'check the name and the account',
      quotes: true,
    },
  ],
  ['MalformedPolicyDocument', { ...wrongPolicy, text: 'AWS does not accept the policy' }],
  ['MalformedPolicyDocumentException', { ...wrongPolicy, text: 'AWS does not accept the policy' }],
  ['PackedPolicyTooLarge', { ...wrongPolicy, text: 'the policy and tags of the session are too large' }],
  [
    'PackedPolicyTooLargeException',
    { ...wrongPolicy, text: 'the policy and tags of the session are too large' },
  ],
  ['LimitExceeded', { ...wrongPolicy, text: 'a quota of IAM is exhausted' }],
  ['LimitExceededException', { ...wrongPolicy, text: 'a quota of IAM is exhausted' }],
  ['InvalidInput', { ...wrongInput, text: 'IAM does not accept the request' }],
  ['InvalidInputException', { ...wrongInput, text: 'IAM does not accept the request' }],
  ['ValidationError', { ...wrongInput, text: 'AWS does not accept a value' }],
  ['ValidationException', { ...wrongInput, text: 'AWS does not accept a value' }],

  ['PreconditionFailed', { code: 'conflict', text: 'the key already exists' }],
  // Another write of the same key is in progress. Its outcome is unknown, so the caller takes a new key.
  [
    'ConditionalRequestConflict',
    { code: 'throttled', text: 'another request for the same key is in progress', retryable: true },
  ],
  [
    'OperationAborted',
    { code: 'throttled', text: 'a conflicting operation is in progress', retryable: true },
  ],

  ['SlowDown', slowDown],
  ['SlowDownRead', slowDown],
  ['SlowDownWrite', slowDown],
  ['ServiceUnavailable', slowDown],
  ['Throttling', slowDown],
  ['ThrottlingException', slowDown],
  ['ThrottledException', slowDown],
  ['RequestLimitExceeded', slowDown],
  ['RequestThrottled', slowDown],
  ['RequestThrottledException', slowDown],
  ['TooManyRequests', slowDown],
  ['TooManyRequestsException', slowDown],
  ['BandwidthLimitExceeded', slowDown],

  ['NotImplemented', notImplemented],
  ['InternalError', serverFault],
  ['RequestTimeout', { ...noNetwork, text: 'the connection was silent for too long' }],
  ['RequestTimeoutException', { ...noNetwork, text: 'the connection was silent for too long' }],
  ['TimeoutError', { ...noNetwork, text: 'no response in time' }],
  ['AbortError', { ...noNetwork, text: 'no complete response in time' }],
  ['BadDigest', corruptUpload],
  ['XAmzContentSHA256Mismatch', corruptUpload],
  ['XAmzContentChecksumMismatch', corruptUpload],
  ['IncompleteBody', corruptUpload],

  ['PermanentRedirect', { ...wrongRegion, text: 'the bucket is in another region' }],
  ['TemporaryRedirect', { ...noNetwork, text: 'the bucket is moving' }],
  ['AuthorizationHeaderMalformed', { ...wrongRegion, text: 'the request was signed for the wrong region' }],
  ['IllegalLocationConstraintException', { ...wrongRegion, text: 'the bucket is in another region' }],
  [
    'InvalidBucketName',
    {
      code: 'invalid-input',
      text: 'the bucket has an invalid name',
      hint: 'pass --bucket with the name alone, without `s3://` and without a path',
    },
  ],
])

const byStatus = new Map<number, Meaning>([
  [301, { ...wrongRegion, text: 'the bucket is in another region' }],
  [401, { ...wrongKey, text: 'the credentials were rejected' }],
  [403, denied],
  [404, notFound],
  [405, notFound],
  [409, { code: 'throttled', text: 'a conflicting operation is in progress', retryable: true }],
  [412, { code: 'conflict', text: 'the key already exists' }],
  [416, { code: 'damaged', text: 'the object is shorter than the requested range' }],
  [429, slowDown],
  [500, serverFault],
  [501, notImplemented],
  [502, serverFault],
  [503, slowDown],
  [504, serverFault],
])

const byNetworkCode = new Map<string, Meaning>([
  ['ECONNREFUSED', { ...noNetwork, text: 'the connection was refused' }],
  ['ECONNRESET', { ...noNetwork, text: 'the connection broke' }],
  ['ERR_STREAM_PREMATURE_CLOSE', { ...noNetwork, text: 'the connection broke' }],
  ['EPIPE', { ...noNetwork, text: 'the connection broke' }],
  ['ETIMEDOUT', { ...noNetwork, text: 'no response in time' }],
  ['ENOTFOUND', { ...noNetwork, text: "the host's name is unknown" }],
  ['EAI_AGAIN', { ...noNetwork, text: "the host's name could not be looked up" }],
  ['EHOSTUNREACH', { ...noNetwork, text: 'there is no route to the host' }],
  ['ENETUNREACH', { ...noNetwork, text: 'there is no route to the network' }],
  ['EADDRNOTAVAIL', { ...noNetwork, text: 'this machine has no local port left' }],
  [
    'EMFILE',
    {
      ...noNetwork,
      text: 'this process has too many open files',
      hint: 'raise the limit of open files (`ulimit -n`)',
    },
  ],
  [
    'ERR_PROXY_TUNNEL',
    {
      ...noNetwork,
      text: 'the proxy did not connect',
      hint: 'check HTTPS_PROXY with its user and password, and NO_PROXY',
    },
  ],
  ['EPROTO', { ...noNetwork, text: 'the server does not speak TLS as expected' }],
  ['CERT_HAS_EXPIRED', untrusted],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', untrusted],
  ['SELF_SIGNED_CERT_IN_CHAIN', untrusted],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', untrusted],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', untrusted],
  ['ERR_TLS_CERT_ALTNAME_INVALID', untrusted],
])

/** Every upload of ours has a checksum, which is all that AWS demands under a lock; moto demands a header besides. */
const requiresChecksum = /(?:content-md5|checksum).*required/i

/** Codes of fetch's connections, of Node's HTTP parser and of its decompression. */
const protocolCode = /^(?:UND_ERR|HPE|Z)_/
const brokenResponse: Meaning = {
  ...noNetwork,
  text: 'the connection broke, or the response was not valid HTTP',
}

/** The fields that we read of an error that the SDK or the network threw. */
interface RawError {
  name?: unknown
  message?: unknown
  code?: unknown
  $metadata?: { httpStatusCode?: number; requestId?: string; clockSkewCorrected?: boolean }
  $response?: { statusCode?: number; headers?: Record<string, string> }
  cause?: unknown
  errors?: unknown
}

/**
 * The HoldfastError for `error`. A HoldfastError (from a credential provider inside the SDK's call) is returned
 * unchanged.
 * @param operation names the call in the message, e.g. `reading s3://vault/key`.
 */
export function translateError(error: unknown, operation: string): HoldfastError {
  if (error instanceof HoldfastError) return error
  const raw = (typeof error === 'object' && error !== null ? error : {}) as RawError
  const name = typeof raw.name === 'string' ? raw.name : 'Error'
  const status = raw.$metadata?.httpStatusCode ?? raw.$response?.statusCode
  const meaning = findMeaning(raw, name, status)
  const quoted = meaning.quotes ? quote(raw.message) : ''
  const region = raw.$response?.headers?.['x-amz-bucket-region']
  const hint =
    meaning.code === 'invalid-input' && region !== undefined && /^[a-z0-9-]{1,40}$/.test(region)
      ? `pass --region ${region}`
      : meaning.hint
  return new HoldfastError(meaning.code, `${operation} failed: ${meaning.text}${quoted}`, {
    ...(hint === undefined ? {} : { hint }),
    // Retryable, because the SDK has just learned the server's clock and signs the next attempt with it.
    retryable: (meaning.retryable ?? false) || raw.$metadata?.clockSkewCorrected === true,
    context: {
      awsError: sanitizeServerText(name),
      ...(status === undefined ? {} : { status }),
      ...requestId(raw),
    },
    cause: summarizeCause(raw, sanitizeServerText(name), quoted.slice(2, -1)),
  })
}

function findMeaning(raw: RawError, name: string, status: number | undefined): Meaning {
  // AWS responds to a version id that it never issued with 400 InvalidArgument.
  if (name === 'InvalidArgument' && /version id/i.test(sanitizeServerText(raw.message))) return notFound
  if (
    name === 'AccessDenied' &&
    sanitizeServerText(raw.message).startsWith('MultiFactorAuthentication failed')
  )
    return refusedFactor
  const network = networkCode(raw)
  return (
    (network === undefined
      ? undefined
      : (byNetworkCode.get(network) ?? (protocolCode.test(network) ? brokenResponse : undefined))) ??
    byName.get(name) ??
    (status === 400 && requiresChecksum.test(sanitizeServerText(raw.message))
      ? refusedChecksum
      : undefined) ??
    (status === undefined ? undefined : byStatus.get(status)) ??
    (status !== undefined && status < 300 ? unreadable : undefined) ??
    (status !== undefined && status >= 500 ? serverFault : undefined) ?? {
      code: 'internal',
      text: 'an unknown error',
      quotes: true,
    }
  )
}

function networkCode(raw: RawError, depth = 0): string | undefined {
  if (typeof raw.code === 'string') return raw.code
  const inner = Array.isArray(raw.errors) ? (raw.errors[0] as unknown) : raw.cause
  return depth < 4 && typeof inner === 'object' && inner !== null ? networkCode(inner, depth + 1) : undefined
}

function quote(message: unknown): string {
  // Don't quote Node's error for a failed credential process: its command line may contain a secret.
  const text = sanitizeServerText(message)
  // The SDK's text for an error without a message, as Ceph sends it.
  const isEmpty = text === '' || text === 'UnknownError'
  return isEmpty || text.startsWith('Command failed') ? '' : ` (${text})`
}

function requestId(raw: RawError): { requestId?: string } {
  const id = raw.$metadata?.requestId
  return id === undefined ? {} : { requestId: sanitizeServerText(id) }
}

/**
 * Replaces the SDK's error, because AWS's response to a wrong signature repeats the signed headers, including the
 * session token.
 */
function summarizeCause(raw: RawError, name: string, message: string): Error {
  const cause = new Error(message)
  cause.name = name
  const stack = (raw as { stack?: unknown }).stack
  const frames =
    typeof stack === 'string'
      ? stack
          .split('\n')
          .filter((line) => /^\s+at /.test(line))
          .join('\n')
      : ''
  cause.stack = `${name}: ${message}\n${frames}`
  return cause
}
