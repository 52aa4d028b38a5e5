import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../../core/errors.ts'
import { translateError } from '../../aws/error-translation.ts'

function awsError(name: string, status?: number, fields: object = {}): Error {
  return Object.assign(
    new Error('as AWS says'),
    { name, $metadata: status === undefined ? {} : { httpStatusCode: status } },
    fields,
  )
}

function networkError(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code })
}

describe('an error of AWS', () => {
  test.each([
    ['AccessDenied', 403, 'denied', false],
    ['AccessDeniedException', 403, 'denied', false],
    ['NoSuchBucket', 404, 'not-found', false],
    ['NoSuchKey', 404, 'not-found', false],
    ['NoSuchVersion', 404, 'not-found', false],
    ['NotFound', 404, 'not-found', false],
    ['ResourceNotFoundException', 400, 'not-found', false],
    ['InvalidSignatureException', 400, 'credentials', false],
    ['SubscriptionRequiredException', 400, 'credentials', false],
    ['MethodNotAllowed', 405, 'not-found', false],
    ['ExpiredToken', 400, 'credentials', false],
    ['ExpiredTokenException', 400, 'credentials', false],
    ['InvalidAccessKeyId', 403, 'credentials', false],
    ['InvalidClientTokenId', 403, 'credentials', false],
    ['XAdminUserNotFound', 404, 'credentials', false],
    ['SignatureDoesNotMatch', 403, 'credentials', false],
    ['RequestTimeTooSkewed', 403, 'credentials', false],
    ['CredentialsProviderError', undefined, 'credentials', false],
    ['PreconditionFailed', 412, 'conflict', false],
    ['ConditionalRequestConflict', 409, 'throttled', true],
    ['OperationAborted', 409, 'throttled', true],
    ['SlowDown', 503, 'throttled', true],
    ['ServiceUnavailable', 503, 'throttled', true],
    ['TooManyRequestsException', 429, 'throttled', true],
    ['InternalError', 500, 'unreachable', true],
    ['RequestTimeout', 400, 'unreachable', true],
    ['BadDigest', 400, 'unreachable', true],
    ['TimeoutError', undefined, 'unreachable', true],
    ['PermanentRedirect', 301, 'invalid-input', false],
    ['InvalidRange', 416, 'damaged', false],
    ['SomethingNew', 400, 'internal', false],
    ['SomethingNew', 403, 'denied', false],
    ['SomethingNew', 404, 'not-found', false],
    ['SomethingNew', 418, 'internal', false],
    ['SomethingNew', 503, 'throttled', true],
    ['SomethingNew', 507, 'unreachable', true],
    ['NotImplemented', 501, 'vault-unsafe', false],
    ['SomethingNew', 501, 'vault-unsafe', false],
    ['__proto__', 400, 'internal', false],
    ['SyntaxError', 200, 'unreachable', true],
  ])('%s with status %s is `%s`', (name, status, code, retryable) => {
    const error = translateError(awsError(name, status), 'reading s3://vault/key')
    expect({ code: error.code, retryable: error.retryable }).toEqual({ code, retryable })
    expect(error.message).toMatch(/^reading s3:\/\/vault\/key failed: /)
  })

  test.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'UND_ERR_SOCKET',
    'HPE_INVALID_CONSTANT',
    'Z_DATA_ERROR',
  ])('%s is `unreachable`, and retryable', (code) => {
    const error = translateError(networkError(code), 'reading')
    expect([error.code, error.retryable]).toEqual(['unreachable', true])
    expect(error.hint).toBeDefined()
  })

  test.each([
    ['Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests', 'vault-unsafe'],
    ['the request is wrong', 'internal'],
  ])('a store that refuses the checksum of an upload lacks something: %s', (message, code) => {
    const error = translateError(awsError('InvalidRequest', 400, { message }), 'writing')
    expect([error.code, error.retryable]).toEqual([code, false])
    expect(error.message).toContain(message)
  })

  test('a refusal without a message is quoted without the words of the SDK', () => {
    const error = translateError(awsError('AccessDenied', 403, { message: 'UnknownError' }), 'reading')
    expect(error.message).toBe('reading failed: access denied')
  })

  test('a network error is found inside the errors that wrap it', () => {
    const both = new AggregateError([networkError('ECONNREFUSED'), networkError('ECONNREFUSED')])
    expect(translateError(both, 'reading').code).toBe('unreachable')
    expect(translateError(new Error('wrapped', { cause: networkError('ENOTFOUND') }), 'reading').code).toBe(
      'unreachable',
    )
  })

  test('an untrusted certificate is not retryable', () => {
    const error = translateError(networkError('DEPTH_ZERO_SELF_SIGNED_CERT'), 'reading')
    expect([error.code, error.retryable]).toEqual(['unreachable', false])
    expect(error.hint).toContain('AWS_CA_BUNDLE')
  })

  test('every code of credentials has a hint', () => {
    const names = [
      'ExpiredToken',
      'InvalidAccessKeyId',
      'SignatureDoesNotMatch',
      'RequestTimeTooSkewed',
      'CredentialsProviderError',
    ]
    const hints = names.map((name) => translateError(awsError(name, 403), 'reading').hint)
    expect(hints.every((hint) => hint !== undefined && hint.length > 10)).toBe(true)
    expect(new Set(hints).size).toBe(names.length)
  })

  test('an error is retryable after the SDK corrected its clock', () => {
    const error = awsError('RequestTimeTooSkewed', 403)
    Object.assign(error, { $metadata: { httpStatusCode: 403, clockSkewCorrected: true } })
    expect(translateError(error, 'writing')).toMatchObject({ code: 'credentials', retryable: true })
  })

  test('a version id that AWS never issued is `not-found`', () => {
    const error = Object.assign(awsError('InvalidArgument', 400), { message: 'Invalid version id specified' })
    expect(translateError(error, 'reading').code).toBe('not-found')
    expect(translateError(awsError('InvalidArgument', 400), 'reading').code).toBe('internal')
  })

  test("the hint names the bucket's region, unless its name is forged", () => {
    const moved = (region: string) =>
      translateError(
        awsError('PermanentRedirect', 301, { $response: { headers: { 'x-amz-bucket-region': region } } }),
        'reading',
      )
    expect(moved('eu-central-1').hint).toBe('pass --region eu-central-1')
    expect(moved('x; rm -rf /').hint).not.toContain('rm')
  })

  test('a HoldfastError is returned unchanged', () => {
    const error = new HoldfastError('denied', 'no')
    expect(translateError(error, 'reading')).toBe(error)
  })

  test.each([[undefined], [null], ['text'], [42], [{}], [{ name: 7, message: {}, code: 9 }]])(
    '%j thrown is `internal`',
    (thrown) => {
      expect(translateError(thrown, 'reading').code).toBe('internal')
    },
  )
})

