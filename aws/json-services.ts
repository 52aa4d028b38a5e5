// The port on AWS services that speak JSON and of which a reading or two is needed: requests signed by the SDK's own signer,
// without a client package for each, which weigh megabytes.
import { setTimeout as wait } from 'node:timers/promises'
import { fromNodeProviderChain } from '@aws-sdk/credential-providers'
import { SignatureV4 } from '@smithy/signature-v4'
import { HoldfastError } from '../core/errors.ts'
import { retryAfterDelay, serviceCallRetry } from '../core/retry.ts'
import { translateError } from './error-translation.ts'
import { RequestHash } from './request-hash.ts'
import type { ServiceSettings } from './service-settings.ts'

export interface JsonRequest {
  /** As in a host's name, which is what the signature is for too: `rbin`. */
  service: string
  region: string
  method: 'GET' | 'POST'
  path: string
  query?: Record<string, string>
  /** Of services that take every call at one address: which one, and in which version of AWS's JSON. */
  target?: { name: string; version: '1.0' | '1.1' }
  body?: Record<string, unknown>
}

const deadlineMs = 30_000
const longestAnswerBytes = 8 * 1024 * 1024
const regionPattern = /^[a-z]{2}(?:-[a-z]{2,16}){1,3}-\d{1,2}$/

export class JsonServices {
  private readonly settings: ServiceSettings
  private readonly credentials: NonNullable<ServiceSettings['credentials']>

  constructor(settings: ServiceSettings = {}) {
    this.settings = settings
    this.credentials = settings.credentials ?? fromNodeProviderChain()
  }

  /** The answer as it was sent: any JSON. @throws `denied`, `not-found`, `credentials`, `throttled`, `unreachable`, `invalid-input`. */
  async ask(what: string, request: JsonRequest): Promise<unknown> {
    assertRegion(request.region)
    const { signal } = this.settings
    const sleep = (ms: number): Promise<void> => wait(ms, undefined, signal === undefined ? {} : { signal })
    return retryAfterDelay(serviceCallRetry, { random: Math.random, sleep }, () =>
      this.askOnce(what, request).catch((error: unknown) => {
        signal?.throwIfAborted()
        throw translateError(error, what)
      }),
    )
  }

  private async askOnce(
    what: string,
    { service, region, method, path, query = {}, target, body }: JsonRequest,
  ): Promise<unknown> {
    const url = new URL(
      path,
      this.settings.endpoint ??
        `https://${service}.${region}.${region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'}`,
    )
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = {
      host: url.host,
      'content-type': target === undefined ? 'application/json' : `application/x-amz-json-${target.version}`,
      ...(target === undefined ? {} : { 'x-amz-target': target.name }),
    }
    const signer = new SignatureV4({
      credentials: await this.credentials(),
      region,
      service,
      sha256: RequestHash,
    })
    const signed = await signer.sign({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query,
      headers,
      body: text,
    })
    // As the signer encodes it: a space is %20 there, and not a plus.
    url.search = Object.entries(query)
      .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
      .join('&')
    const { host: _host, ...sent } = signed.headers
    const deadline = AbortSignal.timeout(deadlineMs)
    const response = await fetch(url, {
      method,
      headers: sent,
      ...(method === 'GET' ? {} : { body: text }),
      redirect: 'manual',
      signal:
        this.settings.signal === undefined ? deadline : AbortSignal.any([deadline, this.settings.signal]),
    })
    const answer = parse(await readBounded(response, what))
    if (response.ok && answer !== undefined) return answer
    throw errorOf(response, answer)
  }
}

/** A region's name becomes part of a host's. @throws `invalid-input`. */
export function assertRegion(region: string): void {
  if (regionPattern.test(region)) return
  throw new HoldfastError(
    'invalid-input',
    `${JSON.stringify(region.slice(0, 40))} is not the name of a region`,
    { hint: 'name one as AWS does: eu-central-1' },
  )
}

async function readBounded(response: Response, what: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length
    if (bytes > longestAnswerBytes)
      throw new HoldfastError('unreachable', `${what} failed: the answer is longer than any that AWS gives`, {
        hint: 'check the endpoint',
      })
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** In the form in which the SDK throws: AWS names the error in a header or in the body, with its namespace or a link. */
function errorOf(response: Response, answer: unknown): unknown {
  if (response.status >= 300 && response.status < 400) return { $metadata: { httpStatusCode: 502 } }
  const said = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>
  const type = response.headers.get('x-amzn-errortype') ?? said['__type'] ?? said['code']
  const name = typeof type === 'string' ? type.split(':')[0]!.split('#').at(-1)! : 'unknown'
  const message = said['message'] ?? said['Message']
  return {
    name,
    message: typeof message === 'string' ? message : '',
    $metadata: { httpStatusCode: response.status },
  }
}
