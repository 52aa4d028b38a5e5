// A link with a width: a proxy on loopback that sends so many bytes a second to its client, over all connections.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** @returns its port, and an end. */
export async function startSlowLink(
  toPort: number,
  bytesPerSecond: number,
): Promise<{ port: number; stop: () => void }> {
  const sockets = new Set<Socket>()
  /** The time until which the link is busy with bytes that it has taken. */
  let freeAtMs = 0
  const forward = async (from: Socket, to: Socket): Promise<void> => {
    for await (const bytes of from as AsyncIterable<Buffer>) {
      freeAtMs = Math.max(freeAtMs, performance.now()) + (bytes.length / bytesPerSecond) * 1000
      const waitMs = freeAtMs - performance.now()
      if (waitMs > 2) await sleep(waitMs)
      if (!to.write(bytes)) await once(to, 'drain')
    }
    to.end()
  }
  const server = createServer((client) => {
    const store = connect(toPort, '127.0.0.1')
    for (const socket of [client, store]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      // An end of one side ends the other.
      socket.on('error', () => [client, store].forEach((side) => side.destroy()))
    }
    client.pipe(store)
    forward(store, client).catch(() => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = (): void => {
    server.close()
    sockets.forEach((socket) => socket.destroy())
  }
  return { port: (server.address() as AddressInfo).port, stop }
}
