import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Direction, LinkProxy, linkName, parseLink } from '../../../lab/bench/link.ts'
import type { Link } from '../../../lab/bench/link.ts'

const mib = 1024 * 1024
const noLoss = (): number => 1

describe('a link on the command line', () => {
  test.each([
    ['25ms', { delayMs: 25, bytesPerSecond: Number.POSITIVE_INFINITY, lostShare: 0 }],
    ['25ms,20MiB/s', { delayMs: 25, bytesPerSecond: 20 * mib, lostShare: 0 }],
    ['1%,80ms', { delayMs: 80, bytesPerSecond: Number.POSITIVE_INFINITY, lostShare: 0.01 }],
    ['0ms,0.5MiB/s', { delayMs: 0, bytesPerSecond: mib / 2, lostShare: 0 }],
  ])('%s is read', (text, link) => {
    expect(parseLink(text)).toEqual(link)
  })

  test.each([
    '',
    '25',
    '-25ms',
    '25ms,',
    '25ms,30ms',
    '20MiB/s',
    '1%',
    '25ms,20MB/s',
    '25ms,0MiB/s',
    '25ms,10241MiB/s',
    '10001ms',
    '25ms,51%',
    '25ms 20MiB/s',
    '1e3ms',
    'NaNms',
  ])("'%s' is refused", (text) => {
    expect(() => parseLink(text)).toThrow(expect.objectContaining({ code: 'invalid-input' }) as Error)
  })
})

test('a link has a name for its results', () => {
  expect(linkName(parseLink('25ms,20MiB/s'))).toBe('25ms-20mib')
  expect(linkName(parseLink('80ms,1%'))).toBe('80ms-1percent')
  expect(linkName(parseLink('2.5ms,0.5MiB/s,0.7%'))).toBe('2p5ms-0p5mib-0p7percent')
})

describe('one way of a connection', () => {
  const shape = (link: string, random = noLoss): Direction => new Direction(parseLink(link), 1000, random)

  test('delays bytes, and no longer because there are many without a limit', () => {
    const direction = shape('25ms')
    expect(direction.arrivalMs(1000, 1)).toBe(1025)
    expect(direction.arrivalMs(1000, 600 * mib)).toBe(1025)
    expect(direction.arrivalMs(1500, 1)).toBe(1525)
  })

  test('sends nothing before the connection is open', () => {
    expect(shape('25ms').arrivalMs(900, 1)).toBe(1025)
  })

  test('sends one after the other at its rate, and saves no time up while nothing is sent', () => {
    const direction = shape('25ms,20MiB/s')
    expect(direction.arrivalMs(1000, 10 * mib)).toBe(1525)
    expect(direction.arrivalMs(1000, 10 * mib)).toBe(2025)
    expect(direction.arrivalMs(9000, 20 * mib)).toBe(10_025)
  })

  test('shares its rate with no other connection', () => {
    const [first, second] = [shape('25ms,20MiB/s'), shape('25ms,20MiB/s')]
    expect(first.arrivalMs(1000, 20 * mib)).toBe(2025)
    expect(second.arrivalMs(1000, 20 * mib)).toBe(2025)
  })

  test('stalls for a round trip at each lost block, with all that follows', () => {
    const draws = [1, 0.005, 1, 1]
    const direction = shape('80ms,1%', () => draws.shift() ?? 1)
    expect(direction.arrivalMs(1000, 64 * 1024)).toBe(1080)
    expect(direction.arrivalMs(1000, 64 * 1024)).toBe(1240)
    expect(direction.arrivalMs(1000, 1)).toBe(1240)
  })

  test('draws once for a block, however its bytes are cut', () => {
    let draws = 0
    const count = (): number => (draws++, 1)
    const direction = shape('80ms,1%', count)
    for (let write = 0; write < 128; write++) direction.arrivalMs(1000, 1024)
    expect(draws).toBe(2)
  })

  test('lets as many bytes be under way as its rate needs', () => {
    const direction = shape('80ms,60MiB/s')
    expect(direction.windowBytes).toBeGreaterThan(60 * mib * 0.16)
  })
})

describe('the proxy', () => {
  async function startEcho(): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (socket) =>
      socket.on('error', () => {}).pipe(socket),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    return (server.address() as AddressInfo).port
  }

  async function start(link: Link): Promise<LinkProxy> {
    const proxy = await LinkProxy.start(link, await startEcho(), noLoss)
    onTestFinished(() => proxy.stop())
    return proxy
  }

  async function echo(port: number, bytes: Buffer): Promise<{ ms: number; received: Buffer }> {
    const begunMs = performance.now()
    const socket: Socket = connect(port, '127.0.0.1')
    socket.end(bytes)
    const received = Buffer.concat(await socket.toArray())
    return { ms: performance.now() - begunMs, received }
  }

  const pattern = (length: number): Buffer =>
    Buffer.from(Uint8Array.from({ length }, (_, at) => at * 31 + (at >> 8)))

  test('carries every byte in order, and takes two round trips for a request on a new connection', async () => {
    const proxy = await start(parseLink('30ms'))
    const bytes = pattern(3 * mib + 5)
    const { ms, received } = await echo(proxy.port, bytes)
    expect(received.equals(bytes)).toBe(true)
    expect(ms).toBeGreaterThan(119)
  })

  test('gives each connection the rate: four take little longer than one', async () => {
    const proxy = await start(parseLink('1ms,4MiB/s'))
    const bytes = pattern(mib)
    const begunMs = performance.now()
    const replies = await Promise.all(Array.from({ length: 4 }, () => echo(proxy.port, bytes)))
    const ms = performance.now() - begunMs
    for (const { received, ms: singleMs } of replies) {
      expect(received.equals(bytes)).toBe(true)
      expect(singleMs).toBeGreaterThan(240)
    }
    // One after the other, they would take 1000 ms at least.
    expect(ms).toBeLessThan(900)
  })

  test('ends a connection whose store is gone', async () => {
    const proxy = await LinkProxy.start(parseLink('1ms'), 1, noLoss)
    onTestFinished(() => proxy.stop())
    const socket = connect(proxy.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    await once(socket, 'close')
    expect(socket.destroyed).toBe(true)
  })
})
