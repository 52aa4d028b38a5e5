import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createServer } from 'node:https'
import { readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { agentSettings } from '../../aws/http-agents.ts'
import { JsonServices } from '../../aws/json-services.ts'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
import type { S3ObjectStore } from '../../aws/s3-object-store.ts'
import { SessionService } from '../../aws/session-service.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'
import { startForwardProxy } from './forward-proxy.ts'
import { sendXml, startScriptedServer } from './scripted-server.ts'
import { body, ref, sendRange, serve, sha256 } from './scripted-store.ts'

const date = new Date().toUTCString()
const acknowledge = { 'x-amz-version-id': 'v', date }

describe('a proxy', () => {
  test('takes the requests of a store, and adds nothing to what is signed', async () => {
    const proxy = await startForwardProxy()
    const { store, server } = await serve(
      (request, response) =>
        request.method === 'PUT' ? response.writeHead(200, acknowledge).end() : sendRange(response, 'bytes'),
      { environment: { HTTP_PROXY: proxy.url.replace('://', '://user:p%40ss@') } },
    )
    expect((await store.putIfAbsent('k', body, sha256)).versionId).toBe('v')
    expect(Buffer.from(await store.getRange(ref, 0, 5)).toString()).toBe('bytes')
    expect(proxy.destinations.every((url) => url.startsWith(server.endpoint))).toBe(true)
    expect(proxy.destinations).toHaveLength(2)
    expect(proxy.authorizations[0]).toBe(`Basic ${Buffer.from('user:p@ss').toString('base64')}`)
    expect(server.requests[0]!.body).toEqual(body)
  })

  test.each(['127.0.0.1', '*'])('is not asked for a host of NO_PROXY (%s)', async (exception) => {
    const proxy = await startForwardProxy()
    const { store } = await serve((_, response) => sendRange(response, 'bytes'), {
      environment: { http_proxy: proxy.url, no_proxy: exception },
    })
    await store.getRange(ref, 0, 5)
    expect(proxy.destinations).toEqual([])
  })

  test('takes the requests to STS, and to services without a client', async () => {
    const proxy = await startForwardProxy()
    const environment = { HTTP_PROXY: proxy.url }
    const server = await startScriptedServer((request, response) =>
      request.url.pathname === '/x'
        ? response.end('{"a":1}')
        : sendXml(
            response,
            '<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>',
          ),
    )
    onTestFinished(() => server.stop())
    const credentials = (): Promise<{ accessKeyId: string; secretAccessKey: string }> =>
      Promise.resolve({ accessKeyId: 'AKID', secretAccessKey: 's' })
    const settings = { endpoint: server.endpoint, credentials, environment }
    const sessions = new SessionService(settings)
    expect(await sessions.whoAmI()).toEqual({ arn: 'a', accountId: '1' })
    sessions.close()
    const request = { service: 'rbin', region: 'eu-central-1', method: 'GET', path: '/x' } as const
    expect(await new JsonServices(settings).ask('asking', request)).toEqual({ a: 1 })
    expect(proxy.destinations).toHaveLength(2)
  })

  test.each(['socks5://h:1', 'socks5h://u:hidden@h:1', 'ftp://h', 'http://'])(
    'that is none for HTTP is refused, and its value is not quoted: %s',
    (url) => {
      const refusal = { code: 'invalid-input', message: expect.not.stringContaining('hidden') as string }
      expect(() => agentSettings({ https_proxy: url })).toThrow(expect.objectContaining(refusal) as Error)
    },
  )

  test('may be named without `http://`, and in lower case, which wins', () => {
    expect(agentSettings({ HTTPS_PROXY: 'http://a', https_proxy: 'b:3128' }).https.proxyEnv).toEqual({
      HTTPS_PROXY: 'http://b:3128',
    })
    expect(agentSettings({ HTTPS_PROXY: '' }).https.proxyEnv).toEqual({})
  })
})

test('an upload over a slow link is acknowledged, although nothing moves while the system drains its buffers', async () => {
  const bytes = Buffer.alloc(1024 * 1024, 'b')
  const digest = createHash('sha256').update(bytes).digest('hex')
  const proxy = await startForwardProxy({ bytesPerSecond: 800_000 })
  const { store, server } = await serve((_, response) => response.writeHead(200, acknowledge).end(), {
    environment: { HTTP_PROXY: proxy.url },
    deadlines: { connectMs: 5_000, silenceMs: 500, callMs: 200 },
  })
  expect((await store.putIfAbsent('k', bytes, digest)).versionId).toBe('v')
  expect(server.requests).toHaveLength(1)
})

describe('an endpoint with TLS', () => {
  /** A certificate for `localhost` that no authority signed. */
  function makeCertificate(): { file: string; key: string } {
    const directory = makeTemporaryDirectory()
    const [key, file] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost',
        '-keyout',
        key,
        '-out',
        file,
      ],
      { stdio: 'ignore' },
    )
    return { file, key }
  }

  async function serveTls(
    environment: (certificate: string) => Record<string, string>,
  ): Promise<{ store: S3ObjectStore; port: number }> {
    const { file, key } = makeCertificate()
    const bytes = Buffer.alloc(300_000, 'b')
    const server = createServer({ key: readFileSync(key), cert: readFileSync(file) }, (request, response) => {
      request.resume().on('end', () => {
        if (request.method === 'PUT') response.writeHead(200, acknowledge).end()
        else
          response
            .writeHead(206, {
              'content-range': `bytes 0-${bytes.length - 1}/${bytes.length}`,
              'content-length': bytes.length,
              'x-amz-version-id': 'v1',
            })
            .end(bytes)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const store = openS3ObjectStore({
      bucket: 'vault',
      region: 'eu-central-1',
      endpoint: `https://localhost:${port}`,
      credentials: () => Promise.resolve({ accessKeyId: 'AKID', secretAccessKey: 's' }),
      readAttempts: 1,
      environment: environment(file),
    })
    onTestFinished(async () => {
      store.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    return { store, port }
  }

  test('is trusted by the certificates of AWS_CA_BUNDLE, and reached through a tunnel', async () => {
    const proxy = await startForwardProxy()
    const { store, port } = await serveTls((file) => ({ AWS_CA_BUNDLE: file, HTTPS_PROXY: proxy.url }))
    expect((await store.putIfAbsent('k', body, sha256)).versionId).toBe('v')
    const bytes = Buffer.from(await store.getRange(ref, 0, 300_000))
    expect(bytes.equals(Buffer.alloc(300_000, 'b'))).toBe(true)
    expect([...new Set(proxy.destinations)]).toEqual([`localhost:${port}`])
  })

  test('is not trusted without them', async () => {
    const { store } = await serveTls(() => ({}))
    await expect(store.getRange(ref, 0, 5)).rejects.toMatchObject({
      code: 'unreachable',
      hint: expect.stringContaining('AWS_CA_BUNDLE') as string,
    })
  })

  test('behind a proxy that refuses is `unreachable`, and the hint names the variable', async () => {
    const proxy = await startForwardProxy({ refuses: true })
    const { store } = await serveTls((file) => ({
      AWS_CA_BUNDLE: file,
      https_proxy: proxy.url.replace('://', '://u:hidden@'),
    }))
    const failure: unknown = await store.getRange(ref, 0, 5).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'unreachable',
      hint: expect.stringContaining('HTTPS_PROXY') as string,
    })
    expect(JSON.stringify(failure)).not.toContain('hidden')
  })

  test('with a bundle that is none is refused before the first request', () => {
    const file = join(makeTemporaryDirectory(), 'bundle')
    writeFileSync(file, 'no certificate')
    for (const bundle of [file, '/nonexistent'])
      expect(() => agentSettings({ AWS_CA_BUNDLE: bundle })).toThrow(
        expect.objectContaining({ code: 'invalid-input' }) as Error,
      )
  })
})
