// A link to a store far away, as a proxy on loopback: delay each way, bandwidth of each connection, and loss.
// The connections don't share the bandwidth, as those to a large store don't.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { HoldfastError } from '../../core/errors.ts'

export interface Link {
  /** One way: a round trip takes twice as long. */
  readonly delayMs: number
  /** Each connection has this rate, each way; infinite without a limit. */
  readonly bytesPerSecond: number
  /** Probability from 0 to 1 that a block is lost. */
  readonly lostShare: number
}

/** Loss is decided for each block of this size, because a proxy sees no packets. */
const blockBytes = 64 * 1024
/** A connection sends no more than these bytes ahead of their arrival, as a window of TCP does. */
const minWindowBytes = 1024 * 1024
const maxDelayMs = 10_000
const maxRate = 10 * 1024

const hint = "write a delay and, after commas, a rate or a loss: '25ms', '25ms,20MiB/s', '80ms,1%'"

/** @throws `invalid-input` for any text but a delay, a rate and a loss, each at most once. */
export function parseLink(text: string): Link {
  const values = new Map<string, number>()
  for (const part of text.split(',')) {
    const [, number, unit] = /^(\d{1,5}(?:\.\d)?)(ms|MiB\/s|%)$/.exec(part) ?? []
    if (number === undefined || unit === undefined || values.has(unit))
      throw new HoldfastError('invalid-input', `--link can't be read at '${part}'`, { hint })
    values.set(unit, Number(number))
  }
  const [delayMs, rate, percent] = [values.get('ms'), values.get('MiB/s'), values.get('%') ?? 0]
  if (delayMs === undefined || delayMs > maxDelayMs)
    throw new HoldfastError('invalid-input', `--link takes a delay of 0 to ${maxDelayMs} ms`, { hint })
  if (rate !== undefined && (rate === 0 || rate > maxRate))
    throw new HoldfastError('invalid-input', `--link takes a rate above 0, up to ${maxRate} MiB/s`, { hint })
  if (percent > 50) throw new HoldfastError('invalid-input', '--link takes a loss of at most 50 %', { hint })
  const bytesPerSecond = rate === undefined ? Number.POSITIVE_INFINITY : rate * 1024 * 1024
  return { delayMs, bytesPerSecond, lostShare: percent / 100 }
}

/** In letters, digits and dashes: `25ms-20mib`, `80ms-1percent`. */
export function linkName({ delayMs, bytesPerSecond, lostShare }: Link): string {
  const rate = Number.isFinite(bytesPerSecond) ? [`${bytesPerSecond / 2 ** 20}mib`] : []
  const loss = lostShare === 0 ? [] : [`${Number((lostShare * 100).toFixed(1))}percent`]
  return [`${delayMs}ms`, ...rate, ...loss].join('-').replaceAll('.', 'p')
}

/** When bytes arrive that one connection sends one way. */
export class Direction {
  private readonly link: Link
  private readonly random: () => number
  /** End of the transmission of all bytes so far. */
  private sentMs: number
  private bytesToBlock = 0

  /** @param openMs the connection can send from then on. @param random from 0 up to 1, without it. */
  constructor(link: Link, openMs: number, random: () => number) {
    this.link = link
    this.sentMs = openMs
    this.random = random
  }

  /** The time at which the last of `bytes` arrives, if the sender has them at `nowMs`: never before earlier bytes. */
  arrivalMs(nowMs: number, bytes: number): number {
    const { delayMs, bytesPerSecond, lostShare } = this.link
    this.sentMs = Math.max(this.sentMs, nowMs) + (bytes / bytesPerSecond) * 1000
    for (this.bytesToBlock -= bytes; this.bytesToBlock < 0; this.bytesToBlock += blockBytes) {
      // The sender notices after a round trip, and all later bytes wait for the repeated block.
      if (lostShare > 0 && this.random() < lostShare) this.sentMs += 2 * delayMs
    }
    return this.sentMs + delayMs
  }

  /** Bytes that may be under way, so that the delay alone never limits the rate. */
  get windowBytes(): number {
    const { delayMs, bytesPerSecond } = this.link
    if (!Number.isFinite(bytesPerSecond)) return 16 * minWindowBytes
    return Math.max(minWindowBytes, Math.ceil((bytesPerSecond * 4 * delayMs) / 1000))
  }
}

export class LinkProxy {
  readonly port: number
  private readonly server: Server
  private readonly sockets: Set<Socket>

  private constructor(server: Server, sockets: Set<Socket>) {
    this.server = server
    this.sockets = sockets
    this.port = (server.address() as AddressInfo).port
  }

  /** Carries connections to `targetPort` on loopback. @param random decides the losses. */
  static async start(link: Link, targetPort: number, random: () => number): Promise<LinkProxy> {
    const sockets = new Set<Socket>()
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const store = connect({ host: '127.0.0.1', port: targetPort, allowHalfOpen: true, noDelay: true })
      for (const socket of [client, store]) {
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
      }
      // A client may send after the round trip that opens its connection.
      const nowMs = performance.now()
      carry(client, store, new Direction(link, nowMs + 2 * link.delayMs, random))
      carry(store, client, new Direction(link, nowMs, random))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new LinkProxy(server, sockets)
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close')
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
    await closed
  }
}

/** Calls in the order in which they were added, because timers of different lengths may change it. */
class Arrivals {
  private readonly queue: { atMs: number; deliver: () => void }[] = []
  private isWaiting = false

  add(atMs: number, deliver: () => void): void {
    this.queue.push({ atMs, deliver })
    if (!this.isWaiting) this.wait()
  }

  private wait(): void {
    const next = this.queue[0]
    this.isWaiting = next !== undefined
    if (next !== undefined) setTimeout(() => this.deliver(), Math.max(0, next.atMs - performance.now()))
  }

  private deliver(): void {
    const nowMs = performance.now()
    while (this.queue.length > 0 && this.queue[0]!.atMs <= nowMs) this.queue.shift()!.deliver()
    this.wait()
  }
}

/** One way of a connection. A reset isn't delayed. */
function carry(from: Socket, to: Socket, direction: Direction): void {
  let underWay = 0
  const arrivals = new Arrivals()
  const add = (bytes: number, deliver: () => void): void =>
    arrivals.add(direction.arrivalMs(performance.now(), bytes), () => !to.destroyed && deliver())
  from.on('data', (bytes) => {
    underWay += bytes.length
    if (underWay >= direction.windowBytes) from.pause()
    add(bytes.length, () => {
      to.write(bytes, () => {
        underWay -= bytes.length
        if (underWay < direction.windowBytes) from.resume()
      })
    })
  })
  from.on('end', () => add(0, () => to.end()))
  from.on('error', () => to.destroy())
  from.on('close', (hadError) => hadError && to.destroy())
}
