// A source of a simulation: files of chunks, without their bytes. A chunk is content that an edit replaces as a whole.
import type { Seeded } from '../simulation/random.ts'

export interface SimulatedChunk {
  /** Equal ids are equal chunks. */
  readonly id: number
  /** Two chunks can have the same content, cut in another way. */
  readonly content: number
  readonly bytes: number
  /** Stored bytes for each byte; 1: the content does not shrink. */
  readonly storedShare: number
}

export interface SimulatedFile {
  readonly name: string
  chunks: SimulatedChunk[]
}

export class SimulatedSource {
  readonly files = new Map<string, SimulatedFile>()
  readonly seeded: Seeded
  private nextId = 0

  constructor(seeded: Seeded) {
    this.seeded = seeded
  }

  get bytes(): number {
    let sum = 0
    for (const { chunks } of this.files.values()) for (const { bytes } of chunks) sum += bytes
    return sum
  }

  newChunk(bytes: number, storedShare: number): SimulatedChunk {
    const id = this.nextId++
    return { id, content: id, bytes: Math.max(1, Math.round(bytes)), storedShare }
  }

  write(name: string, chunks: SimulatedChunk[]): void {
    this.files.set(name, { name, chunks })
  }

  /** Other content of the same size; an attack may have emptied the file. */
  replace(file: SimulatedFile, index: number, storedShare?: number): void {
    const chunk = file.chunks[index]
    if (chunk === undefined) return
    file.chunks = file.chunks.with(index, this.newChunk(chunk.bytes, storedShare ?? chunk.storedShare))
  }

  /** Other content in a part of a file: its borders are no borders of chunks, so that those beside it are cut anew. */
  edit(file: SimulatedFile, index: number, storedShare: number): void {
    this.replace(file, index, storedShare)
    for (const neighbour of [index - 1, index + 1]) {
      const chunk = file.chunks[neighbour]
      if (chunk !== undefined && neighbour >= 0)
        file.chunks = file.chunks.with(neighbour, { ...chunk, id: this.nextId++ })
    }
  }

  /** Files in an order that the seed decides. */
  shuffledFiles(): SimulatedFile[] {
    return [...this.files.values()]
      .map((file) => ({ file, order: this.seeded.next() }))
      .sort((a, b) => a.order - b.order)
      .map(({ file }) => file)
  }

  /** Log-normal with the median 1. */
  factor(sigma: number): number {
    const { seeded } = this
    const normal = Math.sqrt(-2 * Math.log(1 - seeded.next())) * Math.cos(2 * Math.PI * seeded.next())
    return Math.exp(sigma * normal)
  }

  /** A count with this mean, as of independent events. */
  count(mean: number): number {
    const limit = Math.exp(-mean)
    let product = this.seeded.next()
    let count = 0
    for (; product > limit; count++) product *= this.seeded.next()
    return count
  }
}
