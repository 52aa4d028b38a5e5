// Recovers a restored base in the workspace of a drill, which owns the directory.
import { ClusterWal } from '../../core/recovery/cluster-wal.ts'
import { chooseRecovery } from '../../core/recovery/recovery-choice.ts'
import type { BaseBackup } from '../../core/snapshot/base-backup.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { prepareRecovery } from '../../engine/recovery/prepare-recovery.ts'
import { changeOwner, makeWritable } from '../restore-test/disposable-tree.ts'
import { programUser } from '../restore-test/isolation.ts'
import type { Isolation } from '../restore-test/isolation.ts'
import { runRecovery } from '../restore-test/recovery.ts'

export interface BaseRecovery {
  store: ObjectStore
  signal: AbortSignal
  snapshot: Snapshot
  base: BaseBackup
  /** The newest state replays all WAL of the vault; an older one only what the base itself needs. */
  isNewest: boolean
  dataDirectory: string
  programs: string
  workspace: string
  isolation: Isolation
}

/** The findings; empty if the cluster is recovered. @throws `no-recovery-point` if the vault lacks WAL of the base. */
export async function recoverBase(options: BaseRecovery): Promise<string[]> {
  const { store, signal, snapshot, base, isNewest, dataDirectory, programs, workspace, isolation } = options
  const clusters = await ClusterWal.readAll(store, snapshot.source)
  const choice = await chooseRecovery([{ ref: snapshot, postgres: base }], clusters, {
    target: { kind: isNewest ? 'end' : 'base' },
  })
  await makeWritable(dataDirectory)
  const cluster = clusters.get(base.systemId)!
  await prepareRecovery({ store, cluster, choice, target: dataDirectory, signal })
  const user = programUser()
  if (user !== undefined) await changeOwner(dataDirectory, user)
  const { findings } = await runRecovery(
    { dataDirectory, programs, choice, isolation, scratch: workspace, readsRows: false },
    signal,
  )
  return findings
}
