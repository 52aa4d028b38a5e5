// The part of EC2 that keeps and deletes data: volumes and snapshots, over the query protocol.

import { AwsError } from '../protocol/aws-error.ts'
import type { Service, ServiceHost, ServiceReply, ServiceRequest } from '../protocol/service.ts'
import { renderXml } from '../protocol/xml.ts'
import type { XmlElement } from '../protocol/xml.ts'
import { Ec2Call } from './call.ts'
import { parseForm } from './form.ts'
import { ec2Operations } from './operations.ts'
import { StorageStore } from './volumes.ts'

const namespace = 'http://ec2.amazonaws.com/doc/2016-11-15/'
const maxFormBytes = 1024 * 1024

export function createEc2Service(host: ServiceHost): Service {
  const store = new StorageStore(host.database, host.directory)
  return { name: 'ec2', handle: (request) => handle(host, store, request), renderError }
}

async function handle(
  host: ServiceHost,
  store: StorageStore,
  request: ServiceRequest,
): Promise<ServiceReply> {
  let operation = ''
  try {
    if (request.principal.kind === 'anonymous')
      throw new AwsError(403, 'MissingAuthenticationToken', 'Request is missing Authentication Token')
    const payload =
      request.method === 'GET' ? request.query : (await request.body.read(maxFormBytes)).toString('utf8')
    const form = parseForm(payload)
    const action = form.get('Action') ?? ''
    const run = Object.hasOwn(ec2Operations, action) ? ec2Operations[action] : undefined
    if (run === undefined)
      throw new AwsError(
        400,
        action === '' ? 'MissingAction' : 'InvalidAction',
        `The action ${action.slice(0, 64)} is not valid for this web service.`,
      )
    operation = action
    const content = await run(new Ec2Call(host, store, request, form))
    return xml(200, renderXml(`${action}Response`, namespace, [['requestId', request.id], ...content]), {
      operation,
    })
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    return { ...renderError(error, request), operation }
  }
}

// Errors of the signature come with S3's codes. EC2 has codes of its own for them.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
const ec2Codes: Record<string, [status: number, code: string]> = {
  InvalidAccessKeyId: [401, 'AuthFailure'],
  SignatureDoesNotMatch: [401, 'AuthFailure'],
  InvalidToken: [401, 'AuthFailure'],
  RequestTimeTooSkewed: [400, 'RequestExpired'],
  ExpiredToken: [400, 'RequestExpired'],
  AccessDenied: [403, 'UnauthorizedOperation'],
  AuthorizationHeaderMalformed: [400, 'IncompleteSignature'],
  SlowDown: [503, 'RequestLimitExceeded'],
  TooManyRequests: [503, 'RequestLimitExceeded'],
}

function renderError(error: AwsError, request: Pick<ServiceRequest, 'id'>): ServiceReply {
  const [status, code] = ec2Codes[error.code] ?? [error.status, error.code]
  const fault: XmlElement = [
    'Errors',
    [
      [
        'Error',
        [
          ['Code', code],
          ['Message', error.message],
        ],
      ],
    ],
  ]
  return xml(status, renderXml('Response', null, [fault, ['RequestID', request.id]]), { errorCode: code })
}

function xml(status: number, body: string, fields: Partial<ServiceReply>): ServiceReply {
  return { status, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body, ...fields }
}
