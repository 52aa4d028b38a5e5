// Parts of every command that looks after a vault: the file of objectives, the sources, and the report.
import type { Report } from '../checks/reports/report.ts'
import type { CheckSettings } from '../checks/settings.ts'
import { HoldfastError } from '../core/errors.ts'
import type { ObjectStore } from '../core/store/object-store.ts'
import type { OpenSession } from './open-vault.ts'

/** @param file undefined: there are the defaults. @throws `not-found`, `invalid-input` with the key and the reason. */
export async function readCheckSettings(file: string | undefined): Promise<CheckSettings> {
  const { maxSettingsBytes, parseSettings } = await import('../checks/settings.ts')
  if (file === undefined) return parseSettings('formatVersion: 1', 'the defaults')
  const { readTextFile } = await import('../blast-radius/text-file.ts')
  return parseSettings(readTextFile(file, { label: 'the file', maxBytes: maxSettingsBytes }), file)
}

/**
 * The sources of the vault and of the settings, at least one. If the vault can't be listed, those of the settings, so
 * that each gets a finding.
 * @throws as the store, if no source is configured; `no-recovery-point` for a vault without one.
 */
export async function namesOfSources(
  store: ObjectStore,
  settings: Pick<CheckSettings, 'sources'>,
): Promise<string[]> {
  const configured = Object.keys(settings.sources)
  const names = await allSources(store, configured)
  if (names.length > 0) return names
  throw new HoldfastError('no-recovery-point', `${store.name} holds no source, and none is configured`, {
    hint: 'pass --source, or name the sources in the file of --checks',
  })
}

async function allSources(store: ObjectStore, configured: readonly string[]): Promise<string[]> {
  const { listSources } = await import('../core/snapshot/snapshot.ts')
  try {
    return [...new Set([...configured, ...(await listSources(store))])].sort()
  } catch (error) {
    if (configured.length === 0 || !(error instanceof HoldfastError)) throw error
    return [...configured].sort()
  }
}

/** A report that can't be written is a failure of the run, and its records are printed all the same. */
export async function keepReport(
  { store, openSigner }: Pick<OpenSession, 'store' | 'openSigner'>,
  report: Report,
  signingKey: string | undefined,
): Promise<{ key: string | null; problem: HoldfastError | null }> {
  const { writeReport } = await import('../checks/reports/report-store.ts')
  try {
    const signer = signingKey === undefined ? null : await openSigner(signingKey)
    return { key: await writeReport(store, report, signer), problem: null }
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    return { key: null, problem: error }
  }
}
