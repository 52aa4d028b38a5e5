// The one place that turns what AWS, an S3-compatible store or the network answers into Holdfast's error codes.
// "denied" and "not found" stay apart: an agent that may not look must never read as a vault that is empty.
// Names: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and STS's common errors.
import { HoldfastError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import { sanitizeServerText } from './server-text.ts'

interface Meaning {
  code: ErrorCode
  says: string
  hint?: string
  retryable?: boolean
  /** The server's own words add something, e.g. which statement denied. */
  quotes?: boolean
}

const newSession: Pick<Meaning, 'code' | 'hint'> = {
  code: 'credentials',
  hint: 'get new credentials (e.g. `aws sso login`, or assume the role again) and run the same command again',
}
const wrongKey: Pick<Meaning, 'code' | 'hint'> = {
  code: 'credentials',
  hint: 'check which credentials are in use (`aws sts get-caller-identity`) and that they belong to this endpoint',
}
const wrongRegion: Pick<Meaning, 'code' | 'hint'> = {
  code: 'invalid-input',
  hint: "pass the bucket's own region with --region",
}
const noNetwork: Pick<Meaning, 'code' | 'hint' | 'retryable'> = {
  code: 'unreachable',
  hint: 'check the network, the endpoint (--endpoint, AWS_ENDPOINT_URL) and the region, then run the same command again',
  retryable: true,
}
const untrusted: Pick<Meaning, 'code' | 'hint' | 'says'> = {
  code: 'unreachable',
  says: "the server's TLS certificate is not trusted",
  hint: 'name the authority that signed it in NODE_EXTRA_CA_CERTS; never switch the verification off',
}
const serverFault: Meaning = { ...noNetwork, says: 'the store had an internal error' }
const slowDown: Meaning = {
  code: 'throttled',
  says: 'the store asks to slow down',
  hint: 'run the same command again later',
  retryable: true,
}
const denied: Meaning = {
  code: 'denied',
  says: 'access denied',
  hint: 'use the role that this operation is meant for (--role-arn), and read in the message what denied it',
  quotes: true,
}
const tornUpload: Meaning = { ...noNetwork, says: 'the bytes arrived other than they were sent' }
/** A reply with a good status whose body is torn or forged proves nothing, and may be asked for again. */
const unreadable: Meaning = { ...noNetwork, says: "the store's answer could not be read" }
const notFound: Meaning = { code: 'not-found', says: 'no such object version' }
const wrongPolicy: Pick<Meaning, 'code' | 'hint' | 'quotes'> = {
  code: 'invalid-input',
  hint: 'shorten or correct the policy (`aws accessanalyzer validate-policy` says what is wrong with one)',
  quotes: true,
}
const wrongInput: Pick<Meaning, 'code' | 'hint' | 'quotes'> = {
  code: 'invalid-input',
  hint: 'read in the message which value it is',
  quotes: true,
}
const noCredentials: Meaning = {
  code: 'credentials',
  says: 'no credentials could be loaded',
  hint: 'set AWS_PROFILE, sign in (`aws sso login`), or run where a role is attached',
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
  ['ExpiredToken', { ...newSession, says: 'the credentials have expired' }],
  ['ExpiredTokenException', { ...newSession, says: 'the credentials have expired' }],
  ['TokenRefreshRequired', { ...newSession, says: 'the credentials must be refreshed' }],
  ['RequestExpired', { ...newSession, says: "the request's signature has expired" }],
  ['InvalidToken', { ...newSession, says: 'the session token is not valid' }],
  ['InvalidAccessKeyId', { ...wrongKey, says: 'the access key is not known there' }],
  ['InvalidClientTokenId', { ...wrongKey, says: 'the access key is not known there' }],
  ['UnrecognizedClientException', { ...wrongKey, says: 'the access key is not known there' }],
  // What VersityGW says of a key that it doesn't know, with status 404.
  ['XAdminUserNotFound', { ...wrongKey, says: 'the access key is not known there' }],
  ['NotSignedUp', { ...wrongKey, says: 'the account is not signed up for S3' }],
  [
    'SignatureDoesNotMatch',
    {
      code: 'credentials',
      says: 'the signature does not match',
      hint: 'the secret key does not belong to the access key, or a proxy changes requests: load the credentials anew',
    },
  ],
  ['InvalidSignatureException', { ...wrongKey, says: 'the signature is not accepted' }],
  ['SubscriptionRequiredException', { ...wrongKey, says: 'the account is not signed up for the service' }],
  [
    'RequestTimeTooSkewed',
    {
      code: 'credentials',
      says: "this machine's clock differs too much from the server's",
      hint: 'set the clock of this machine (NTP)',
    },
  ],

  [
    'NoSuchBucket',
    { code: 'not-found', says: 'the bucket does not exist', hint: "check the bucket's name and the account" },
  ],
  ['NoSuchKey', notFound],
  ['NoSuchVersion', notFound],
  ['NotFound', notFound],
  // What S3 answers to a GET of a delete marker.
  ['MethodNotAllowed', notFound],
  [
    'InvalidRange',
    {
      code: 'damaged',
      says: 'the object is shorter than the range that it should hold',
      hint: '`holdfast verify` lists what is damaged; other snapshots are not affected',
    },
  ],
  [
    'InvalidObjectState',
    {
      code: 'unreachable',
      says: 'the object lies in an archive tier',
      hint: 'restore it from the archive tier first (`aws s3api restore-object`)',
    },
  ],

  ['ResourceNotFoundException', { code: 'not-found', says: 'there is no such resource' }],

  // IAM's and STS's.
  [
    'NoSuchEntity',
    {
      code: 'not-found',
      says: 'there is no such role or policy',
      hint: 'check the name and the account',
      quotes: true,
    },
  ],
  [
    'NoSuchEntityException',
    {
      code: 'not-found',
      says: 'there is no such role or policy',
      hint: 'check the name and the account',
      quotes: true,
    },
  ],
  ['MalformedPolicyDocument', { ...wrongPolicy, says: 'the policy is not one that AWS accepts' }],
  ['MalformedPolicyDocumentException', { ...wrongPolicy, says: 'the policy is not one that AWS accepts' }],
  ['PackedPolicyTooLarge', { ...wrongPolicy, says: 'policy and tags of the session are too large' }],
  ['PackedPolicyTooLargeException', { ...wrongPolicy, says: 'policy and tags of the session are too large' }],
  ['LimitExceeded', { ...wrongPolicy, says: 'a quota of IAM is exhausted' }],
  ['LimitExceededException', { ...wrongPolicy, says: 'a quota of IAM is exhausted' }],
  ['InvalidInput', { ...wrongInput, says: 'IAM does not take what was asked' }],
  ['InvalidInputException', { ...wrongInput, says: 'IAM does not take what was asked' }],
  ['ValidationError', { ...wrongInput, says: 'a value is not one that AWS takes' }],
  ['ValidationException', { ...wrongInput, says: 'a value is not one that AWS takes' }],

  ['PreconditionFailed', { code: 'conflict', says: 'the key exists already' }],
  // Another write of the same key was under way: nothing is known of it, so the caller takes a new key.
  [
    'ConditionalRequestConflict',
    { code: 'throttled', says: 'another request for the same key is under way', retryable: true },
  ],
  ['OperationAborted', { code: 'throttled', says: 'a conflicting operation is under way', retryable: true }],

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

  ['InternalError', serverFault],
  ['RequestTimeout', { ...noNetwork, says: 'the connection was silent for too long' }],
  ['RequestTimeoutException', { ...noNetwork, says: 'the connection was silent for too long' }],
  ['TimeoutError', { ...noNetwork, says: 'no answer in time' }],
  ['AbortError', { ...noNetwork, says: 'no complete answer in time' }],
  ['BadDigest', tornUpload],
  ['XAmzContentSHA256Mismatch', tornUpload],
  ['XAmzContentChecksumMismatch', tornUpload],
  ['IncompleteBody', tornUpload],

  ['PermanentRedirect', { ...wrongRegion, says: 'the bucket lies in another region' }],
  ['TemporaryRedirect', { ...noNetwork, says: 'the bucket is moving' }],
  ['AuthorizationHeaderMalformed', { ...wrongRegion, says: 'the request was signed for the wrong region' }],
  ['IllegalLocationConstraintException', { ...wrongRegion, says: 'the bucket lies in another region' }],
  [
    'InvalidBucketName',
    {
      code: 'invalid-input',
      says: "that is no bucket's name",
      hint: 'pass the name alone: no `s3://`, no path',
    },
  ],
])

