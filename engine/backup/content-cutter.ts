// Cuts the bytes of a file that arrive in any portions, just where a thread that reads the same file cuts them: a
// cluster has the same chunks if its server sends its files.
import { maxChunkBytes } from '../../core/pack/chunker.ts'
import { bufferBytes, cutChunks, segmentBytes } from './source-reader.ts'

/** @param bytes valid during the call. */
type ChunkListener = (digest: Buffer, bytes: Buffer) => void

export class ContentCutter {
  private readonly listener: ChunkListener
  private readonly buffer = Buffer.allocUnsafeSlow(bufferBytes)
  private used = 0
  /** How many bytes of the segment are in the buffer or before it. */
  private inSegment = 0

  constructor(listener: ChunkListener) {
    this.listener = listener
  }

  write(bytes: Buffer): void {
    for (let offset = 0; offset < bytes.length;) {
      const length = Math.min(
        bytes.length - offset,
        this.buffer.length - this.used,
        segmentBytes - this.inSegment,
      )
      bytes.copy(this.buffer, this.used, offset, offset + length)
      offset += length
      this.used += length
      this.inSegment += length
      if (this.inSegment === segmentBytes) this.endSegment()
      else if (this.used === this.buffer.length) this.cut(maxChunkBytes)
    }
  }

  /** Call it at the end of each file. */
  endFile(): void {
    this.endSegment()
  }

  private endSegment(): void {
    this.cut(1)
    this.inSegment = 0
  }

  /** @param minBytes a cut depends on so many bytes behind it, except at the end. */
  private cut(minBytes: number): void {
    let end = 0
    for (const { digest, offset, bytes } of cutChunks(this.buffer, 0, this.used, minBytes)) {
      end = offset + bytes
      this.listener(digest, this.buffer.subarray(offset, end))
    }
    this.buffer.copyWithin(0, end, this.used)
    this.used -= end
  }
}
