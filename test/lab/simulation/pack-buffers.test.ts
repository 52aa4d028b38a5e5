import { afterAll, expect, test } from 'vitest'
import { packBufferBytes, packTargetBytes } from '../../../core/pack/pack-size.ts'
import { HostProcess } from '../../../lab/simulation/host-process.ts'
import { poolBuffers, releaseBuffer } from '../../../lab/simulation/pack-buffers.ts'
import { Tally } from '../../../lab/simulation/tally.ts'

const { ArrayBuffer: ownClass } = globalThis
const ownTransfer = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'transfer')!
const ownAllocate = Object.getOwnPropertyDescriptor(Buffer, 'allocUnsafeSlow')!

afterAll(() => {
  globalThis.ArrayBuffer = ownClass
  Object.defineProperty(ArrayBuffer.prototype, 'transfer', ownTransfer)
  Object.defineProperty(Buffer, 'allocUnsafeSlow', ownAllocate)
})

test("the end of a process does not take a pack's buffer that it freed before from the process that has it now", async () => {
  poolBuffers()
  const tally = new Tally({ operation: [], fault: [] })
  const [first, second] = [new HostProcess('first', tally), new HostProcess('second', tally)]
  const allocate = (process: HostProcess): Promise<ArrayBuffer> =>
    process.run(() => Promise.resolve(new ArrayBuffer(packBufferBytes(packTargetBytes))))
  const buffer = await allocate(first)
  first.buffers.add(buffer)
  await first.run(() => Promise.resolve(buffer.transfer(0)))
  const atSecond = await allocate(second)
  for (const pooled of first.buffers) releaseBuffer(pooled)
  const afterFirst = await allocate(second)
  second.buffers.add(atSecond)
  for (const pooled of second.buffers) releaseBuffer(pooled)
  const afterSecond = await allocate(first)
  // A matcher would print 30 MiB.
  expect([atSecond, afterFirst, afterSecond].map((candidate) => candidate === buffer)).toEqual([
    true,
    false,
    true,
  ])
})
