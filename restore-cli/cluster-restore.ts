// `restore` of a cluster whose WAL the vault holds: it chooses base and timeline, recovers to the target, and reports.
import { HoldfastError, isHoldfastError } from '../core/errors.ts'
import type { ClusterWal } from '../core/recovery/cluster-wal.ts'
import type { Base, RecoveryChoice, RecoveryRequest } from '../core/recovery/recovery-choice.ts'
import type { RecoveryTarget } from '../core/recovery/recovery-target.ts'
import type { SnapshotRequest } from '../core/snapshot/snapshot-choice.ts'
import type { Preference } from '../core/snapshot/snapshot-receipts.ts'
import type { SnapshotRef } from '../core/snapshot/snapshot-list.ts'
import { sourcePrefix } from '../core/store/vault-keys.ts'
import type { WalFlag } from '../core/wal/wal-receipt.ts'
import type { PreparedRecovery } from '../engine/recovery/prepare-recovery.ts'
import type { OpenVault } from './open-vault.ts'
import type { Output } from './output.ts'
import { bytesText } from './render/figures.ts'
import { preparedRecord, recoveredRecord, renderPrepared, renderRecovered } from './render/recovery-report.ts'

export interface RecoveryFlags {
  lsn?: string
  xid?: string
  name?: string
  timeline?: number
  start?: boolean
  postgresBin?: string
}

export interface PlannedRecovery {
  choice: RecoveryChoice
  cluster: ClusterWal
  /** The notary's flags of the WAL that was chosen. Without its key there are none. */
  doubts: readonly WalFlag[]
}

export interface RecoverySearch {
  request: SnapshotRequest
  flags: RecoveryFlags
  /** False if only some entries are to be restored. */
  isWhole: boolean
}

/**
 * Null if the source has no WAL, or no base from which WAL leads on, or if only some files are restored, or if the time
 * is one before the first base and the cluster was backed up at rest: then a snapshot is restored as it is.
 * @throws `no-recovery-point` or `ambiguous` if the vault can't bring the target back; `invalid-input` for options that
 * only a recovery has, or for programs of another major version; `not-found` without `postgres`.
 */
export async function planRecovery(
  vault: OpenVault,
  { request, flags, isWhole }: RecoverySearch,
): Promise<PlannedRecovery | null> {
  // The choice of a snapshot refuses a text that is no time, with the range of snapshots.
  if (!(await isTime(request.pointInTime))) return null
  const bases = isWhole ? await findBases(vault, request) : null
  if (bases === null) {
    assertNoRecoveryFlags(flags)
    return null
  }
  const { ClusterWal: Wal } = await import('../core/recovery/cluster-wal.ts')
  const { chooseRecovery } = await import('../core/recovery/recovery-choice.ts')
  const { parseRecoveryTarget } = await import('../core/recovery/recovery-target.ts')
  const recoveryRequest: RecoveryRequest = {
    target: parseRecoveryTarget({ ...request, ...flags }),
    ...(flags.timeline === undefined ? {} : { timeline: flags.timeline }),
  }
  const clusters = await Wal.readAll(vault.store, bases.source)
  for (const preference of bases.preferences) {
    try {
      const choice = await chooseRecovery(bases.list(preference), clusters, recoveryRequest)
      if (flags.start === true) await assertRecoverable(choice, flags.postgresBin!)
      const doubts = await doubtsAbout(choice, vault, { source: bases.source, request })
      return { choice, cluster: clusters.get(choice.base.postgres.systemId)!, doubts }
    } catch (error) {
      if (!isHoldfastError(error, 'no-recovery-point')) throw error
      if (preference !== bases.preferences.at(-1)) continue
      if (!(await isOlderThanBases(vault, { request, target: recoveryRequest.target, bases }))) throw error
      assertNoRecoveryFlags(flags)
      return null
    }
  }
  return null
}

/** Refuses the programs of another version before anything is written. */
async function assertRecoverable(choice: RecoveryChoice, programs: string): Promise<void> {
  const { programFor } = await import('../checks/restore-test/recovery.ts')
  await programFor(choice, programs)
}

/** A flagged part is used all the same: no later one can replace it, and its bytes are checked by their hash. */
async function doubtsAbout(
  choice: RecoveryChoice,
  { store }: OpenVault,
  { source, request: { trustedKeys } }: { source: string; request: SnapshotRequest },
): Promise<readonly WalFlag[]> {
  if (trustedKeys === undefined) return []
  const { readNewestWalReceipt } = await import('../core/wal/wal-receipt.ts')
  const { doubtsOfWal } = await import('../core/recovery/wal-doubts.ts')
  const { receipt } = await readNewestWalReceipt(store, source, trustedKeys)
  return receipt === null ? [] : doubtsOfWal(choice, receipt)
}

