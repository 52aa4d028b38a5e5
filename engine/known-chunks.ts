// Which chunks need not be uploaded: those of packs whose lock still covers the promise, and those of this very run.
import { ChunkIndex } from '../core/chunk-index.ts'
import { digestBytes } from '../core/digest.ts'
import { parseFooter } from '../core/pack-footer.ts'
import type { CachedPack } from './backup-cache.ts'

/** The value of a chunk that this run packs. */
const ofThisRun = 2 ** 40

export class KnownChunks {
  private index = new ChunkIndex()
  private packs: readonly CachedPack[]
  private used: Uint8Array

  constructor(packs: readonly CachedPack[], source: string) {
    this.packs = packs
    this.used = new Uint8Array(packs.length)
    packs.forEach((pack, number) => {
      const { lengths, digests } = parseFooter(pack.footer, source, `the cached footer of ${pack.key}`)
      for (let chunk = 0; chunk < lengths.length; chunk++) this.index.set(digests, chunk * digestBytes, number)
    })
  }

  has(digest: Uint8Array, offset = 0): boolean {
    return this.index.find(digest, offset) !== -1
  }

  /** Notes that the snapshot needs the chunk. True if it must be packed: nobody has it yet. */
  claim(digest: Uint8Array, offset = 0): boolean {
    const value = this.index.find(digest, offset)
    if (value === -1) {
      this.index.set(digest, offset, ofThisRun)
      return true
    }
    if (value !== ofThisRun) this.used[value] = 1
    return false
  }

  /** The packs of earlier runs that the snapshot needs. */
  usedPacks(): CachedPack[] {
    return this.packs.filter((_, number) => this.used[number] === 1)
  }
}
