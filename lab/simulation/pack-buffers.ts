// A pool of buffers for packs and reads, shared by successive operations. A fresh, zeroed 30 MiB buffer for a few
// hundred bytes would cost more than the rest of a simulated backup. The pool changes speed only.
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
  const move = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'transfer')!.value as (
    this: ArrayBuffer,
    bytes?: number,
  ) => ArrayBuffer
  // The engine releases a buffer by moving it to one of no bytes. A pack's buffer goes to the pool instead. The process
  // no longer holds it then: at the process's end, a concurrent one may have it from the pool.
  ArrayBuffer.prototype.transfer = function (this: ArrayBuffer, bytes?: number): ArrayBuffer {
    currentProcess()?.buffers.delete(this)
    return bytes === 0 && poolPack(this) ? new ArrayBuffer(0) : move.call(this, bytes)
  }
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
  } else if (buffer instanceof ArrayBuffer) poolPack(buffer)
}

/** Returns false for a buffer that isn't a pack's, and when the pool is full. The pool must hold no detached buffer. */
function poolPack(buffer: ArrayBuffer): boolean {
  if (packPool.includes(buffer)) return true
  if (buffer.byteLength !== packBytes || packPool.length >= maxPooled) return false
  packPool.push(buffer)
  return true
}
