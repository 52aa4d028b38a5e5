// The chunks that need no upload: those in packs whose lock covers the guaranteed retention, and those
// packed in this run.
import { ChunkIndex } from '../../core/pack/chunk-index.ts'
import { digestBytes } from '../../core/digest.ts'
import { parseFooter } from '../../core/pack/pack-footer.ts'
import type { CachedPack } from './backup-cache.ts'

/** Stands for the pack number of chunks that this run packs. */
const packedInThisRun = 2 ** 40

/**
 * A pack of an earlier run that may be reused. Only the size of its footer is kept, because all footers
 * take megabytes.
 */
export interface ReusablePack extends Omit<CachedPack, 'footer'> {
  footerBytes: number
}

export class DedupIndex {
  private readonly index = new ChunkIndex()
  readonly packs: ReusablePack[] = []
  private readonly used: boolean[] = []
  /** The packs of one call of `markAllUsed`: an array for each file would be garbage. */
  private readonly packsOfChunks: number[] = []

  /** @param source the owner of the pack. */
  add({ footer, ...pack }: CachedPack, source: string): void {
    const { lengths, digests } = parseFooter(footer, source, `the cached footer of ${pack.key}`)
    for (let chunk = 0; chunk < lengths.length; chunk++)
      this.index.set(digests, chunk * digestBytes, this.packs.length)
    this.packs.push({ ...pack, footerBytes: footer.length })
    this.used.push(false)
  }

  /**
   * Records that the snapshot needs the chunk. Returns true if the chunk is new, so that it must be packed.
   */
  markUsed(digest: Uint8Array, offset = 0): boolean {
    const value = this.index.find(digest, offset)
    if (value === -1) {
      this.index.set(digest, offset, packedInThisRun)
      return true
    }
    if (value !== packedInThisRun) this.used[value] = true
    return false
  }

  /** Records that the snapshot needs all of these chunks, if none of them is new. Returns false otherwise. */
  markAllUsed(digests: Uint8Array): boolean {
    const { packsOfChunks } = this
    packsOfChunks.length = 0
    for (let offset = 0; offset < digests.length; offset += digestBytes) {
      const value = this.index.find(digests, offset)
      if (value === -1) return false
      if (value !== packedInThisRun) packsOfChunks.push(value)
    }
    for (const pack of packsOfChunks) this.used[pack] = true
    return true
  }

  /** Returns the packs of earlier runs that the snapshot needs. */
  usedPacks(): ReusablePack[] {
    return this.packs.filter((_, number) => this.used[number])
  }
}