const byStatus = new Map<number, Meaning>([
  [301, { ...wrongRegion, says: 'the bucket lies in another region' }],
  [401, { ...wrongKey, says: 'the credentials are not accepted' }],
  [403, denied],
  [404, notFound],
  [405, notFound],
  [409, { code: 'throttled', says: 'a conflicting operation is under way', retryable: true }],
  [412, { code: 'conflict', says: 'the key exists already' }],
  [416, { code: 'damaged', says: 'the object is shorter than the range that it should hold' }],
  [429, slowDown],
  [500, serverFault],
  [502, serverFault],
  [503, slowDown],
  [504, serverFault],
])

const byNetworkCode = new Map<string, Meaning>([
  ['ECONNREFUSED', { ...noNetwork, says: 'the connection was refused' }],
  ['ECONNRESET', { ...noNetwork, says: 'the connection broke' }],
  ['ERR_STREAM_PREMATURE_CLOSE', { ...noNetwork, says: 'the connection broke' }],
  ['EPIPE', { ...noNetwork, says: 'the connection broke' }],
  ['ETIMEDOUT', { ...noNetwork, says: 'no answer in time' }],
  ['ENOTFOUND', { ...noNetwork, says: "the host's name is not known" }],
  ['EAI_AGAIN', { ...noNetwork, says: "the host's name could not be looked up" }],
  ['EHOSTUNREACH', { ...noNetwork, says: 'there is no route to the host' }],
  ['ENETUNREACH', { ...noNetwork, says: 'there is no route to the network' }],
  ['EADDRNOTAVAIL', { ...noNetwork, says: 'this machine has no local port left' }],
  [
    'EMFILE',
    {
      ...noNetwork,
      says: 'this process has too many open files',
      hint: 'raise the limit of open files (`ulimit -n`)',
    },
  ],
  ['EPROTO', { ...noNetwork, says: 'the server does not speak TLS as expected' }],
  ['CERT_HAS_EXPIRED', untrusted],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', untrusted],
  ['SELF_SIGNED_CERT_IN_CHAIN', untrusted],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', untrusted],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', untrusted],
  ['ERR_TLS_CERT_ALTNAME_INVALID', untrusted],
])

