import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import { createServer as createTlsServer, request as requestTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { ReceivingHttpAgent, ReceivingHttpsAgent, receiveBody } from '../../aws/receiving-agents.ts'

const secret = randomBytes(32)
/** A key that both know instead of a certificate. */
const psk = { ciphers: 'PSK-AES256-GCM-SHA384', maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' } as const
const bodyBytes = 1_500_000
const closing: (() => void)[] = []

afterEach(() => closing.splice(0).forEach((close) => close()))

type Client = (path: string) => Promise<IncomingMessage>

async function serve(protocol: 'http' | 'https', listener: RequestListener): Promise<{ get: Client }> {
  const server =
    protocol === 'http'
      ? createServer(listener)
      : createTlsServer({ ...psk, pskCallback: () => secret }, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const keep = { keepAlive: true, maxSockets: 3 }
  const agent =
    protocol === 'http'
      ? new ReceivingHttpAgent(keep)
      : new ReceivingHttpsAgent({
          ...keep,
          ...psk,
          checkServerIdentity: () => undefined,
          pskCallback: () => ({ psk: secret, identity: 'test' }),
        })
  closing.push(() => {
    agent.destroy()
    server.close()
    server.closeAllConnections()
  })
  const send = protocol === 'http' ? request : requestTls
  const get = async (path: string): Promise<IncomingMessage> => {
    const call = send({ agent, host: '127.0.0.1', port, path }).end()
    // Ignore: the reader of the body reports the same error.
    call.on('error', () => {})
    return ((await once(call, 'response')) as [IncomingMessage])[0]
  }
  return { get }
}

/** Answers bytes that are another's nowhere. */
function bytesOfPath(path: string): Buffer {
  return Buffer.alloc(bodyBytes, `${path} `)
}

async function received(body: IncomingMessage, buffer = Buffer.alloc(bodyBytes)): Promise<Buffer> {
  const arrived = receiveBody(body, buffer, () => new Error('too long'))
  await once(body, 'end')
  return buffer.subarray(0, arrived.bytes)
}

describe.each(['http', 'https'] as const)('a body over %s', (protocol) => {
  test('a body arrives whole: received at once, late, chunked, or gathered, on reused connections', async () => {
    const { get } = await serve(protocol, (call, reply) => {
      if (call.url!.endsWith('5')) reply.flushHeaders()
      reply.end(bytesOfPath(call.url!))
    })
    const read: ((body: IncomingMessage) => Promise<Buffer>)[] = [
      (body) => received(body),
      buffer,
      async (body) => {
        for (let i = 0; i < 20; i++) await turn()
        return received(body)
      },
    ]
    await Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        const bytes = await read[index % read.length]!(await get(`/${index}`))
        expect(bytes.equals(bytesOfPath(`/${index}`)), `request ${index}`).toBe(true)
      }),
    )
  })

  test('a body that ends early is an error, and the next one on a new connection is whole', async () => {
    let calls = 0
    const { get } = await serve(protocol, (call, reply) => {
      if (calls++ > 0) return void reply.end(bytesOfPath(call.url!))
      reply.setHeader('content-length', bodyBytes)
      reply.write(bytesOfPath(call.url!).subarray(0, 300_000), () => reply.destroy())
    })
    await expect(received(await get('/torn'))).rejects.toThrow('aborted')
    expect((await received(await get('/next'))).equals(bytesOfPath('/next'))).toBe(true)
  })

  test('a body that is longer than its buffer is refused', async () => {
    const { get } = await serve(protocol, (call, reply) => reply.end(bytesOfPath(call.url!)))
    const buffer = Buffer.alloc(bodyBytes, 'x')
    await expect(received(await get('/long'), buffer.subarray(0, 1_000_000))).rejects.toThrow('too long')
    expect(buffer.subarray(1_000_000).equals(Buffer.alloc(bodyBytes - 1_000_000, 'x'))).toBe(true)
  })
})

describe('the buffer of a connection', () => {
  /**
   * The pieces of two bodies on one connection, as the parser gets them; each is kept. The first lacks what
   * came with the head.
   */
  async function receivedParts(
    ...reads: ((body: IncomingMessage) => Promise<unknown>)[]
  ): Promise<Buffer[][]> {
    const { get } = await serve('http', (call, reply) => reply.end(bytesOfPath(call.url!)))
    const parts: Buffer[][] = []
    for (const [index, read] of reads.entries()) {
      parts.push([])
      const body = await get(`/${index}`)
      if (index === 0) body.socket.on('data', (part: Buffer) => parts.at(-1)!.push(part))
      await read(body)
    }
    return parts
  }

  const buffers = (parts: Buffer[]): number => new Set(parts.map(({ buffer }) => buffer)).size

  test('receives the body', async () => {
    const buffers = [Buffer.alloc(bodyBytes), Buffer.alloc(bodyBytes)]
    const bodies = await receivedParts(
      ...buffers.map((buffer) => (body: IncomingMessage) => received(body, buffer)),
    )
    for (const [index, parts] of bodies.entries()) {
      const placed = parts.filter((part) => part.buffer === buffers[index]!.buffer)
      expect(placed.length).toBeGreaterThan(parts.length / 2)
      expect(buffers[index]!.equals(bytesOfPath(`/${index}`))).toBe(true)
    }
  })

  test('is reused for a chunked body', async () => {
    const [parts] = await receivedParts((body) => {
      delete body.headers['content-length']
      return received(body)
    })
    expect(buffers(parts!)).toBeLessThan(parts!.length / 2)
  })

  test('is used once for a body that a reader may keep, even after a received body', async () => {
    const [first, , third] = await receivedParts(buffer, (body) => received(body), buffer)
    expect(buffers(first!)).toBe(first!.length)
    expect(buffers(third!)).toBe(third!.length)
    expect(third!.length).toBeGreaterThan(2)
  })
})
