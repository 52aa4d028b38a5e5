import { expect, test } from 'vitest'
import { OrderedUploads } from '../../../engine/postgres/ordered-uploads.ts'
import { WalQueue } from '../../../engine/postgres/wal-queue.ts'

const segmentBytes = 2 ** 20
const mib = 2 ** 20

function queueFrom(start: bigint, everyMs = 2000): WalQueue {
  return new WalQueue({ start, segmentBytes, everyMs })
}

test('a part is ready when its first byte has waited, and not before', () => {
  const queue = queueFrom(100n)
  queue.push(100n, Buffer.from('abc'), 1000)
  queue.push(103n, Buffer.from('def'), 2500)
  expect(queue.take(2999, false)).toBeNull()
  expect(queue.take(3000, false)).toEqual({ start: 100n, bytes: Buffer.from('abcdef') })
  expect(queue.take(9000, true)).toBeNull()
  expect(queue.bytes).toBe(0)
})

test('an urgent part is ready at once', () => {
  const queue = queueFrom(0n)
  queue.push(0n, Buffer.from('a'), 1000)
  expect(queue.take(1000, true)).toMatchObject({ start: 0n })
})

test('no part crosses the border of a segment, and full ones are ready at once', () => {
  const queue = queueFrom(BigInt(mib) - 10n)
  queue.push(BigInt(mib) - 10n, Buffer.alloc(mib + 20, 7), 0)
  expect(queue.end).toBe(BigInt(2 * mib) + 10n)
  expect(queue.bytes).toBe(mib + 20)
  const parts = [queue.take(0, false), queue.take(0, false), queue.take(0, false), queue.take(0, true)]
  expect(parts.map((part) => part && [part.start, part.bytes.length])).toEqual([
    [BigInt(mib) - 10n, 10],
    [BigInt(mib), mib],
    null,
    [BigInt(2 * mib), 10],
  ])
})

test('bytes that do not follow are refused, and the bytes are copied', () => {
  const queue = queueFrom(8n)
  expect(() => queue.push(9n, Buffer.from('a'), 0)).toThrow('goes on at 0/9, not at 0/8')
  const message = Buffer.from('abc')
  queue.push(8n, message, 0)
  message.fill(0)
  expect(queue.take(0, true)!.bytes.toString()).toBe('abc')
})

test('uploads that end out of order count in order', async () => {
  const changes: unknown[] = []
  const uploads = new OrderedUploads(10n, (error) => changes.push(error))
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>())
  for (const [index, gate] of gates.entries())
    uploads.add({ end: BigInt(20 + index * 10), bytes: 10 }, gate.promise)
  expect([uploads.confirmed, uploads.inFlight, uploads.bytes]).toEqual([10n, 3, 30])
  gates[1]!.resolve()
  await gates[1]!.promise
  expect([uploads.confirmed, uploads.inFlight, uploads.bytes]).toEqual([10n, 2, 20])
  gates[0]!.resolve()
  await gates[0]!.promise
  expect([uploads.confirmed, uploads.inFlight]).toEqual([30n, 1])
  gates[2]!.reject(new Error('denied'))
  await gates[2]!.promise.catch(() => {})
  await Promise.resolve()
  expect(uploads.confirmed).toBe(30n)
  expect(changes).toEqual([null, null, new Error('denied')])
})
