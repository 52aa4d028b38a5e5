// One signed request to S3's API for accounts (access points, batch jobs, the account's own settings).
import { createHash } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import { RequestHash } from '../../../aws/request-hash.ts'
import type { Credentials } from '../../sandbox/identity/credentials.ts'
import type { CloudAccess } from '../sessions.ts'

/** Rejects as the SDK would, with the error's code as its name. */
export type AccountCall = (method: string, path: string, accountId: string, body?: string) => Promise<void>

export function connectAccount(
  { endpoint, region, clockOffsetMs = 0 }: CloudAccess,
  credentials: Credentials | null,
): AccountCall {
  const { hostname, port, host } = new URL(endpoint)
  return async (method, path, accountId, body = '') => {
    const headers = {
      host,
      'x-amz-account-id': accountId,
      'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
    }
    const request = {
      method,
      protocol: 'http:',
      hostname,
      port: Number(port),
      path,
      query: {},
      headers,
      body,
    }
    const signed = credentials === null ? request : await sign(credentials, region, request, clockOffsetMs)
    const { host: _host, ...sent } = signed.headers
    const response = await fetch(`${endpoint}${path}`, {
      method,
      headers: sent,
      ...(body === '' ? {} : { body }),
    })
    const text = await response.text()
    if (response.ok) return
    throw Object.assign(new Error(text.slice(0, 200)), {
      name: /<Code>([A-Za-z.]{1,64})<\/Code>/.exec(text)?.[1] ?? 'unknown',
      $metadata: {
        httpStatusCode: response.status,
        requestId: response.headers.get('x-amz-request-id') ?? undefined,
      },
    })
  }
}

function sign(
  { accessKeyId, secretAccessKey, sessionToken }: Credentials,
  region: string,
  request: Parameters<SignatureV4['sign']>[0],
  clockOffsetMs: number,
) {
  const signer = new SignatureV4({
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) },
    region,
    service: 's3',
    sha256: RequestHash,
    uriEscapePath: false,
  })
  return signer.sign(request, { signingDate: new Date(Date.now() + clockOffsetMs) })
}
