// The figures of the snapshots that a writer would commit of a simulated source: which chunks it uploads, in which
// packs, and when it uploads unchanged content again into a new generation (engine/backup/).
import { dayMs } from '../../core/snapshot/retention.ts'
import { packTargetBytes } from '../../core/pack/pack-size.ts'
import type { DailyUploads, SnapshotFigures } from '../../checks/behaviour/daily-figures.ts'
import type { SimulatedChunk, SimulatedFile } from './simulated-source.ts'

/** Chunks of the tree, for each file that the snapshot has; two objects more hold the index and the manifest. */
const treeBytesPerFile = 60
const objectsBesides = 2
const incompressible = 0.95

interface Pack {
  day: number
  bytes: number
}

export class SimulatedWriter {
  /** Chunk to the pack that holds it. */
  private readonly packs = new Map<number, Pack>()
  private readonly generationDays: number
  readonly uploads = new Map<number, DailyUploads>()
  private isFirst = true

  constructor(generationDays = 10) {
    this.generationDays = generationDays
  }

  /** @param day since 1970, as of the store. */
  snapshot(files: Iterable<SimulatedFile>, day: number): SnapshotFigures {
    const packer = new Packer(day)
    const figures = { files: 0, bytes: 0, newBytes: 0, incompressibleBytes: 0 }
    const seen = new Set<number>()
    const needed = new Set<Pack>()
    for (const { chunks } of files) {
      figures.files++
      for (const chunk of chunks) {
        figures.bytes += chunk.bytes
        if (seen.has(chunk.id)) continue
        seen.add(chunk.id)
        const pack = this.packs.get(chunk.id)
        if (pack === undefined) {
          figures.newBytes += chunk.bytes
          if (chunk.storedShare >= incompressible) figures.incompressibleBytes += chunk.bytes
        }
        if (pack !== undefined && day - pack.day < this.generationDays) needed.add(pack)
        else {
          const newPack = packer.add(chunk)
          this.packs.set(chunk.id, newPack)
          needed.add(newPack)
        }
      }
    }
    // A changed tree of this size is new as a whole.
    if (figures.newBytes > 0 || packer.packs.length > 0) {
      needed.add(packer.addTree(figures.files * treeBytesPerFile))
      figures.newBytes += figures.files * treeBytesPerFile
    }
    this.uploads.set(day, { puts: packer.packs.length + objectsBesides, bytes: packer.bytes })
    const isFirst = this.isFirst
    this.isFirst = false
    return {
      id: `day ${day}`,
      timeMs: day * dayMs,
      ...figures,
      ...(isFirst ? { newBytes: null, incompressibleBytes: null } : {}),
      neededBytes: [...needed].reduce((sum, { bytes }) => sum + bytes, 0),
      packs: needed.size,
      leftOut: 0,
    }
  }
}

/** Fills packs one after the other. */
class Packer {
  readonly packs: Pack[] = []
  private readonly day: number

  constructor(day: number) {
    this.day = day
  }

  get bytes(): number {
    return this.packs.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  add({ bytes, storedShare }: SimulatedChunk): Pack {
    let pack = this.packs.at(-1)
    if (pack === undefined || pack.bytes >= packTargetBytes) {
      pack = { day: this.day, bytes: 0 }
      this.packs.push(pack)
    }
    pack.bytes += Math.round(bytes * storedShare)
    return pack
  }

  addTree(bytes: number): Pack {
    const pack = { day: this.day, bytes }
    this.packs.push(pack)
    return pack
  }
}
