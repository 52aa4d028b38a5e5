// Step 3: two backups by the command line, with hours and changes between them, and the expected state of each on
// record.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { writerRoleName } from '../../../guardrails/names.ts'
import { bytesText, countText } from '../../../restore-cli/render/figures.ts'
import type { ClaimFindings } from '../claims.ts'
import type { DeclaredBucket } from '../../sandbox/declaration.ts'
import { day, directories, sources } from '../drill-context.ts'
import type { BackedUp, DrillContext, Production, Provisioned, SourceName, State } from '../drill-context.ts'
import { expectHoldfast } from '../holdfast-process.ts'
import type { HoldfastOutcome } from '../holdfast-process.ts'
import { roleNamed } from '../principals.ts'
import { sumRequests } from '../traffic.ts'
import { recordFiles } from '../expected-state/files.ts'
import type { DirectoryState } from '../expected-state/files.ts'
import { recordRows } from '../expected-state/rows.ts'
import { takeSnapshot, work } from './produce.ts'

export async function backUp(
  context: DrillContext,
  provisioned: Provisioned,
  production: Production,
): Promise<BackedUp> {
  const { timeline, ledger } = context
  const { clock } = provisioned.sandbox
  await mkdir(directories(context).expectedState, { mode: 0o700 })
  const outcomes: HoldfastOutcome[] = []
  const states: State[] = []
  const backups: Backups = { context, provisioned, production, outcomes }
  try {
    for (const label of ['first', 'second'] as const) {
      if (label === 'second') clock.turn(day.betweenBackupsMs)
      const cluster = await production.start()
      const counts = await work(context, production, cluster, {
        nowMs: clock.nowMs(),
        seed: label === 'first' ? 1 : 2,
      })
      timeline.note(
        `${counts.inserted} rows added, ${counts.updated} changed, ${counts.deleted} deleted; ` +
          `${counts.filesAdded} files added, ${counts.filesChanged} changed, ${counts.filesRemoved} removed`,
      )
      const client = await cluster.connect()
      const rows = await recordRows(client)
      await client.end()
      await cluster.stop()
      states.push(await backUpState(backups, label, rows))
      await takeSnapshot(provisioned, production)
    }
  } finally {
    await ledger.examine('backups-complete', () => examineCompleteness(outcomes))
    await ledger.examine('second-backup-incremental', () => examineIncrement(context.report.backups))
  }
  return { states }
}

/** The running drill, and the outcomes of its backups so far. */
interface Backups {
  readonly context: DrillContext
  readonly provisioned: Provisioned
  readonly production: Production
  readonly outcomes: HoldfastOutcome[]
}

async function backUpState(backups: Backups, label: State['label'], rows: State['rows']): Promise<State> {
  const { context, production, outcomes } = backups
  const files: Partial<Record<SourceName, DirectoryState>> = {}
  const snapshotIds: Partial<Record<SourceName, string>> = {}
  let takenMs = 0
  for (const source of sources) {
    const directory = path.join(production.volumeDirectory, source.directory)
    const directoryState = recordFiles(directory)
    files[source.name] = directoryState
    const outcome = await backUpSource(backups, { ...source, directory }, label)
    outcomes.push(outcome)
    const { snapshot } = readBackupRecord(outcome)
    snapshotIds[source.name] = snapshot.id
    takenMs = Math.max(takenMs, snapshot.timeMs)
  }
  const state = { label, rows, files, snapshotIds, takenMs } as State
  await writeFile(path.join(directories(context).expectedState, `${label}.json`), JSON.stringify(state), {
    mode: 0o600,
  })
  return state
}

