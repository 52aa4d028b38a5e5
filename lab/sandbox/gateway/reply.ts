// Sends the reply of a service, or corrupts it as a fault demands.

import type { ServerResponse } from 'node:http'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ServiceReply } from '../protocol/service.ts'
import type { FaultInjector, FaultKind } from './faults.ts'

export interface SendOptions {
  method: string
  requestId: string
  nowMs: number
  /** Closes the connection after the reply, because an unread payload makes it unusable. */
  close: boolean
  fault: FaultKind | null
  faults: FaultInjector | null
}

/** Resolves with the number of body bytes sent, once the reply is out or the client has gone. Never rejects. */
export async function sendReply(
  response: ServerResponse,
  reply: ServiceReply,
  options: SendOptions,
): Promise<number> {
  const { body } = reply
  response.sendDate = false
  const headers: Record<string, string> = {
    'x-amz-request-id': options.requestId,
    'x-amz-id-2': Buffer.from(`holdfast-sandbox-${options.requestId}`).toString('base64'),
    date: new Date(options.nowMs).toUTCString(),
    server: 'AmazonS3',
    ...reply.headers,
  }
  if (options.close) headers.connection = 'close'
  if (!(body instanceof Readable) && reply.status !== 204 && reply.status !== 304) {
    headers['content-length'] ??= String(body === undefined ? 0 : Buffer.byteLength(body))
  }
  try {
    response.writeHead(reply.status, headers)
  } catch {
    // Node refuses to write a malformed header value. No reply is better than half a reply.
    response.destroy()
    return 0
  }
  if (body === undefined || options.method === 'HEAD') {
    if (body instanceof Readable) body.destroy()
    response.end()
    return 0
  }
  const isCorrupted =
    reply.status < 300 && (options.fault === 'torn-body' || options.fault === 'flipped-byte')
  if (!(body instanceof Readable) && !isCorrupted) {
    response.end(body)
    return Buffer.byteLength(body)
  }
  const source = body instanceof Readable ? body : Readable.from([Buffer.from(body)])
  const counter = new PassingBytes(
    isCorrupted ? chooseCorruption(options, Number(headers['content-length'] ?? 0)) : null,
  )
  try {
    await pipeline(source, counter, response)
  } catch {
    response.destroy()
  }
  return counter.bytes
}

interface Corruption {
  kind: 'torn-body' | 'flipped-byte'
  /** Index of the byte in the body. */
  at: number
}

function chooseCorruption({ fault, faults }: SendOptions, bytes: number): Corruption | null {
  if (faults === null || bytes === 0 || (fault !== 'torn-body' && fault !== 'flipped-byte')) return null
  faults.count(fault)
  return { kind: fault, at: faults.position(bytes) }
}

class PassingBytes extends Transform {
  bytes = 0
  private readonly corruption: Corruption | null

  constructor(corruption: Corruption | null) {
    super({ highWaterMark: 1024 * 1024 })
    this.corruption = corruption
  }

  override _transform(
    chunk: Buffer,
    _encoding: string,
    callback: (error: Error | null, data?: Buffer) => void,
  ): void {
    const start = this.bytes
    const corruption = this.corruption
    if (corruption === null || corruption.at < start || corruption.at >= start + chunk.length) {
      this.bytes += chunk.length
      return callback(null, chunk)
    }
    if (corruption.kind === 'torn-body') {
      this.push(chunk.subarray(0, corruption.at - start))
      this.bytes = corruption.at
      // The connection breaks only after the bytes before the fault are on their way.
      setImmediate(() => callback(new Error('torn by a fault')))
      return
    }
    const flipped = Buffer.from(chunk)
    flipped[corruption.at - start] = (flipped[corruption.at - start] ?? 0) ^ 1
    this.bytes += chunk.length
    callback(null, flipped)
  }
}
