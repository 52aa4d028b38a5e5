// The metrics of a watch over HTTP, for Prometheus. It serves one path, and takes no input.
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HoldfastError } from '../../core/errors.ts'
import { metricsContentType } from './metrics.ts'

export interface MetricsAddress {
  /** An address of this machine. */
  host: string
  /** 0: any free one. */
  port: number
}

export interface MetricsServer {
  url: string
  close(): Promise<void>
}

/** A scrape takes milliseconds. More connections than these are not Prometheus'. */
const limits = { maxConnections: 16, requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 }

/** @throws `invalid-input` if the address can't be had. */
export async function serveMetrics(
  { host, port }: MetricsAddress,
  render: () => Promise<string>,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const reply = (status: number, body: string, type = 'text/plain'): void => {
      response.writeHead(status, {
        'content-type': type,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      response.end(request.method === 'HEAD' ? '' : body)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return reply(405, 'method not allowed\n')
    if (request.url?.split('?')[0] !== '/metrics') return reply(404, 'not found: /metrics has the metrics\n')
    render().then(
      (text) => reply(200, text, metricsContentType),
      () => reply(500, 'the metrics could not be read\n'),
    )
  })
  Object.assign(server, limits)
  await listen(server, { host, port })
  const address = server.address() as AddressInfo
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, { host, port }: MetricsAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new HoldfastError(
          'invalid-input',
          `metrics can't be served at ${host}, port ${port}: ${error.code ?? 'unknown error'}`,
          {
            hint: 'give metrics.host and metrics.port of the file an address that no other program uses',
            cause: error,
          },
        ),
      ),
    )
    server.listen({ host, port }, () => resolve())
  })
}
