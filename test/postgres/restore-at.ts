// Brings a cluster back as it was at a time, and compares it with the log of its commits.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Namespaces } from '../../checks/restore-test/isolation.ts'
import { runRecovery } from '../../checks/restore-test/recovery.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { newestBases } from '../../core/recovery/bases.ts'
import { ClusterWal } from '../../core/recovery/cluster-wal.ts'
import { chooseRecovery } from '../../core/recovery/recovery-choice.ts'
import type { RecoveryChoice } from '../../core/recovery/recovery-choice.ts'
import { parseRecoveryTarget } from '../../core/recovery/recovery-target.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { listSnapshots, loadSnapshot } from '../../core/snapshot/snapshot.ts'
import { prepareRecovery } from '../../engine/recovery/prepare-recovery.ts'
import { prepareRestore } from '../../engine/restore/restore.ts'
import { wallClock } from '../../restore-cli/wall-clock.ts'
import { startServer } from '../fixtures/postgres-servers.ts'
import type { TestServers } from '../fixtures/postgres-servers.ts'
import { source } from './living-cluster.ts'
import type { LivingCluster } from './living-cluster.ts'

const signal = new AbortController().signal
let targets = 0

export interface Restored {
  ok: boolean
  text: string
}

const refused: Restored = { ok: true, text: 'refused, because it can not be reached' }

/** The outcome is good if the cluster is as it was, or if no vault could bring the time back. */
export async function restoreAt(
  living: LivingCluster,
  time: string,
  { servers, store }: { servers: TestServers; store: ObjectStore },
): Promise<Restored> {
  const { commits } = living
  const clusters = await ClusterWal.readAll(store, source)
  const bases = newestBases(store, await listSnapshots(store, source), { signal })
  const request = { target: parseRecoveryTarget({ pointInTime: time }) }
  const isLast = time >= commits.at(-1)!.time
  let choice: RecoveryChoice
  try {
    choice = await chooseRecovery(bases, clusters, request)
  } catch (error) {
    if (!isHoldfastError(error, 'no-recovery-point')) throw error
    return isLast || error.message.includes('after the target') ? refused : { ok: false, text: error.message }
  }
  const target = join(servers.directory, `restored-${++targets}`)
  try {
    const snapshot = await loadSnapshot(store, choice.base.ref)
    const environment = { store, clock: wallClock, random: Math.random }
    const { run } = await prepareRestore({ ...environment, snapshot, target, paths: [], workers: 0 })
    await run()
    const cluster = clusters.get(choice.base.postgres.systemId)!
    await prepareRecovery({ store, cluster, choice, target })
    const programs = join((await servers.binariesOf(living.options.major)).directory, 'bin')
    const options = { dataDirectory: target, programs, choice, isolation: new Namespaces() }
    const { findings } = await runRecovery(options, signal)
    if (findings.length > 0) return { ok: false, text: findings.join('; ') }
    const difference = await compare(living, { target, time, servers })
    return { ok: difference === null, text: difference ?? 'as it was' }
  } finally {
    rmSync(target, { recursive: true, force: true })
  }
}

async function compare(
  living: LivingCluster,
  { target, time, servers }: { target: string; time: string; servers: TestServers },
): Promise<string | null> {
  const hbaFile = join(servers.directory, 'pg_hba.conf')
  writeFileSync(hbaFile, 'local all all trust\n', { mode: 0o644 })
  const settings = { hba_file: hbaFile }
  const restored = await startServer(servers, {
    major: living.options.major,
    dataDirectory: target,
    settings,
  })
  try {
    const client = await restored.connect()
    const { rows } = await client.query<{ ids: string; sum: number }>(
      `select coalesce((select string_agg(id::text, ' ' order by id) from transfer), '') as ids,
              (select sum(balance)::int from account) as sum`,
    )
    await client.end()
    const expected = living.commits
      .filter((entry) => entry.time <= withMicroseconds(time))
      .map(({ id }) => id)
    if (rows[0]!.sum !== 20_000) return `money was made or lost: ${rows[0]!.sum}`
    return rows[0]!.ids === expected.join(' ')
      ? null
      : `it has the transfers ${rows[0]!.ids}, not ${expected.join(' ')}`
  } finally {
    await restored.stop('immediate')
  }
}

/** Texts compare as times only if both have six digits. */
function withMicroseconds(time: string): string {
  return time.replace(/\.(\d+)Z$/, (_, digits: string) => `.${digits.padEnd(6, '0')}Z`)
}
