import { expect, test } from 'vitest'
import { PackBufferPool } from '../../../engine/backup/pack-buffers.ts'

test('so many packs may exist; the next one waits for the memory of one that was uploaded', () => {
  const pool = new PackBufferPool(2)
  const begun: (ArrayBuffer | undefined)[] = []
  for (let request = 0; request < 4; request++) pool.request((buffer) => begun.push(buffer))
  expect(begun).toEqual([undefined, undefined])
  const [first, second] = [new ArrayBuffer(1), new ArrayBuffer(2)]
  pool.release(first)
  pool.release(second)
  expect(begun.map((buffer) => buffer?.byteLength)).toEqual([undefined, undefined, 1, 2])
})

test('memory that nobody waits for is kept for the next request', () => {
  const pool = new PackBufferPool(0)
  const begun: (number | undefined)[] = []
  pool.release(new ArrayBuffer(3))
  pool.request((buffer) => begun.push(buffer?.byteLength))
  pool.request((buffer) => begun.push(buffer?.byteLength))
  expect(begun).toEqual([3])
})

test('what is left when it is closed is given to the system', () => {
  const pool = new PackBufferPool(0)
  const buffer = new ArrayBuffer(1024 * 1024)
  pool.release(buffer)
  pool.close()
  expect(buffer.detached).toBe(true)
  const begun: unknown[] = []
  pool.request((buffer) => begun.push(buffer))
  expect(begun).toEqual([])
})

test('a wider link lets more packs exist, and those that wait begin at once', () => {
  const pool = new PackBufferPool(1)
  let begun = 0
  for (let request = 0; request < 4; request++) pool.request(() => begun++)
  expect([begun, pool.isExhausted]).toEqual([1, true])
  pool.growTo(3)
  pool.growTo(2)
  expect([begun, pool.isExhausted]).toEqual([3, true])
  pool.growTo(5)
  expect([begun, pool.isExhausted]).toEqual([4, false])
  for (let request = 0; request < 2; request++) pool.request(() => begun++)
  expect([begun, pool.isExhausted]).toEqual([5, true])
})
