// A thread of a backup: reads and hashes batches, then packs the chunks that the main thread doesn't know yet. Every
// pack is decoded and compared before it leaves the thread.
import { parentPort, workerData } from 'node:worker_threads'
import { PackBuilder, assertSealed } from '../core/pack.ts'
import { maxBatchBytes, readBatch } from './source-reader.ts'
import type { BatchChunk, ItemContent, ReadItem } from './source-reader.ts'

export type ToBackupWorker =
  | { type: 'read'; batch: number; items: ReadItem[] }
  /** `isNew[i]` is 1 for each chunk of the batch that must be packed. */
  | { type: 'pack'; batch: number; isNew: Uint8Array }
  | { type: 'flush' }
  /** Memory of a pack that was uploaded, to build another one in. */
  | { type: 'recycle'; buffer: ArrayBuffer }

export type FromBackupWorker =
  | { type: 'read'; batch: number; contents: ItemContent[]; bytesRead: number }
  | { type: 'packed'; batch: number }
  | { type: 'sealed'; body: Uint8Array<ArrayBuffer>; sha256: string; footer: Uint8Array }
  | { type: 'flushed' }

const { source } = workerData as { source: string }
const port = parentPort!
const batches = new Map<number, { buffer: Buffer; chunks: BatchChunk[] }>()
const spare: ArrayBuffer[] = []
let builder = new PackBuilder(source)

/** Memory of batches that were packed: kept, because the collector is slow to return so much. */
const freeBuffers: Buffer[] = []

function takeBuffer(bytes: number): Buffer {
  const index = freeBuffers.findIndex((buffer) => buffer.length >= bytes)
  return index === -1 ? Buffer.allocUnsafeSlow(Math.max(bytes, maxBatchBytes)) : freeBuffers.splice(index, 1)[0]!
}

function reply(message: FromBackupWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer)
}

function seal(): void {
  if (builder.isEmpty) return
  const sealed = builder.seal()
  assertSealed(sealed, source)
  const { body, sha256, footer } = sealed
  reply({ type: 'sealed', body, sha256, footer }, [body.buffer])
  builder = new PackBuilder(source, spare.pop())
}

port.on('message', (message: ToBackupWorker) => {
  if (message.type === 'read') {
    const bytes = message.items.reduce((sum, item) => sum + item.bytes, 0)
    const buffer = takeBuffer(bytes)
    const { contents, chunks } = readBatch(message.items, buffer)
    batches.set(message.batch, { buffer, chunks })
    reply({ type: 'read', batch: message.batch, contents, bytesRead: chunks.reduce((sum, chunk) => sum + chunk.bytes, 0) })
  } else if (message.type === 'pack') {
    const { buffer, chunks } = batches.get(message.batch)!
    batches.delete(message.batch)
    chunks.forEach((chunk, index) => {
      if (message.isNew[index] === 0) return
      if (builder.isFull) seal()
      builder.add(chunk.digest, buffer.subarray(chunk.offset, chunk.offset + chunk.bytes))
    })
    freeBuffers.push(buffer)
    reply({ type: 'packed', batch: message.batch })
  } else if (message.type === 'flush') {
    seal()
    reply({ type: 'flushed' })
  } else if (spare.length < 1) {
    spare.push(message.buffer)
  }
})
