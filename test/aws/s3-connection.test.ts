import { describe, expect, test } from 'vitest'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
import { sendError } from './scripted-server.ts'
import { body, ref, serve, sha256 } from './scripted-store.ts'

const dayMs = 86_400_000

/** A store whose clock is a day ahead, and that refuses what is signed by another one. */
async function serveTomorrow() {
  const { store } = await serve((request, response) => {
    const signed = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/
      .exec(request.headers['x-amz-date'] as string)!
      .slice(1)
      .map(Number)
    const signedMs = Date.UTC(signed[0]!, signed[1]! - 1, signed[2], signed[3], signed[4], signed[5])
    const serverMs = Date.now() + dayMs
    const date = { date: new Date(serverMs).toUTCString() }
    if (Math.abs(signedMs - serverMs) > 900_000)
      sendError(response, 403, 'RequestTimeTooSkewed', { headers: date })
    else if (request.method === 'PUT') response.writeHead(200, { 'x-amz-version-id': 'v', ...date }).end()
    else sendError(response, 404, 'ObjectLockConfigurationNotFoundError', { headers: date })
  })
  return store
}

describe('the connection', () => {
  test("signs by the server's clock after the first response", async () => {
    const store = await serveTomorrow()
    expect((await store.lockDefault()).serverTimeMs).toBeGreaterThan(Date.now() + dayMs / 2)
    expect((await store.putIfAbsent('k', body, sha256)).versionId).toBe('v')
  })

  test('that sends nothing but PUTs learns the clock from the first refusal', async () => {
    const store = await serveTomorrow()
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({ retryable: true })
    expect((await store.putIfAbsent('k', body, sha256)).versionId).toBe('v')
    expect((await store.lockDefault()).serverTimeMs).toBeGreaterThan(Date.now() + dayMs / 2)
  })

  test('to an address without a server is `unreachable`', async () => {
    const { store, server } = await serve((_request, response) => response.destroy(), { readAttempts: 1 })
    await server.stop()
    await expect(store.lockDefault()).rejects.toMatchObject({ code: 'unreachable', retryable: true })
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({
      code: 'unreachable',
      retryable: true,
    })
  })

  test('that is stopped rejects at once with the reason of the signal', async () => {
    const stop = new AbortController()
    const { store } = await serve(() => setTimeout(() => stop.abort(new Error('stopped')), 10), {
      signal: stop.signal,
      deadlines: { silenceMs: 30_000, callMs: 30_000 },
    })
    await expect(store.getRange(ref, 0, 5)).rejects.toThrow('stopped')
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toThrow('stopped')
  })

  test('needs an endpoint that is a URL', () => {
    expect(() => openS3ObjectStore({ bucket: 'vault', endpoint: 'localhost 9000' })).toThrow('not a URL')
  })
})
