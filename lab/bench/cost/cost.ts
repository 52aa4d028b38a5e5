// Computes the long-term cost of a vault from the product's own rules of reuse and a list of prices.
import { maxRequestBytes } from '../../../core/restore-plan/restore-plan.ts'
import { dayMs, mayReuse } from '../../../core/snapshot/retention.ts'
import type { Lock } from '../../../core/snapshot/retention.ts'

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
  /** The interval at which unchanged bytes are uploaded again, or their locks extended. */
  everyDays: number
  /** Bytes in the vault in the long term, without expired ones. */
  storedBytes: number
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

/**
 * Renewal by upload: unchanged bytes are uploaded every `renewalDays`, and each upload stays until its lock ends. An upper
 * bound, because changed bytes need no renewal.
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

/** Renewal by extension: one PutObjectRetention per pack and generation; only replaced bytes lie beside the live ones. */
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
