import { expect, test } from 'vitest'
import { PackBufferPool } from '../../../engine/backup/pack-buffers.ts'

test('so many packs may exist; the next one waits for the memory of one that was uploaded', () => {
  const memory = new PackBufferPool(2)
  const begun: (ArrayBuffer | undefined)[] = []
  for (let request = 0; request < 4; request++) memory.request((given) => begun.push(given))
  expect(begun).toEqual([undefined, undefined])
  const [first, second] = [new ArrayBuffer(1), new ArrayBuffer(2)]
  memory.release(first)
  memory.release(second)
  expect(begun.map((given) => given?.byteLength)).toEqual([undefined, undefined, 1, 2])
})

test('memory that nobody waits for is kept for the next request', () => {
  const memory = new PackBufferPool(0)
  const begun: (number | undefined)[] = []
  memory.release(new ArrayBuffer(3))
  memory.request((given) => begun.push(given?.byteLength))
  memory.request((given) => begun.push(given?.byteLength))
  expect(begun).toEqual([3])
})

test('what is left when it is closed is given to the system', () => {
  const memory = new PackBufferPool(0)
  const left = new ArrayBuffer(1024 * 1024)
  memory.release(left)
  memory.close()
  expect(left.detached).toBe(true)
  const begun: unknown[] = []
  memory.request((given) => begun.push(given))
  expect(begun).toEqual([])
})
