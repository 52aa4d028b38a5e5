// Computes the long-term cost of a vault from the product's own rules of reuse and a list of prices.
import { maxRequestBytes } from '../../../core/restore-plan/restore-plan.ts'
import { dayMs, mayReuse } from '../../../core/snapshot/retention.ts'
import type { Lock, Renewal as Way } from '../../../core/snapshot/retention.ts'
import { simulateStorage } from './storage-simulation.ts'
import type { Changes } from './storage-simulation.ts'

/** US dollars. */
export interface Prices {
  storageGibMonth: number
  per1000Puts: number
  per1000Gets: number
  /** Egress to the internet, and to another region. */
  internetGib: number
  otherRegionGib: number
}

export interface Vault {
  /** Bytes of the packs of the newest snapshot, after deduplication and compression. */
  liveBytes: number
  packBytes: number
  promiseDays: number
  generationDays: number
  /** The share of the live bytes that changes each day. */
  dailyChange: number
}

export interface Renewal {
  /** Bytes in the vault in the long term, on average. */
  storedBytes: number
  /** Uploads, and extensions of locks. */
  putsPerMonth: number
  storagePerMonth: number
  requestsPerMonth: number
}

const gib = 2 ** 30
const monthDays = 30

/** PUTs of a first backup: its packs. Index, tree and manifest add a few objects. */
export function packsOf({ liveBytes, packBytes }: Pick<Vault, 'liveBytes' | 'packBytes'>): number {
  return Math.ceil(liveBytes / packBytes)
}

/** Days after which a daily backup must upload a pack's content again, by the rule of the backup itself. */
export function renewalDays({
  promiseDays,
  generationDays,
}: Pick<Vault, 'promiseDays' | 'generationDays'>): number {
  const lock: Lock = { mode: 'COMPLIANCE', days: promiseDays + generationDays }
  let days = 1
  while (mayReuse({ uploadedMs: 0, lock }, lock, promiseDays, days * dayMs)) days += 1
  return days
}

/** The cost of unchanged content that stays locked. */
export function renew(vault: Vault, prices: Prices, way: { renewal: Way; changes: Changes }): Renewal {
  const { stored, uploadsPerDay, extensionsPerDay } = simulateStorage(vault, way.renewal, way.changes)
  const storedBytes = stored * vault.liveBytes
  const putsPerMonth = (uploadsPerDay + extensionsPerDay) * packsOf(vault) * monthDays
  return {
    storedBytes,
    putsPerMonth,
    storagePerMonth: (storedBytes / gib) * prices.storageGibMonth,
    requestsPerMonth: putCost(putsPerMonth, prices),
  }
}

export function putCost(puts: number, { per1000Puts }: Prices): number {
  return (puts / 1000) * per1000Puts
}

/** A full restore: one GET per pack, or several for a large pack, and the egress. */
export function restoreCost(
  vault: Vault,
  prices: Prices,
): { gets: number; requests: number; sameRegion: number; otherRegion: number; internet: number } {
  const gets = packsOf(vault) * Math.ceil(vault.packBytes / maxRequestBytes)
  const requests = (gets / 1000) * prices.per1000Gets
  const size = vault.liveBytes / gib
  return {
    gets,
    requests,
    sameRegion: requests,
    otherRegion: requests + size * prices.otherRegionGib,
    internet: requests + size * prices.internetGib,
  }
}
