// `holdfast backup`: one more snapshot of a source.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import { backup } from '../../engine/backup/backup.ts'
import type { BackupProgress } from '../../engine/operations.ts'
import { externalIdOf } from '../../guardrails/names.ts'
import type { Configuration } from '../configuration.ts'
import { withVault } from '../open-vault.ts'
import { makeOutput } from '../output.ts'
import { toolVersion } from '../program.ts'
import type { Invocation } from '../program.ts'
import { backupRecord, renderBackup } from '../render/backup-report.ts'
import { bytesText, countOf } from '../render/figures.ts'
import { resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

const defaultPromiseDays = 30

export interface BackupFlags extends VaultFlags {
  source: string
  kind: 'volume' | 'postgres'
  cacheDir?: string
  promiseDays?: number
  allowUnlocked?: boolean
  dryRun?: boolean
}

/** @throws `incomplete` after the snapshot was committed and reported, if something in it is missing. */
export async function runBackup(
  directory: string,
  flags: BackupFlags,
  invocation: Invocation,
): Promise<void> {
  assertSourceName(flags.source)
  const output = makeOutput(invocation, flags.json ?? false)
  const writerOf = ({ writers }: Configuration): string | undefined =>
    Object.hasOwn(writers, flags.source) ? writers[flags.source] : undefined
  const address = resolveVault(flags, 'backup', writerOf, externalIdOf(flags.source))
  await withVault(address, invocation.signal, async (vault) => {
    const progress = output.progress()
    try {
      const result = await backup({
        ...vault,
        source: flags.source,
        kind: flags.kind,
        directory: resolve(directory),
        cacheDirectory: resolve(flags.cacheDir || defaultCacheDirectory(invocation.environment)),
        promiseDays: flags.promiseDays ?? address.promiseDays ?? defaultPromiseDays,
        allowUnlocked: flags.allowUnlocked ?? false,
        dryRun: flags.dryRun ?? false,
        toolVersion: toolVersion(),
        onProgress: (figures) => progress.update(progressText(figures), { ...figures }),
      })
      progress.stop()
      output.record('backup', {
        ...backupRecord(result),
        vault: vault.store.name,
        requests: vault.store.requests,
      })
      output.text(renderBackup(result, { directory: resolve(directory), vault: vault.store.name }))
      if (!result.complete) throw incomplete(result.snapshot?.id ?? null)
    } finally {
      progress.stop()
    }
  })
}

function incomplete(id: string | null): HoldfastError {
  const what = id === null ? 'a snapshot would be incomplete' : `the snapshot ${id} is incomplete`
  return new HoldfastError(
    'incomplete',
    `${what}: something was unreadable, vanished or changed while it was read`,
    {
      hint: 'see which above, mend it (permissions, a stopped service, a file-system snapshot to read from), and back up again',
      context: { snapshot: id },
    },
  )
}

function progressText(progress: BackupProgress): string {
  return `${countOf(progress.entries, 'entry', 'entries')}, ${bytesText(progress.bytesRead)} read, ${bytesText(progress.bytesUnchanged)} unchanged, ${bytesText(
    progress.bytesUploaded,
  )} uploaded in ${countOf(progress.packsUploaded, 'pack')}`
}

/** As the XDG base directory specification says. */
function defaultCacheDirectory(environment: Record<string, string | undefined>): string {
  return join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'holdfast')
}
