// Memory of packs and of what is read, used again from one operation to the next: to get and clear 30 MiB for a few hundred
// bytes costs more than all the rest of a simulated backup. Only speed depends on it.
import { packBufferBytes, packTargetBytes } from '../../core/pack/pack-size.ts'
import { currentProcess } from './host-process.ts'

const leastBytes = 1024 * 1024
const mostUnused = 8
const packBytes = packBufferBytes(packTargetBytes)
const unusedPacks: ArrayBuffer[] = []
const unusedBuffers = new Map<number, Buffer<ArrayBuffer>[]>()
let isUsed = false

/** From now on large memory of a simulated process comes from what was given back, if there is any. */
export function reuseMemory(): void {
  if (isUsed) return
  isUsed = true
  globalThis.ArrayBuffer = new Proxy(ArrayBuffer, {
    construct: (target, parameters: [number], newTarget) =>
      (parameters[0] === packBytes ? unusedPacks.pop() : undefined) ??
      (Reflect.construct(target, parameters, newTarget) as ArrayBuffer),
  })
  const allocate = Buffer.allocUnsafeSlow.bind(Buffer)
  Buffer.allocUnsafeSlow = (bytes: number): Buffer<ArrayBuffer> => {
    const owner = bytes < leastBytes ? undefined : currentProcess()
    if (owner === undefined) return allocate(bytes)
    const buffer = unusedBuffers.get(bytes)?.pop() ?? allocate(bytes)
    owner.memory.add(buffer)
    return buffer
  }
}

/** @param memory nobody uses it any more. */
export function giveBackMemory(memory: ArrayBufferLike | Buffer<ArrayBuffer>): void {
  if (Buffer.isBuffer(memory)) {
    const same = unusedBuffers.get(memory.length) ?? []
    unusedBuffers.set(memory.length, same)
    if (memory.length > 0 && same.length < mostUnused) same.push(memory)
  } else if (
    memory instanceof ArrayBuffer &&
    memory.byteLength === packBytes &&
    unusedPacks.length < mostUnused &&
    !unusedPacks.includes(memory)
  ) {
    unusedPacks.push(memory)
  }
}
