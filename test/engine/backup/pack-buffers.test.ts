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
