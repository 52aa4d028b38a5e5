// Memory of packs, used again from one operation to the next: to get and clear 20 MiB for a few hundred bytes costs more
// than all the rest of a simulated backup. Only speed depends on it.
import { PackBuilder } from '../core/pack.ts'

const unused: ArrayBuffer[] = []
const mostUnused = 8
let isUsed = false

/** From now on memory of a pack's size comes from what was given back, if there is any. */
export function reusePackMemory(): void {
  if (isUsed) return
  isUsed = true
  globalThis.ArrayBuffer = new Proxy(ArrayBuffer, {
    construct: (target, parameters: [number], newTarget) =>
      (parameters[0] === PackBuilder.bufferBytes ? unused.pop() : undefined) ?? Reflect.construct(target, parameters, newTarget) as ArrayBuffer,
  })
}

/** @param memory nobody uses it any more. */
export function giveBackMemory(memory: ArrayBufferLike): void {
  if (memory instanceof ArrayBuffer && memory.byteLength === PackBuilder.bufferBytes && unused.length < mostUnused && !unused.includes(memory)) unused.push(memory)
}
