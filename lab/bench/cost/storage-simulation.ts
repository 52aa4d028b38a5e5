// A year of daily backups, as packs with locks: by the writer's rule of reuse and by the custodian's rules. It tells
// what a vault stores in the long term.
import { aheadDays, defaultGraceDays } from '../../../checks/custodian/custody-plan.ts'
import { dayMs, mayReuse, renewedMs } from '../../../core/snapshot/retention.ts'
import type { Lock, Renewal } from '../../../core/snapshot/retention.ts'

/**
 * `together`: the bytes that change on a day lie in the same packs, because they were uploaded together before (logs,
 * new files, the same part of a database). `spread`: any chunk may change, so that few packs die as a whole.
 */
export type Changes = 'together' | 'spread'

export interface SimulatedVault {
  promiseDays: number
  generationDays: number
  dailyChange: number
}

/** In multiples of the live bytes, and of their packs. */
export interface SimulatedStorage {
  stored: number
  uploadsPerDay: number
  extensionsPerDay: number
}

interface Pack {
  uploadedDay: number
  namedDay: number
  lockedUntilDay: number
  live: number
}

const packCount = 200
const chunksPerPack = 16
const chunkCount = packCount * chunksPerPack
const days = 380
/** The first days are not measured, because the vault fills. */
const measuredFromDay = 200

export function simulateStorage(vault: SimulatedVault, renewal: Renewal, changes: Changes): SimulatedStorage {
  const simulation = new StorageSimulation(vault, renewal, changes)
  let [stored, uploads, extensions] = [0, 0, 0]
  for (let day = 0; day < days; day++) {
    const figures = simulation.passDay(day)
    if (day < measuredFromDay) continue
    stored += figures.stored
    uploads += figures.uploads
    extensions += figures.extensions
  }
  const total = (days - measuredFromDay) * packCount
  return { stored: stored / total, uploadsPerDay: uploads / total, extensionsPerDay: extensions / total }
}

class StorageSimulation {
  private readonly vault: SimulatedVault
  private readonly renewal: Renewal
  private readonly changes: Changes
  private readonly lock: Lock
  private readonly packOf: Pack[] = []
  private packs: Pack[] = []
  private state = 1
  private changedShare = 0
  private nextChunk = 0

  constructor(vault: SimulatedVault, renewal: Renewal, changes: Changes) {
    this.vault = vault
    this.renewal = renewal
    this.changes = changes
    this.lock = { mode: 'COMPLIANCE', days: vault.promiseDays + vault.generationDays }
  }

  /** The change of a day, its backup, and the custodian. */
  passDay(day: number): { stored: number; uploads: number; extensions: number } {
    const upload = new Set(
      day === 0 ? Array.from({ length: chunkCount }, (_, chunk) => chunk) : this.change(),
    )
    for (const [chunk, pack] of this.packOf.entries()) if (!this.isReusable(pack, day)) upload.add(chunk)
    const uploads = this.upload([...upload], day)
    for (const pack of this.packs) if (pack.live > 0) pack.namedDay = day
    const extensions = this.keep(day)
    return { stored: this.packs.length, uploads, extensions }
  }

  private change(): number[] {
    this.changedShare += this.vault.dailyChange * chunkCount
    const count = Math.floor(this.changedShare)
    this.changedShare -= count
    if (this.changes === 'spread') return Array.from({ length: count }, () => this.below(chunkCount))
    // In rotation: chunks that change on one day were uploaded on one day.
    const first = this.nextChunk
    this.nextChunk = (first + count) % chunkCount
    return Array.from({ length: count }, (_, index) => (first + index) % chunkCount)
  }

  private isReusable({ uploadedDay, namedDay }: Pack, day: number): boolean {
    const { promiseDays } = this.vault
    const pack = { uploadedMs: uploadedDay * dayMs, lock: this.lock }
    const uploadedMs =
      this.renewal === 'extend' ? renewedMs(pack, namedDay * dayMs, promiseDays) : pack.uploadedMs
    return mayReuse({ ...pack, uploadedMs }, this.lock, promiseDays, day * dayMs)
  }

  /** Returns the number of packs. */
  private upload(chunks: readonly number[], day: number): number {
    for (let from = 0; from < chunks.length; from += chunksPerPack) {
      const content = chunks.slice(from, from + chunksPerPack)
      const pack = {
        uploadedDay: day,
        namedDay: day,
        lockedUntilDay: day + this.lock.days,
        live: content.length,
      }
      this.packs.push(pack)
      for (const chunk of content) {
        if (day > 0) this.packOf[chunk]!.live--
        this.packOf[chunk] = pack
      }
    }
    return Math.ceil(chunks.length / chunksPerPack)
  }

  /** Returns the number of extended locks. */
  private keep(day: number): number {
    const { promiseDays, generationDays } = this.vault
    let extensions = 0
    for (const pack of this.packs) {
      const neededUntilDay = pack.namedDay + promiseDays
      const isLive = neededUntilDay > day
      if (!isLive || pack.lockedUntilDay >= neededUntilDay + aheadDays(this.renewal, generationDays)) continue
      pack.lockedUntilDay = Math.min(neededUntilDay + generationDays, day + this.lock.days)
      extensions++
    }
    this.packs = this.packs.filter(({ lockedUntilDay }) => lockedUntilDay + defaultGraceDays > day)
    return extensions
  }

  /** A seeded random number (mulberry32), so that the page is the same on each machine. */
  private below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}