describe('secrets and control characters', () => {
  test('the error of a wrong signature shows neither the session token nor the canonical request', () => {
    const secret = 'FwoGZXIvYXdzEXAMPLETOKEN'
    const error = awsError('SignatureDoesNotMatch', 403, {
      message: `CanonicalRequest: x-amz-security-token:${secret}`,
      CanonicalRequest: `x-amz-security-token:${secret}`,
      StringToSign: secret,
      $response: { statusCode: 403, headers: { 'x-amz-security-token': secret } },
    })
    const translated = translateError(error, 'writing')
    expect(inspect(translated, { depth: null })).not.toContain(secret)
    expect(inspect(translated.cause, { depth: null })).not.toContain('StringToSign')
  })

  test('the command line of a failed credential process is not shown', () => {
    const error = Object.assign(awsError('CredentialsProviderError'), {
      message: 'Command failed: /opt/login --password hunter2',
    })
    expect(inspect(translateError(error, 'loading'), { depth: null })).not.toContain('hunter2')
  })

  test('control and direction characters of a server are not in the message', () => {
    const error = Object.assign(awsError('AccessDenied', 403), {
      message: '\u001b]0;owned\u0007 no\r\n\u202Eanswer \u009b31m',
    })
    const translated = translateError(error, 'reading')
    expect(translated.message).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(translated.message).toContain('no answer')
  })

  test('a message that is too long is cut', () => {
    const error = Object.assign(awsError('AccessDenied', 403), { message: 'a'.repeat(1_000_000) })
    expect(translateError(error, 'reading').message.length).toBeLessThan(500)
  })
})
