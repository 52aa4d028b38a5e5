// A store on loopback with the responses of a test, also false, stalled and truncated ones.
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface ReceivedRequest {
  method: string
  url: URL
  headers: IncomingMessage['headers']
  body: Buffer
}

export type Script = (request: ReceivedRequest, response: ServerResponse, index: number) => unknown

export interface ScriptedServer {
  endpoint: string
  requests: ReceivedRequest[]
  stop(): Promise<void>
}

export async function startScriptedServer(script: Script): Promise<ScriptedServer> {
  const requests: ReceivedRequest[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const received = {
        method: request.method ?? '',
        url: new URL(request.url ?? '/', 'http://127.0.0.1'),
        headers: request.headers,
        body: Buffer.concat(chunks),
      }
      requests.push(received)
      void Promise.resolve(script(received, response, requests.length - 1)).catch(() => response.destroy())
    })
    request.on('error', () => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** AWS's form of an error. */
export function sendError(
  response: ServerResponse,
  status: number,
  code: string,
  { message = 'as scripted', headers = {} }: { message?: string; headers?: Record<string, string> } = {},
): void {
  response.writeHead(status, { 'content-type': 'application/xml', ...headers })
  response.end(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>R1</RequestId></Error>`,
  )
}

export function sendXml(response: ServerResponse, xml: string): void {
  response.writeHead(200, { 'content-type': 'application/xml' })
  response.end(`<?xml version="1.0" encoding="UTF-8"?>\n${xml}`)
}
