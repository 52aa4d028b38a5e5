// Bytes from a seed: incompressible bytes, and text that compresses like real text.
import { createCipheriv, createHash } from 'node:crypto'
import type { Cipheriv } from 'node:crypto'

const words = 4096

export class SeededBytes {
  private readonly cipher: Cipheriv
  private readonly vocabulary: Buffer[]

  constructor(seed: string) {
    const key = createHash('sha256').update(seed).digest()
    this.cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
    this.vocabulary = Array.from({ length: words }, () =>
      Buffer.from(`${this.random(1 + this.below(6)).toString('hex')} `),
    )
  }

  /** `bytes` incompressible bytes. */
  random(bytes: number): Buffer {
    return this.cipher.update(Buffer.alloc(bytes))
  }

  /** `bytes` of words. Half of them come from a small set, so that the text compresses; no two texts are equal. */
  text(bytes: number): Buffer {
    const text = Buffer.allocUnsafe(bytes)
    let written = 0
    while (written < bytes) {
      const choices = this.random(2048)
      for (let at = 0; at < choices.length && written < bytes; at += 2) {
        const choice = choices.readUInt16LE(at)
        const word = this.vocabulary[choice & 0x8000 ? choice & 63 : choice & (words - 1)]!
        written += word.copy(text, written)
      }
    }
    return text
  }

  /** A whole number from 0 up to `limit`, without it. */
  below(limit: number): number {
    return this.random(4).readUInt32LE() % limit
  }
}
