// Connections that receive a body into the same memory again and again. Node's default takes new memory for each 64 KiB that
// arrive, which costs more than receiving them: most of it to collect what was thrown away.
import { Agent as HttpAgent } from 'node:http'
import type { ClientRequestArgs, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { OnReadOpts } from 'node:net'
import type { Duplex, Readable } from 'node:stream'

const memoryBytes = 128 * 1024

const receivers = new WeakMap<Duplex, Receiver>()

class Receiver {
  socket: Duplex | null = null
  private memory: Buffer | null = null
  private body: Readable | null = null

  get onread(): OnReadOpts {
    return {
      buffer: () => this.next(),
      // As the socket would have: its listener is the parser of Node's client.
      callback: (bytes, memory) => {
        this.socket!.emit('data', memory.subarray(0, bytes))
        return true
      },
    }
  }

  /** Asked before each read. What was read may still wait in a stream, unless its body is being copied and nothing waits there. */
  private next(): Buffer {
    if (this.body?.readableLength !== 0) this.memory = null
    return this.memory ??= Buffer.allocUnsafeSlow(memoryBytes)
  }

  copies(body: Readable): void {
    this.body = body
    // What comes next on this connection belongs to somebody else.
    const forget = (): void => {
      if (this.body === body) this.body = null
    }
    body.once('end', forget).once('close', forget)
  }
}

/** To be called by whoever listens to a body's `data` and keeps nothing of it: each piece is overwritten by the next. */
export function copiesAtOnce(body: Readable): void {
  const { socket } = body as Partial<IncomingMessage>
  if (socket) receivers.get(socket)?.copies(body)
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
  options: ClientRequestArgs, callback: Callback | undefined, connect: (options: ClientRequestArgs & { onread: OnReadOpts }, done: Callback) => Duplex | null | undefined,
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