/** @param source `connect`: the address of the server that runs in the directory. */
export async function backUpSource(
  { context, provisioned }: Pick<Backups, 'context' | 'provisioned'>,
  source: { name: SourceName; kind: string; directory: string; connect?: string },
  label: string,
): Promise<HoldfastOutcome> {
  const { sandbox, region, vault, declaration, sessions } = provisioned
  const { timeline, meter, report, signal } = context
  const folders = directories(context)
  timeline.progress(`backing up ${source.name}`)
  meter.take()
  const outcome = await expectHoldfast({
    args: [
      'backup',
      source.directory,
      '--source',
      source.name,
      '--kind',
      source.kind,
      ...(source.connect === undefined ? [] : ['--connect', source.connect]),
      '--bucket',
      vault.name,
      '--cache-dir',
      path.join(folders.caches, source.name),
      '--role-arn',
      roleNamed(declaration, writerRoleName(source.name)).arn,
      ...acceptUnlocked(vault),
    ],
    endpoint: sandbox.endpoint,
    region,
    home: folders.home,
    signal,
    credentials: sessions.ofWorkload(source.name),
  })
  const record = readBackupRecord(outcome)
  const traffic = meter.take()
  report.backups.push({
    label,
    source: source.name,
    snapshotId: record.snapshot.id,
    at: new Date(record.snapshot.timeMs).toISOString(),
    files: record.files,
    bytes: record.bytes,
    bytesUploaded: record.bytesUploaded,
    durationMs: outcome.durationMs,
    traffic,
  })
  timeline.note(
    `${label} backup of ${source.name}: ${countText(record.files)} files, ${bytesText(record.bytes)}; ` +
      `${bytesText(record.bytesUploaded)} uploaded in ${sumRequests(traffic)} requests, locked until ${lockEnd(record)}`,
  )
  return outcome
}

/** A vault without a lock is accepted, because the claims must show what its removal costs. */
function acceptUnlocked({ objectLock }: DeclaredBucket): string[] {
  return objectLock.default?.mode === 'COMPLIANCE' ? [] : ['--allow-unlocked']
}

export interface BackupRecord {
  snapshot: { id: string; timeMs: number }
  files: number
  bytes: number
  bytesUploaded: number
  complete: boolean
  problemCount: number
  source: string
  lock: { mode: string; days: number } | null
}

export function readBackupRecord({ records }: HoldfastOutcome): BackupRecord {
  const record = records.find(({ type }) => type === 'backup') as Partial<BackupRecord> | undefined
  if ((record?.snapshot ?? null) === null) throw new Error('the backup reported no snapshot')
  return record as BackupRecord
}

function examineCompleteness(outcomes: HoldfastOutcome[]): ClaimFindings {
  const records = outcomes.map(readBackupRecord)
  const findings = records.flatMap(({ source, complete, problemCount, lock }) => [
    ...(complete && problemCount === 0
      ? []
      : [`a backup of ${source} is incomplete: ${problemCount} problems`]),
    ...(lock?.mode === 'COMPLIANCE' ? [] : [`a backup of ${source} is not locked in COMPLIANCE mode`]),
  ])
  const expected = 2 * sources.length
  if (records.length !== expected) findings.push(`${records.length} of ${expected} backups were made`)
  return { findings, evidence: `${records.length} snapshots of ${sources.length} sources` }
}

function examineIncrement(backups: DrillContext['report']['backups']): ClaimFindings {
  const uploaded = (label: string) =>
    backups
      .filter((backup) => backup.label === label)
      .reduce((sum, { bytesUploaded }) => sum + bytesUploaded, 0)
  const [first, second] = [uploaded('first'), uploaded('second')]
  if (first === 0 || second === 0) return { findings: ['one of the backups uploaded nothing'], evidence: '' }
  const findings =
    second * 2 < first ? [] : [`the second uploaded ${bytesText(second)}, the first ${bytesText(first)}`]
  return { findings, evidence: `${bytesText(first)}, then ${bytesText(second)}` }
}

function lockEnd({ snapshot, lock }: BackupRecord): string {
  return lock === null
    ? 'never'
    : new Date(snapshot.timeMs + lock.days * 86_400_000).toISOString().slice(0, 10)
}
