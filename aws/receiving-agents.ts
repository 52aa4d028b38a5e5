// Connections that receive a body to where its reader wants it, or into the same memory again and again. Node's default takes
// new memory for each 64 KiB that arrive, which costs more than receiving them: most of it to collect what was thrown away.
import { Agent as HttpAgent } from 'node:http'
import type { ClientRequestArgs, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { OnReadOpts } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import { release } from '../core/bytes.ts'

const memoryBytes = 128 * 1024

const receivers = new WeakMap<Duplex, Receiver>()

class Receiver {
  socket: Duplex | null = null
  private memory: Buffer | null = null
  private body: Readable | null = null
  /** Where the next bytes of the body belong, if only its own bytes can come next. */
  private place: (() => Uint8Array) | null = null
  /** How many bytes are being handed on that were read to where they belong. */
  private placedBytes = 0

  get onread(): OnReadOpts {
    return {
      buffer: () => this.next(),
      // As the socket would have: its listener is the parser of Node's client.
      callback: (bytes, memory) => {
        this.placedBytes = memory === this.memory ? 0 : bytes
        this.socket!.emit('data', memory.subarray(0, bytes))
        this.placedBytes = 0
        return true
      },
    }
  }

  /** Asked before each read. What was read may still wait in a stream, unless its body is being received and nothing waits there. */
  private next(): Uint8Array {
    const isEmpty = this.body?.readableLength === 0
    const place = isEmpty ? this.place?.().subarray(0, memoryBytes) : undefined
    if (place !== undefined && place.length > 0) return place
    if (!isEmpty) this.memory = null
    return (this.memory ??= Buffer.allocUnsafeSlow(memoryBytes))
  }

  receive(body: IncomingMessage, place: () => Uint8Array): void {
    this.body = body
    // Chunked, it would come with its lengths in between.
    this.place = body.headers['content-length'] === undefined ? null : place
    // What comes next on this connection belongs to somebody else.
    const forget = (): void => {
      if (this.body === body) this.body = this.place = null
    }
    body.once('end', forget).once('close', forget)
  }

  hasPlaced(body: Readable, piece: Uint8Array): boolean {
    return this.body === body && this.placedBytes === piece.length
  }
}

/**
 * Writes what arrives of `body` to `memory`. Most of it is read there by the system, and copied by nobody.
 * @param tooLong what the body is destroyed with if more comes than `memory` holds.
 */
export function receiveBody(
  body: Readable,
  memory: Uint8Array,
  tooLong: () => Error,
): { readonly bytes: number } {
  const { socket } = body as Partial<IncomingMessage>
  const receiver = socket && receivers.get(socket)
  const received = { bytes: 0 }
  receiver?.receive(body as IncomingMessage, () => memory.subarray(received.bytes))
  body.on('data', (piece: Buffer) => {
    if (received.bytes + piece.length > memory.length) {
      body.destroy(tooLong())
      return
    }
    if (receiver?.hasPlaced(body, piece) !== true) memory.set(piece, received.bytes)
    received.bytes += piece.length
    // The client's parser makes each piece for its listener alone.
    if (piece.length === piece.buffer.byteLength) release(piece)
  })
  return received
}

export class ReceivingHttpAgent extends HttpAgent {
  override createConnection(options: ClientRequestArgs, callback?: Callback): Duplex | null | undefined {
    return receive(options, callback, (withMemory, done) => super.createConnection(withMemory, done))
  }
}

export class ReceivingHttpsAgent extends HttpsAgent {
  override createConnection(options: ClientRequestArgs, callback?: Callback): Duplex | null | undefined {
    return receive(options, callback, (withMemory, done) => super.createConnection(withMemory, done))
  }
}

type Callback = (error: Error | null, socket: Duplex) => void

function receive(
  options: ClientRequestArgs,
  callback: Callback | undefined,
  connect: (options: ClientRequestArgs & { onread: OnReadOpts }, done: Callback) => Duplex | null | undefined,
): Duplex | null | undefined {
  const receiver = new Receiver()
  const attach = (socket: Duplex): void => {
    receiver.socket = socket
    receivers.set(socket, receiver)
  }
  const socket = connect({ ...options, onread: receiver.onread }, (error, made) => {
    if (error === null) attach(made)
    callback?.(error, made)
  })
  if (socket) attach(socket)
  return socket
}
