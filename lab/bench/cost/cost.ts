// What a vault costs in the long run, from the product's own rules of reuse and a list of prices.
import { maxRequestBytes } from '../../../core/restore-plan/restore-plan.ts'
import { dayMs, mayReuse } from '../../../core/snapshot/retention.ts'
import type { Lock } from '../../../core/snapshot/retention.ts'

/** US dollars. */
export interface Prices {
  storageGibMonth: number
  per1000Puts: number
  per1000Gets: number
  /** What leaves: to the internet, and to another region. */
  internetGib: number
  otherRegionGib: number
}

export interface Vault {
  /** What the newest snapshot needs in packs, after deduplication and compression. */
  liveBytes: number
  packBytes: number
  promiseDays: number
  generationDays: number
  /** The share of the live bytes that each day brings anew. */
  dailyChange: number
}

export interface Renewal {
  /** How often the same bytes are made anew, or their locks. */
  everyDays: number
  /** What the vault holds in the long run, with what has run out removed. */
  storedBytes: number
  putsPerMonth: number
  storagePerMonth: number
  requestsPerMonth: number
}

const gib = 2 ** 30
const monthDays = 30

/** PUTs of a first backup: its packs. Index, tree and manifest are a few objects more. */
export function packsOf({ liveBytes, packBytes }: Pick<Vault, 'liveBytes' | 'packBytes'>): number {
  return Math.ceil(liveBytes / packBytes)
}

/** Days after its upload at which the first of daily runs must upload a pack's content again: as the backup itself decides. */
export function renewalDays({
  promiseDays,
  generationDays,
}: Pick<Vault, 'promiseDays' | 'generationDays'>): number {
  const lock: Lock = { mode: 'COMPLIANCE', days: promiseDays + generationDays }
  let days = 1
  while (mayReuse({ uploadedMs: 0, lock }, lock, promiseDays, days * dayMs)) days += 1
  return days
}

/**
 * Uploading again: what didn't change is uploaded every `renewalDays`, and each upload lies for as long as it is locked. An upper
 * bound, because what changes anyway needs no renewal.
 */
export function renewByUpload(vault: Vault, prices: Prices): Renewal {
  const everyDays = renewalDays(vault)
  const uploadedPerDay = vault.liveBytes * (1 / everyDays + vault.dailyChange)
  return renewal(
    {
      everyDays,
      storedBytes: uploadedPerDay * (vault.promiseDays + vault.generationDays),
      putsPerMonth: (uploadedPerDay / vault.packBytes) * monthDays,
    },
    prices,
  )
}

/** Extending locks: one PutObjectRetention a pack and generation; only what changed lies beside what is live. */
export function renewByExtension(vault: Vault, prices: Prices): Renewal {
  const everyDays = renewalDays(vault)
  const storedBytes = vault.liveBytes * (1 + vault.dailyChange * (vault.promiseDays + vault.generationDays))
  const changed = (vault.liveBytes * vault.dailyChange) / vault.packBytes
  return renewal(
    { everyDays, storedBytes, putsPerMonth: (packsOf(vault) / everyDays + changed) * monthDays },
    prices,
  )
}

function renewal(of: Pick<Renewal, 'everyDays' | 'storedBytes' | 'putsPerMonth'>, prices: Prices): Renewal {
  return {
    ...of,
    storagePerMonth: (of.storedBytes / gib) * prices.storageGibMonth,
    requestsPerMonth: putCost(of.putsPerMonth, prices),
  }
}

export function putCost(puts: number, { per1000Puts }: Prices): number {
  return (puts / 1000) * per1000Puts
}

/** A full restore: one GET a pack, or as many as a large one takes, and the bytes on their way out. */
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
