// HTTP connections that receive a body directly into its reader's buffer, or reuse one buffer. Node's default
// allocates a buffer for each 64 KiB, and collecting those costs more time than receiving the bytes.
import { Agent as HttpAgent } from 'node:http'
import type { ClientRequestArgs, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { OnReadOpts } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import { release } from '../core/bytes.ts'

const bufferBytes = 128 * 1024

const receivers = new WeakMap<Duplex, Receiver>()

class Receiver {
  socket: Duplex | null = null
  private sharedBuffer: Buffer | null = null
  private body: Readable | null = null
  /** The free end of the reader's buffer; null if the connection can carry other bytes than the body's. */
  private target: (() => Uint8Array) | null = null
  /** Length of the bytes being emitted, if the system read them into the reader's buffer; else 0. */
  private placedBytes = 0

  get onread(): OnReadOpts {
    return {
      buffer: () => this.next(),
      // Emit as the socket would: the listener is the parser of Node's client.
      callback: (bytes, buffer) => {
        this.placedBytes = buffer === this.sharedBuffer ? 0 : bytes
        this.socket!.emit('data', buffer.subarray(0, bytes))
        this.placedBytes = 0
        return true
      },
    }
  }

  /**
   * The buffer for the next read. We reuse the shared buffer only while a body arrives and its stream is
   * empty. Otherwise bytes of the last read may still wait in a stream.
   */
  private next(): Uint8Array {
    const isEmpty = this.body?.readableLength === 0
    const target = isEmpty ? this.target?.().subarray(0, bufferBytes) : undefined
    if (target !== undefined && target.length > 0) return target
    if (!isEmpty) this.sharedBuffer = null
    return (this.sharedBuffer ??= Buffer.allocUnsafeSlow(bufferBytes))
  }

  receive(body: IncomingMessage, target: () => Uint8Array): void {
    this.body = body
    // A chunked body has chunk lengths between its bytes, so it can't be read directly into the target.
    this.target = body.headers['content-length'] === undefined ? null : target
    // The next bytes on this connection belong to another response.
    const forget = (): void => {
      if (this.body === body) this.body = this.target = null
    }
    body.once('end', forget).once('close', forget)
  }

  hasPlaced(body: Readable, bytes: Uint8Array): boolean {
    return this.body === body && this.placedBytes === bytes.length
  }
}

/**
 * Writes the bytes of `body` to `buffer`. The system reads most of them into it directly, without a copy.
 * @param tooLong makes the error with which we destroy a body that is longer than `buffer`.
 */
export function receiveBody(
  body: Readable,
  buffer: Uint8Array,
  tooLong: () => Error,
): { readonly bytes: number } {
  const { socket } = body as Partial<IncomingMessage>
  const receiver = socket && receivers.get(socket)
  const received = { bytes: 0 }
  receiver?.receive(body as IncomingMessage, () => buffer.subarray(received.bytes))
  body.on('data', (bytes: Buffer) => {
    if (received.bytes + bytes.length > buffer.length) {
      body.destroy(tooLong())
      return
    }
    if (receiver?.hasPlaced(body, bytes) !== true) buffer.set(bytes, received.bytes)
    received.bytes += bytes.length
    // Safe to release: the client's parser allocates this buffer for its listener alone.
    if (bytes.length === bytes.buffer.byteLength) release(bytes)
  })
  return received
}

export class ReceivingHttpAgent extends HttpAgent {
  override createConnection(options: ClientRequestArgs, callback?: Callback): Duplex | null | undefined {
    return connectReceiver(options, callback, (connectOptions, onConnect) =>
      super.createConnection(connectOptions, onConnect),
    )
  }
}

export class ReceivingHttpsAgent extends HttpsAgent {
  override createConnection(options: ClientRequestArgs, callback?: Callback): Duplex | null | undefined {
    return connectReceiver(options, callback, (connectOptions, onConnect) =>
      super.createConnection(connectOptions, onConnect),
    )
  }
}

type Callback = (error: Error | null, socket: Duplex) => void

function connectReceiver(
  options: ClientRequestArgs,
  callback: Callback | undefined,
  connect: (
    options: ClientRequestArgs & { onread: OnReadOpts },
    onConnect: Callback,
  ) => Duplex | null | undefined,
): Duplex | null | undefined {
  const receiver = new Receiver()
  const attach = (socket: Duplex): void => {
    receiver.socket = socket
    receivers.set(socket, receiver)
  }
  const socket = connect({ ...options, onread: receiver.onread }, (error, connected) => {
    if (error === null) attach(connected)
    callback?.(error, connected)
  })
  if (socket) attach(socket)
  return socket
}
