// A proxy on loopback, as a company has one: it forwards plain requests, and connects tunnels. It can be as slow as a
// thin link.
import { createServer, request as forward } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Transform } from 'node:stream'
import { onTestFinished } from 'vitest'

export interface ForwardProxy {
  url: string
  /** The destination of each request: a URL, or `host:port` of a tunnel. */
  destinations: string[]
  /** The values of `Proxy-Authorization`. */
  authorizations: (string | undefined)[]
}

/**
 * @param bytesPerSecond of all uploads together; default: as fast as they come.
 * @param portOf maps a tunnel's destination to a port on loopback.
 */
export async function startForwardProxy({
  bytesPerSecond,
  refuses = false,
}: { bytesPerSecond?: number; refuses?: boolean } = {}): Promise<ForwardProxy> {
  const proxy: ForwardProxy = { url: '', destinations: [], authorizations: [] }
  const sockets = new Set<Socket>()
  const link = bytesPerSecond === undefined ? null : new Link(bytesPerSecond)
  const server = createServer((received, response) => {
    proxy.destinations.push(received.url ?? '')
    proxy.authorizations.push(received.headers['proxy-authorization'])
    const { 'proxy-authorization': _, 'proxy-connection': __, ...headers } = received.headers
    const outgoing = forward(received.url ?? '', { method: received.method, headers }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers)
      reply.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    if (link === null) received.pipe(outgoing)
    else received.pipe(link.throttle()).pipe(outgoing)
  })
  server.on('connect', (received, client: Socket) => {
    proxy.destinations.push(received.url ?? '')
    proxy.authorizations.push(received.headers['proxy-authorization'])
    if (refuses) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    const upstream = connect(Number((received.url ?? '').split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      client.pipe(upstream).pipe(client)
    })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return proxy
}

/** One thin link that all connections share. */
class Link {
  private readonly bytesPerSecond: number
  private freeAtMs = 0

  constructor(bytesPerSecond: number) {
    this.bytesPerSecond = bytesPerSecond
  }

  throttle(): Transform {
    return new Transform({
      highWaterMark: 16 * 1024,
      transform: (chunk: Buffer, _encoding, done) => {
        const nowMs = performance.now()
        this.freeAtMs = Math.max(nowMs, this.freeAtMs) + (chunk.length / this.bytesPerSecond) * 1000
        setTimeout(() => done(null, chunk), this.freeAtMs - nowMs)
      },
    })
  }
}
