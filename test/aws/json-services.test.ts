import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { assertRegion, JsonServices } from '../../aws/json-services.ts'
import type { JsonRequest } from '../../aws/json-services.ts'
import { startScriptedServer } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

const open: { stop(): unknown }[] = []
afterEach(() => Promise.all(open.splice(0).map((server) => server.stop())))

const request: JsonRequest = {
  service: 'backup',
  region: 'eu-central-1',
  method: 'GET',
  path: '/backup-vaults/',
}

async function serve(
  script: Script,
  signal?: AbortSignal,
): Promise<{ services: JsonServices; server: ScriptedServer }> {
  const server = await startScriptedServer(script)
  open.push(server)
  const credentials = (): Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken: string }> =>
    Promise.resolve({ accessKeyId: 'AKID', secretAccessKey: 'hidden', sessionToken: 'session' })
  return {
    services: new JsonServices({
      endpoint: server.endpoint,
      credentials,
      ...(signal === undefined ? {} : { signal }),
    }),
    server,
  }
}

describe('a request', () => {
  test('is signed for its service and region, and names its operation', async () => {
    const { services, server } = await serve((_, response) => response.end('{"a":1}'))
    expect(
      await services.ask('asking', {
        ...request,
        service: 'dynamodb',
        method: 'POST',
        path: '/',
        target: { name: 'DynamoDB_20120810.ListTables', version: '1.0' },
        body: { Limit: 2 },
      }),
    ).toEqual({ a: 1 })
    const [{ headers, method, body }] = server.requests as [(typeof server.requests)[0]]
    expect({ method, body: body.toString() }).toEqual({ method: 'POST', body: '{"Limit":2}' })
    expect(headers).toMatchObject({
      'x-amz-target': 'DynamoDB_20120810.ListTables',
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-security-token': 'session',
    })
    expect(headers['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-central-1\/dynamodb\/aws4_request, SignedHeaders=.*host.*x-amz-target, Signature=[0-9a-f]{64}$/,
    )
    expect(JSON.stringify(headers)).not.toContain('hidden')
  })

  test('sends the query that it signed', async () => {
    const { services, server } = await serve((_, response) => response.end('{}'))
    await services.ask('asking', { ...request, query: { nextToken: 'a b+c/d=&e' } })
    expect(server.requests[0]!.url.search).toBe('?nextToken=a%20b%2Bc%2Fd%3D%26e')
  })
})

describe('a response', () => {
  test.each<[string, { status: number; headers?: Record<string, string>; body: string }, string]>([
    [
      'AccessDeniedException in the body',
      { status: 400, body: '{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}' },
      'denied',
    ],
    [
      'AccessDeniedException in a header',
      {
        status: 403,
        headers: { 'x-amzn-errortype': 'AccessDeniedException:http://internal.amazon.com/' },
        body: '{"message":"no"}',
      },
      'denied',
    ],
    ['a status alone', { status: 403, body: '<html>' }, 'denied'],
    ['an unknown key', { status: 400, body: '{"__type":"UnrecognizedClientException"}' }, 'credentials'],
    ['ThrottlingException', { status: 400, body: '{"__type":"ThrottlingException"}' }, 'throttled'],
    ['no JSON', { status: 200, body: '{"a":' }, 'unreachable'],
    ['nothing', { status: 200, body: '' }, 'unreachable'],
    ['another place', { status: 307, headers: { location: 'http://127.0.0.1:1/' }, body: '' }, 'unreachable'],
    ['an error of another shape', { status: 400, body: '[{"__type":{}}]' }, 'internal'],
  ])('with %s is a HoldfastError', async (_name, { status, headers, body }, code) => {
    const { services } = await serve((_, response) => response.writeHead(status, headers).end(body))
    await expect(services.ask('asking the vaults', request)).rejects.toMatchObject({
      name: 'HoldfastError',
      code,
      message: expect.stringMatching(/^asking the vaults failed/) as string,
    })
  })

  test('with a retryable error is requested three times in all', async () => {
    const { services, server } = await serve((_, response, index) =>
      index < 2 ? response.writeHead(503).end() : response.end('[]'),
    )
    expect(await services.ask('asking', request)).toEqual([])
    expect(server.requests).toHaveLength(3)
    const always = await serve((_, response) => response.writeHead(500).end())
    await expect(always.services.ask('asking', request)).rejects.toMatchObject({ code: 'unreachable' })
    expect(always.server.requests).toHaveLength(3)
  })

  const dateOf = (text: unknown): number =>
    Date.parse(String(text).replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))

  test("that refuses the date corrects this machine's clock, once, and for later requests too", async () => {
    const serverMs = Date.now() - 3 * 86_400_000
    const { services, server } = await serve(({ headers }, response) => {
      response.setHeader('date', new Date(serverMs).toUTCString())
      if (Math.abs(dateOf(headers['x-amz-date']) - serverMs) < 900_000) return response.end('[]')
      return response.writeHead(400).end('{"__type":"InvalidSignatureException"}')
    })
    expect(await services.ask('asking', request)).toEqual([])
    expect(await services.ask('asking', request)).toEqual([])
    expect(server.requests).toHaveLength(3)
  })

  test('with another date each time is not followed for ever', async () => {
    const { services, server } = await serve((_, response, index) =>
      response
        .writeHead(403, { date: new Date(index * 86_400_000).toUTCString() })
        .end('{"__type":"AccessDeniedException"}'),
    )
    await expect(services.ask('asking', request)).rejects.toMatchObject({ code: 'denied' })
    expect(server.requests).toHaveLength(2)
  })

  test('without end is an error', async () => {
    const { services } = await serve((_, response) => {
      const chunk = Buffer.alloc(1024 * 1024, ' ')
      const sendMore = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', sendMore)
      }
      sendMore()
    })
    await expect(services.ask('asking', request)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('longer than any') as string,
    })
  })

  test('ends with the reason of the signal that stopped it', async () => {
    const stop = new AbortController()
    const { services } = await serve(() => stop.abort(new Error('stopped')), stop.signal)
    await expect(services.ask('asking', request)).rejects.toThrow('stopped')
  })
})

describe('a region', () => {
  test.each(['eu-central-1', 'us-gov-west-1', 'ap-southeast-12', 'cn-north-1'])('may be %s', (name) => {
    expect(() => assertRegion(name)).not.toThrow()
  })

  test('with a name that could lead to another host is refused', async () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => assertRegion(`eu-west-1${text}x/`)).toThrow('is not the name of a region')
      }),
    )
    const { services, server } = await serve((_, response) => response.end('{}'))
    await expect(services.ask('asking', { ...request, region: 'x.evil.example/' })).rejects.toMatchObject({
      code: 'invalid-input',
    })
    expect(server.requests).toEqual([])
  })
})
