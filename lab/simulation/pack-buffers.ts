// A pool of buffers for packs and reads, shared by successive operations. A fresh, zeroed 30 MiB buffer for a few hundred
// bytes would cost more than the rest of a simulated backup. The pool changes speed only.
import { packBufferBytes, packTargetBytes } from '../../core/pack/pack-size.ts'
import { currentProcess } from './host-process.ts'

const minBytes = 1024 * 1024
const maxPooled = 8
const packBytes = packBufferBytes(packTargetBytes)
const packPool: ArrayBuffer[] = []
const bufferPools = new Map<number, Buffer<ArrayBuffer>[]>()
let isInstalled = false

/** From now on large buffers of a simulated process come from the pool, if it has one of the size. */
export function poolBuffers(): void {
  if (isInstalled) return
  isInstalled = true
  globalThis.ArrayBuffer = new Proxy(ArrayBuffer, {
    construct: (target, parameters: [number], newTarget) =>
      (parameters[0] === packBytes ? packPool.pop() : undefined) ??
      (Reflect.construct(target, parameters, newTarget) as ArrayBuffer),
  })
  const allocate = Buffer.allocUnsafeSlow.bind(Buffer)
  Buffer.allocUnsafeSlow = (bytes: number): Buffer<ArrayBuffer> => {
    const owner = bytes < minBytes ? undefined : currentProcess()
    if (owner === undefined) return allocate(bytes)
    const buffer = bufferPools.get(bytes)?.pop() ?? allocate(bytes)
    owner.buffers.add(buffer)
    return buffer
  }
}

/** Returns a buffer to the pool. No code may use the buffer afterwards. */
export function releaseBuffer(buffer: ArrayBufferLike | Buffer<ArrayBuffer>): void {
  if (Buffer.isBuffer(buffer)) {
    const pool = bufferPools.get(buffer.length) ?? []
    bufferPools.set(buffer.length, pool)
    if (buffer.length > 0 && pool.length < maxPooled) pool.push(buffer)
  } else if (
    buffer instanceof ArrayBuffer &&
    buffer.byteLength === packBytes &&
    packPool.length < maxPooled &&
    !packPool.includes(buffer)
  ) {
    packPool.push(buffer)
  }
}
