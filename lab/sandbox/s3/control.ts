// S3 Control, the API for accounts and access points. The sandbox authorizes its requests, and implements
// none of them.

import { AwsError, denyAccess } from '../protocol/aws-error.ts'
import type { ServiceReply } from '../protocol/service.ts'
import type { S3Call } from './call.ts'

export const controlPrefix = '/v20180820/'

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_AWS_S3_Control.html
const actions: [method: string, path: RegExp, action: string][] = [
  ['PUT', /^accesspoint\/[^/]+$/, 'CreateAccessPoint'],
  ['DELETE', /^accesspoint\/[^/]+$/, 'DeleteAccessPoint'],
  ['PUT', /^accesspoint\/[^/]+\/policy$/, 'PutAccessPointPolicy'],
  ['DELETE', /^accesspoint\/[^/]+\/policy$/, 'DeleteAccessPointPolicy'],
  ['GET', /^accesspoint$/, 'ListAccessPoints'],
  ['PUT', /^configuration\/publicAccessBlock$/, 'PutAccountPublicAccessBlock'],
  ['DELETE', /^configuration\/publicAccessBlock$/, 'PutAccountPublicAccessBlock'],
  ['GET', /^configuration\/publicAccessBlock$/, 'GetAccountPublicAccessBlock'],
  ['POST', /^jobs$/, 'CreateJob'],
]

export async function serveControl(call: S3Call): Promise<ServiceReply> {
  const path = call.request.path.slice(controlPrefix.length)
  const { accountId } = call.request.principal
  const owner = call.header('x-amz-account-id')
  if (accountId === null || owner === null || owner !== accountId) throw denyAccess()
  const action = actions.find(
    ([method, pattern]) => method === call.request.method && pattern.test(path),
  )?.[2]
  if (action === undefined)
    throw new AwsError(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.')
  const name = /^accesspoint\/([^/]+)/.exec(path)?.[1]
  const resource =
    name === undefined
      ? '*'
      : `arn:aws:s3:${call.request.signature.region ?? 'us-east-1'}:${owner}:accesspoint/${name}`
  const decision = await call.stores.host.authorize(call.request, {
    action: `s3:${action}`,
    resource,
    resourceAccountId: owner,
    resourcePolicy: null,
  })
  if (!decision.allowed) throw denyAccess()
  throw new AwsError(
    501,
    'NotImplemented',
    'A header you provided implies functionality that is not implemented',
    { fields: { Header: action } },
  )
}
