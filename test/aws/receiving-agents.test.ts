import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import { createServer as createTlsServer, request as requestTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { ReceivingHttpAgent, ReceivingHttpsAgent, copiesAtOnce } from '../../aws/receiving-agents.ts'

const secret = randomBytes(32)
/** A key that both know instead of a certificate. */
const psk = { ciphers: 'PSK-AES256-GCM-SHA384', maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' } as const
const bodyBytes = 1_500_000
const closing: (() => void)[] = []

afterEach(() => closing.splice(0).forEach((close) => close()))

type Client = (path: string) => Promise<IncomingMessage>

async function serve(protocol: 'http' | 'https', listener: RequestListener): Promise<{ get: Client }> {
  const server = protocol === 'http' ? createServer(listener) : createTlsServer({ ...psk, pskCallback: () => secret }, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const keep = { keepAlive: true, maxSockets: 3 }
  const agent = protocol === 'http'
    ? new ReceivingHttpAgent(keep)
    : new ReceivingHttpsAgent({ ...keep, ...psk, checkServerIdentity: () => undefined, pskCallback: () => ({ psk: secret, identity: 'test' }) })
  closing.push(() => {
    agent.destroy()
    server.close()
    server.closeAllConnections()
  })
  const send = protocol === 'http' ? request : requestTls
  const get = async (path: string): Promise<IncomingMessage> => {
    const call = send({ agent, host: '127.0.0.1', port, path }).end()
    return (await once(call, 'response') as [IncomingMessage])[0]
  }
  return { get }
}

/** Answers bytes that are another's nowhere. */
function answerPath(path: string): Buffer {
  return Buffer.alloc(bodyBytes, `${path} `)
}

function copied(body: IncomingMessage): Promise<Buffer> {
  const bytes = Buffer.alloc(bodyBytes)
  let received = 0
  copiesAtOnce(body)
  body.on('data', (piece: Buffer) => {
    received += piece.copy(bytes, received)
  })
  return once(body, 'end').then(() => bytes.subarray(0, received))
}

describe.each(['http', 'https'] as const)('a body over %s', (protocol) => {
  test('arrives whole, whether it is copied at once, read late, or gathered, on connections that are used again', async () => {
    const { get } = await serve(protocol, (call, reply) => reply.end(answerPath(call.url!)))
    const read: ((body: IncomingMessage) => Promise<Buffer>)[] = [
      copied, buffer, async (body) => { for (let i = 0; i < 20; i++) await turn(); return copied(body) },
    ]
    await Promise.all(Array.from({ length: 24 }, async (_, index) => {
      const bytes = await read[index % read.length]!(await get(`/${index}`))
      expect(bytes.equals(answerPath(`/${index}`)), `request ${index}`).toBe(true)
    }))
  })

  test('that ends early is an error, and the next one on a new connection is whole', async () => {
    let calls = 0
    const { get } = await serve(protocol, (call, reply) => {
      if (calls++ > 0) return void reply.end(answerPath(call.url!))
      reply.setHeader('content-length', bodyBytes)
      reply.write(answerPath(call.url!).subarray(0, 300_000), () => reply.destroy())
    })
    await expect(copied(await get('/torn'))).rejects.toThrow('aborted')
    expect((await copied(await get('/next'))).equals(answerPath('/next'))).toBe(true)
  })
})

describe('the memory of a connection', () => {
  /** The pieces of two bodies on one connection, as the parser gets them; each is kept. The first lacks what came with the head. */
  async function piecesOf(...reads: ((body: IncomingMessage) => Promise<unknown>)[]): Promise<Buffer[][]> {
    const { get } = await serve('http', (call, reply) => reply.end(answerPath(call.url!)))
    const pieces: Buffer[][] = []
    for (const [index, read] of reads.entries()) {
      pieces.push([])
      const body = await get(`/${index}`)
      if (index === 0) body.socket.on('data', (piece: Buffer) => pieces.at(-1)!.push(piece))
      await read(body)
    }
    return pieces
  }

  const memories = (pieces: Buffer[]): number => new Set(pieces.map(({ buffer }) => buffer)).size

  test('is used again and again for a body that is copied at once', async () => {
    for (const pieces of await piecesOf(copied, copied)) expect(memories(pieces)).toBeLessThan(pieces.length / 2)
  })

  test('is used once for a body that may be kept, also behind one that was copied', async () => {
    const [first, , third] = await piecesOf(buffer, copied, buffer)
    expect(memories(first!)).toBe(first!.length)
    expect(memories(third!)).toBe(third!.length)
    expect(third!.length).toBeGreaterThan(2)
  })
})