/** A snapshot of the cluster at rest, from before its first base, is restored as it is. */
async function isOlderThanBases(
  { store, clock, signal }: OpenVault,
  { request, target, bases }: { request: SnapshotRequest; target: RecoveryTarget; bases: BaseSearch },
): Promise<boolean> {
  if (target.kind !== 'time') return false
  for await (const { postgres } of bases.list(null))
    if (BigInt(postgres.stopTime) <= target.timeUs) return false
  const { chooseSnapshot } = await import('../core/snapshot/snapshot-choice.ts')
  try {
    const { snapshot } = await chooseSnapshot(store, request, clock, signal)
    return snapshot.manifest.postgres === undefined
  } catch (error) {
    if (isHoldfastError(error, 'no-recovery-point')) return false
    throw error
  }
}

async function isTime(text: string | undefined): Promise<boolean> {
  if (text === undefined) return true
  const { parseExactPointInTime } = await import('../core/snapshot/point-in-time.ts')
  try {
    parseExactPointInTime(text)
    return true
  } catch {
    return false
  }
}

/** The bases of a source that has WAL, and the preferences among them; `null` prefers none. */
interface BaseSearch {
  source: string
  preferences: (Preference | null)[]
  list: (preference: Preference | null) => AsyncGenerator<Base>
}

async function findBases({ store, signal }: OpenVault, request: SnapshotRequest): Promise<BaseSearch | null> {
  const { chooseSource } = await import('../core/snapshot/snapshot-choice.ts')
  const source = await chooseSource(store, request.source)
  if (!(await store.listFolders(sourcePrefix(source))).includes('wal')) return null
  const { listSnapshots } = await import('../core/snapshot/snapshot.ts')
  const { newestBases } = await import('../core/recovery/bases.ts')
  const { SnapshotReceipts } = await import('../core/snapshot/snapshot-receipts.ts')
  const snapshots = await listSnapshots(store, source)
  const { trustedKeys, prefer, snapshot: id } = request
  const receipts = trustedKeys && (await SnapshotReceipts.open(store, source, trustedKeys))
  const list: BaseSearch['list'] = (preference) =>
    newestBases(store, snapshots, {
      ...{ id, signal },
      reasonToSkip:
        preference === null ? undefined : (ref: SnapshotRef) => receipts!.reasonToSkip(ref, preference),
    })
  const first = await list(null).next()
  if (first.done === true) return null
  const hasReceipts = receipts !== undefined && !receipts.isEmpty && id === undefined
  const preferences: Preference[] = prefer === 'attested' ? ['attested', 'unflagged'] : ['unflagged']
  return { source, list, preferences: [...(hasReceipts ? preferences : []), null] }
}

/** @throws `invalid-input` for an option that only a recovery has. */
function assertNoRecoveryFlags(flags: RecoveryFlags): void {
  const names = ['lsn', 'xid', 'name', 'timeline', 'start'] as const
  const name = names.find((option) => flags[option] !== undefined && flags[option] !== false)
  if (name === undefined) return
  const flag = `--${name}`
  throw new HoldfastError('invalid-input', `${flag} needs a cluster with a base and WAL in the vault`, {
    hint: 'leave it out to restore a snapshot as it is; name the source with --source, and no paths',
  })
}

/** @throws `damaged` after its report, if the recovered cluster isn't what the vault promised. */
export async function recover(
  { choice, cluster }: Pick<PlannedRecovery, 'choice' | 'cluster'>,
  vault: OpenVault,
  { target, flags, output }: { target: string; flags: RecoveryFlags; output: Output },
): Promise<void> {
  const prepared = await writeRecovery({ choice, cluster }, vault, { target, output })
  output.record('recovery-files', preparedRecord(prepared, choice))
  output.text(renderPrepared(prepared, { choice, target, isStarted: flags.start === true }))
  if (flags.start !== true) return
  const { runRecovery } = await import('../checks/restore-test/recovery.ts')
  const { Namespaces } = await import('../checks/restore-test/isolation.ts')
  const options = { dataDirectory: target, programs: flags.postgresBin!, choice, isolation: new Namespaces() }
  const result = await output.during('PostgreSQL replays the WAL', () => runRecovery(options, vault.signal))
  const { flush } = await import('../engine/restore/write-back.ts')
  await flush(target)
  output.record('recovery', recoveredRecord(result, choice))
  output.text(renderRecovered(result, choice))
  if (result.findings.length > 0)
    throw new HoldfastError('damaged', 'the cluster is not recovered to the target', {
      hint: 'restore into a new directory: an earlier target may be reached, or an older base with --snapshot',
    })
}

async function writeRecovery(
  planned: Pick<PlannedRecovery, 'choice' | 'cluster'>,
  { store, signal }: OpenVault,
  { target, output }: { target: string; output: Output },
): Promise<PreparedRecovery> {
  const { prepareRecovery } = await import('../engine/recovery/prepare-recovery.ts')
  const progress = output.progress('writing the WAL')
  try {
    return await prepareRecovery({
      ...planned,
      ...{ store, signal, target },
      onProgress: (bytes) => progress.update(`${bytesText(bytes)} of WAL`, { walBytes: bytes }),
    })
  } finally {
    progress.stop()
  }
}