/** Codes of fetch's connections, of Node's HTTP parser and of its decompression. */
const ofTheWire = /^(?:UND_ERR|HPE|Z)_/
const tornAnswer: Meaning = {
  ...noNetwork,
  says: 'the connection broke, or the answer was not HTTP as expected',
}

/** What is read of an error that the SDK or the network threw. */
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
 * The HoldfastError that `error` stands for. `operation` says what was tried, e.g. `reading s3://vault/key`.
 * A HoldfastError (from a credential provider within the SDK's own call) comes back as it is.
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
  return new HoldfastError(meaning.code, `${operation} failed: ${meaning.says}${quoted}`, {
    ...(hint === undefined ? {} : { hint }),
    // The SDK has just learned the server's clock: the next attempt is signed with it.
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
  // AWS answers a version id that it never gave out with 400 InvalidArgument.
  if (name === 'InvalidArgument' && /version id/i.test(sanitizeServerText(raw.message))) return notFound
  const network = networkCode(raw)
  return (
    (network === undefined
      ? undefined
      : (byNetworkCode.get(network) ?? (ofTheWire.test(network) ? tornAnswer : undefined))) ??
    byName.get(name) ??
    (status === undefined ? undefined : byStatus.get(status)) ??
    (status !== undefined && status < 300 ? unreadable : undefined) ??
    (status !== undefined && status >= 500 ? serverFault : undefined) ?? {
      code: 'internal',
      says: 'an answer that is not known',
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
  // A failed credential process is quoted by Node with its command line, which may hold a secret.
  const text = sanitizeServerText(message)
  return text === '' || text.startsWith('Command failed') ? '' : ` (${text})`
}

function requestId(raw: RawError): { requestId?: string } {
  const id = raw.$metadata?.requestId
  return id === undefined ? {} : { requestId: sanitizeServerText(id) }
}

/** Never the SDK's own error: AWS's answer to a wrong signature repeats the signed headers, the session token among them. */
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
