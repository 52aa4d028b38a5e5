// Reports in the vault: written once, under a new key; read by their version, below any delete marker.
import { sha256Hex } from '../../core/digest.ts'
import { isHoldfastError, objectFailures } from '../../core/errors.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import type { ObjectStore, ObjectVersion } from '../../core/store/object-store.ts'
import type { Signer, TrustedKeys } from '../../core/signature.ts'
import { parseReportKey, reportDayPrefix, reportKey } from './report.ts'
import type { Report } from './report.ts'
import { maxSealedBytes, openReport, sealReport } from './sealed-report.ts'
import { findingText } from '../finding-text.ts'

/** Where several tasks report each night, one day has many. An attacker can't add any: only vault roles write here. */
const maxReportsPerDay = 1000

export interface StoredReport {
  key: string
  /** Null: it can't be used; then why. */
  report: Report | null
  problem: string | null
}

/**
 * @param signer null: the report is not signed.
 * @throws as the store and the signer: a run's key is new, so that a conflict is a failure too.
 */
export async function writeReport(
  store: ObjectStore,
  report: Report,
  signer: Signer | null = null,
): Promise<string> {
  const key = reportKey(report)
  const body = await sealReport(report, signer)
  await store.putIfAbsent(key, body, sha256Hex(body))
  return key
}

/**
 * Yields reports, the newest first, of `days` days up to `nowMs`. One day is listed when the caller asks for it.
 * @param keys null: signatures are not checked.
 * @throws as the store.
 */
export async function* readReports(
  store: ObjectStore,
  nowMs: number,
  days: number,
  keys: TrustedKeys | null = null,
): AsyncGenerator<StoredReport> {
  for (let day = 0; day < days; day++) {
    const versions = await listDay(store, nowMs - day * dayMs)
    for (const version of versions) yield readReport(store, version, keys)
  }
}

/** The first version of each report of one day, the newest first: a later version is no report of its run. */
async function listDay(store: ObjectStore, timeMs: number): Promise<ObjectVersion[]> {
  const byKey = new Map<string, ObjectVersion>()
  for await (const version of store.listVersions(reportDayPrefix(timeMs)))
    if (!version.isDeleteMarker && parseReportKey(version.key) !== null) byKey.set(version.key, version)
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? 1 : -1)).slice(0, maxReportsPerDay)
}

async function readReport(
  store: ObjectStore,
  version: ObjectVersion,
  keys: TrustedKeys | null,
): Promise<StoredReport> {
  const { key, bytes } = version
  if (bytes > maxSealedBytes) return { key, report: null, problem: `the report ${key} is too large` }
  try {
    const report = openReport(await store.getRange(version, 0, bytes), key, keys)
    return { key, report, problem: null }
  } catch (error) {
    if (!isHoldfastError(error, ...objectFailures)) throw error
    return { key, report: null, problem: findingText(`${key}: ${error.message}`) }
  }
}
