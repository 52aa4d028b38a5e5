// Replies and errors of the query protocol, as XML.

import { AwsError } from '../protocol/aws-error.ts'
import type { Service, ServiceReply } from '../protocol/service.ts'
import { renderXml } from '../protocol/xml.ts'
import type { XmlElement } from '../protocol/xml.ts'

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/'

export function renderResult(operation: string, requestId: string, result: XmlElement[]): ServiceReply {
  const body = renderXml(`${operation}Response`, namespace, [
    [`${operation}Result`, result],
    ['ResponseMetadata', [['RequestId', requestId]]],
  ])
  return { status: 200, headers: { 'content-type': 'text/xml' }, body, operation }
}

// The gateway throws S3's codes; these are STS's.
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
const stsErrors: Record<string, { code: string; status: number; message?: string }> = {
  InvalidAccessKeyId: {
    code: 'InvalidClientTokenId',
    status: 403,
    message: 'The security token included in the request is invalid.',
  },
  InvalidToken: {
    code: 'InvalidClientTokenId',
    status: 403,
    message: 'The security token included in the request is invalid.',
  },
  SignatureDoesNotMatch: { code: 'SignatureDoesNotMatch', status: 403 },
  RequestTimeTooSkewed: {
    code: 'SignatureDoesNotMatch',
    status: 403,
    message: 'Signature expired: the time of the request is too far from the current time.',
  },
  AuthorizationHeaderMalformed: { code: 'IncompleteSignature', status: 400 },
  AuthorizationQueryParametersError: { code: 'IncompleteSignature', status: 400 },
  ExpiredToken: {
    code: 'ExpiredToken',
    status: 403,
    message: 'The security token included in the request is expired',
  },
  InvalidURI: { code: 'MalformedQueryString', status: 400 },
  InternalError: { code: 'InternalFailure', status: 500 },
  SlowDown: { code: 'Throttling', status: 400, message: 'Rate exceeded' },
  TooManyRequests: { code: 'Throttling', status: 400, message: 'Rate exceeded' },
  EntityTooLarge: { code: 'RequestEntityTooLarge', status: 413 },
}

export const renderError: Service['renderError'] = (error, { id }) => {
  const stsError = Object.hasOwn(stsErrors, error.code) ? stsErrors[error.code] : undefined
  const status = stsError?.status ?? error.status
  const body = renderXml('ErrorResponse', namespace, [
    [
      'Error',
      [
        ['Type', status >= 500 ? 'Receiver' : 'Sender'],
        ['Code', stsError?.code ?? error.code],
        ['Message', stsError?.message ?? error.message],
      ],
    ],
    ['RequestId', id],
  ])
  return { status, headers: { 'content-type': 'text/xml' }, body, errorCode: stsError?.code ?? error.code }
}

export function denySts(message: string): AwsError {
  return new AwsError(403, 'AccessDenied', message)
}
