// Keys that a request of any service has.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html

import type { ConditionContext } from '../authorization/access.ts'
import type { CloudDeclaration } from '../declaration.ts'
import type { AccessQuestion, ServiceRequest } from '../protocol/service.ts'

export function globalKeys(
  request: ServiceRequest,
  question: AccessQuestion,
  declaration: CloudDeclaration,
): ConditionContext {
  const { headers, signature } = request
  return {
    'aws:SecureTransport': String(request.secureTransport),
    'aws:SourceIp': request.sourceIp,
    'aws:CurrentTime': new Date(request.nowMs).toISOString(),
    'aws:EpochTime': String(Math.floor(request.nowMs / 1000)),
    'aws:ViaAWSService': 'false',
    'aws:ResourceAccount': question.resourceAccountId,
    ...(headers['user-agent'] === undefined ? {} : { 'aws:UserAgent': headers['user-agent'] }),
    ...(headers.referer === undefined ? {} : { 'aws:Referer': headers.referer }),
    ...(signature.region === null ? {} : { 'aws:RequestedRegion': signature.region }),
    ...(declaration.organizationId === null ? {} : { 'aws:ResourceOrgID': declaration.organizationId }),
  }
}

/** Keys that always have a value on AWS, for a request that no service filled in. */
export function timeAndRegionKeys(nowMs: number, region: string): ConditionContext {
  // A proof asks hundreds of thousands of questions about one moment.
  if (nowMs !== latest.nowMs)
    latest = {
      nowMs,
      time: {
        'aws:CurrentTime': new Date(nowMs).toISOString(),
        'aws:EpochTime': String(Math.floor(nowMs / 1000)),
      },
    }
  return { ...latest.time, 'aws:RequestedRegion': region }
}

let latest: { nowMs: number; time: ConditionContext } = { nowMs: Number.NaN, time: {} }

/** Keys of a question without an HTTP request: a caller on this machine, over TLS. */
export const localCallerKeys: ConditionContext = {
  'aws:SecureTransport': 'true',
  'aws:SourceIp': '127.0.0.1',
}
