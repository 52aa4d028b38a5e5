// Calls AWS services that speak JSON and of which we need only one or two reads. The SDK's signer signs the requests;
// we use no client packages, because each weighs megabytes.
import { setTimeout as wait } from 'node:timers/promises'
import type { Readable } from 'node:stream'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { SignatureV4 } from '@smithy/signature-v4'
import { HoldfastError } from '../core/errors.ts'
import { retryAfterDelay, serviceCallRetry } from '../core/retry.ts'
import { credentialChain, serviceRequestHandler } from './credential-chain.ts'
import { translateError } from './error-translation.ts'
import { RequestHash } from './request-hash.ts'
import type { ServiceSettings } from './service-settings.ts'

export interface JsonRequest {
  /** The service's name in its host and in the signature: `rbin`. */
  service: string
  region: string
  method: 'GET' | 'POST'
  path: string
  query?: Record<string, string>
  /** The operation and the version of AWS's JSON protocol, for services with one address for all calls. */
  target?: { name: string; version: '1.0' | '1.1' }
  body?: Record<string, unknown>
}

type SentRequest = Parameters<NodeHttpHandler['handle']>[0]
type ReceivedResponse = Awaited<ReturnType<NodeHttpHandler['handle']>>['response']

const deadlineMs = 30_000
const maxResponseBytes = 8 * 1024 * 1024
/** A server refuses a request whose date is 15 minutes off. The SDK corrects its clock from 5 minutes on. */
const maxClockSkewMs = 5 * 60_000
const regionPattern = /^[a-z]{2}(?:-[a-z]{2,16}){1,3}-\d{1,2}$/

export class JsonServices {
  private readonly settings: ServiceSettings
  private readonly handler: NodeHttpHandler
  private readonly credentials: NonNullable<ServiceSettings['credentials']>
  /** The server's clock minus this machine's, as a refused request showed it. */
  private clockOffsetMs = 0

  constructor(settings: ServiceSettings = {}) {
    this.settings = settings
    const { environment = process.env } = settings
    this.credentials = settings.credentials ?? credentialChain({}, environment)
    this.handler = new NodeHttpHandler(serviceRequestHandler(environment))
  }

  /**
   * The response's body: any JSON.
   * @param operation names the call in an error.
   * @throws `denied`, `not-found`, `credentials`, `throttled`, `unreachable`, `invalid-input`.
   */
  async ask(operation: string, request: JsonRequest): Promise<unknown> {
    assertRegion(request.region)
    const { signal } = this.settings
    const sleep = (ms: number): Promise<void> => wait(ms, undefined, signal === undefined ? {} : { signal })
    return retryAfterDelay(serviceCallRetry, { random: Math.random, sleep }, () =>
      this.askOnce(operation, request).catch((error: unknown) => {
        signal?.throwIfAborted()
        throw translateError(error, operation)
      }),
    )
  }

  private async askOnce(operation: string, request: JsonRequest): Promise<unknown> {
    let response = await this.send(request)
    if (response.statusCode >= 400 && this.correctClock(response)) {
      // The body of an error is short, and its connection can be used again only after it was read.
      await readBounded(response, operation)
      response = await this.send(request)
    }
    const value = parse(await readBounded(response, operation))
    if (response.statusCode < 300 && value !== undefined) return value
    throw errorOf(response, value)
  }

  /** True if the response has shown that this machine's clock is wrong: as the SDK does. */
  private correctClock({ headers }: ReceivedResponse): boolean {
    const serverMs = Date.parse(headers['date'] ?? '')
    const offsetMs = serverMs - Date.now()
    if (Number.isNaN(offsetMs) || Math.abs(offsetMs - this.clockOffsetMs) < maxClockSkewMs) return false
    this.clockOffsetMs = offsetMs
    return true
  }

  private async send({
    service,
    region,
    method,
    path,
    query = {},
    target,
    body,
  }: JsonRequest): Promise<ReceivedResponse> {
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
    const signed = await signer.sign(
      {
        method,
        protocol: url.protocol,
        hostname: url.hostname,
        ...(url.port === '' ? {} : { port: Number(url.port) }),
        path: url.pathname,
        query,
        headers,
        ...(method === 'GET' ? {} : { body: text }),
      },
      { signingDate: new Date(Date.now() + this.clockOffsetMs) },
    )
    const deadline = AbortSignal.timeout(deadlineMs)
    const { response } = await this.handler.handle(signed as SentRequest, {
      abortSignal:
        this.settings.signal === undefined ? deadline : AbortSignal.any([deadline, this.settings.signal]),
    })
    return response
  }
}

/** Checks a region's name, because it becomes part of a host's name. @throws `invalid-input`. */
export function assertRegion(region: string): void {
  if (regionPattern.test(region)) return
  throw new HoldfastError(
    'invalid-input',
    `${JSON.stringify(region.slice(0, 40))} is not the name of a region`,
    { hint: 'pass --region with a name of AWS, e.g. eu-central-1' },
  )
}

async function readBounded(response: ReceivedResponse, operation: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body as Readable) {
    bytes += (chunk as Uint8Array).length
    if (bytes > maxResponseBytes)
      throw new HoldfastError(
        'unreachable',
        `${operation} failed: the response is longer than any response of AWS`,
        {
          hint: 'check that the endpoint belongs to AWS',
        },
      )
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

/**
 * An error in the form that the SDK throws. AWS puts its name in a header or in the body, with a namespace or a link.
 */
function errorOf(response: ReceivedResponse, body: unknown): unknown {
  if (response.statusCode >= 300 && response.statusCode < 400) return { $metadata: { httpStatusCode: 502 } }
  const fields = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const type = response.headers['x-amzn-errortype'] ?? fields['__type'] ?? fields['code']
  const name = typeof type === 'string' ? type.split(':')[0]!.split('#').at(-1)! : 'unknown'
  const message = fields['message'] ?? fields['Message']
  return {
    name,
    message: typeof message === 'string' ? message : '',
    $metadata: { httpStatusCode: response.statusCode },
  }
}
