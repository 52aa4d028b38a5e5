// What a thread of a backup does: reads and hashes batches, then packs the chunks that the main thread doesn't know yet.
// Every pack is decoded and compared before it is handed over.
import { PackBuilder, assertSealed } from '../core/pack.ts'
import { maxBatchBytes, readBatch } from './source-reader.ts'
import type { BatchChunk, ItemContent, ReadItem } from './source-reader.ts'
import type { Reply, WorkerCode } from './worker-pool.ts'

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

export class BackupWorker implements WorkerCode<ToBackupWorker> {
  private source: string
  private reply: Reply<FromBackupWorker>
  private batches = new Map<number, { buffer: Buffer; chunks: BatchChunk[] }>()
  private spare: ArrayBuffer[] = []
  private builder: PackBuilder
  /** Memory of batches that were packed: kept, because the collector is slow to return so much. */
  private freeBuffers: Buffer[] = []

  constructor({ source }: { source: string }, reply: Reply<FromBackupWorker>) {
    this.source = source
    this.reply = reply
    this.builder = new PackBuilder(source)
  }

  receive(message: ToBackupWorker): void {
    if (message.type === 'read') {
      const bytes = message.items.reduce((sum, item) => sum + item.bytes, 0)
      const buffer = this.takeBuffer(bytes)
      const { contents, chunks } = readBatch(message.items, buffer)
      this.batches.set(message.batch, { buffer, chunks })
      this.reply({ type: 'read', batch: message.batch, contents, bytesRead: chunks.reduce((sum, chunk) => sum + chunk.bytes, 0) })
    } else if (message.type === 'pack') {
      const { buffer, chunks } = this.batches.get(message.batch)!
      this.batches.delete(message.batch)
      chunks.forEach((chunk, index) => {
        if (message.isNew[index] === 0) return
        if (this.builder.isFull) this.seal()
        this.builder.add(chunk.digest, buffer.subarray(chunk.offset, chunk.offset + chunk.bytes))
      })
      this.freeBuffers.push(buffer)
      this.reply({ type: 'packed', batch: message.batch })
    } else if (message.type === 'flush') {
      this.seal()
      this.reply({ type: 'flushed' })
    } else if (this.spare.length < 1) {
      this.spare.push(message.buffer)
    }
  }

  close(): void {
    this.batches.clear()
    this.freeBuffers = []
  }

  private takeBuffer(bytes: number): Buffer {
    const index = this.freeBuffers.findIndex((buffer) => buffer.length >= bytes)
    return index === -1 ? Buffer.allocUnsafeSlow(Math.max(bytes, maxBatchBytes)) : this.freeBuffers.splice(index, 1)[0]!
  }

  private seal(): void {
    if (this.builder.isEmpty) return
    const sealed = this.builder.seal()
    assertSealed(sealed, this.source)
    const { body, sha256, footer } = sealed
    this.reply({ type: 'sealed', body, sha256, footer }, [body.buffer])
    this.builder = new PackBuilder(this.source, this.spare.pop())
  }
}
