// Step 9: the database comes back to the second. PostgreSQL replays the WAL of the vault, and the
// log of the desks says which transactions must be there.
import { chmod, mkdir } from 'node:fs/promises'
import path from 'node:path'
import type pg from 'pg'
import { countText, durationText } from '../../../restore-cli/render/figures.ts'
import { startRecovered } from '../../postgres/hostile-start.ts'
import type { ClaimFindings } from '../claims.ts'
import { directories, objectives, sources } from '../drill-context.ts'
import type { DrillContext, Live, Production, Provisioned } from '../drill-context.ts'
import { compareRows, recordRows } from '../expected-state/rows.ts'
import type { DatabaseState } from '../expected-state/rows.ts'
import { expectHoldfast } from '../holdfast-process.ts'

const [database] = sources
/** PostgreSQL logs a sequence this many values ahead (`SEQ_LOG_VALS`), so that a replay skips up to as many. */
const sequenceLead = 33

export interface RecoverInput {
  readonly provisioned: Provisioned
  readonly production: Production
  /** Undefined if the database didn't go live. */
  readonly live: Live | undefined
}

export async function recover(
  context: DrillContext,
  { provisioned, production, live }: RecoverInput,
): Promise<void> {
  const { ledger, without } = context
  if (live === undefined) throw new Error('the database did not go live')
  await mkdir(directories(context).restored, { recursive: true, mode: 0o711 })
  const scene = { context, provisioned, production }
  await ledger.examine('last-commits-come-back', () =>
    recoverTo(scene, { label: 'newest' }, (client) => examineNewest(context, live, client)),
  )
  const { pointInTime } = live.beforeDrop
  await ledger.examine('dropped-table-comes-back', () =>
    recoverTo(
      scene,
      { label: 'before-drop', ...(without === 'point-in-time' ? {} : { pointInTime }) },
      (client) => examineBeforeDrop(live, client),
    ),
  )
}

interface RecoveryScene {
  readonly context: DrillContext
  readonly provisioned: Provisioned
  readonly production: Production
}

interface RecoveryGoal {
  readonly label: string
  /** Missing: as far as the WAL of the vault reaches. */
  readonly pointInTime?: string
}

async function recoverTo(
  scene: RecoveryScene,
  goal: RecoveryGoal,
  examine: (client: pg.Client) => Promise<ClaimFindings>,
): Promise<ClaimFindings> {
  const { context, production } = scene
  const { binaries, user } = production
  const folder = path.join(directories(context).restored, goal.label)
  await mkdir(folder)
  await chmod(folder, 0o711)
  const dataDirectory = path.join(folder, database.directory)
  await restoreTo(scene, goal, dataDirectory)
  const directory = path.join(folder, 'quarantine')
  await mkdir(directory)
  await chmod(directory, 0o711)
  const cluster = await startRecovered({ binaries, user, dataDirectory, directory })
  context.cleanup.add(`recovered database (${goal.label})`, () => cluster.stop('immediate'))
  try {
    const client = await cluster.connect()
    const findings = await examine(client)
    await client.end()
    return findings
  } finally {
    await cluster.stop('immediate')
  }
}

async function restoreTo(
  { context, provisioned }: RecoveryScene,
  { label, pointInTime }: RecoveryGoal,
  target: string,
): Promise<void> {
  const { meter, report, timeline, signal } = context
  const { sandbox, region, vault, sessions } = provisioned
  const goalText = pointInTime ?? 'the last transaction in the vault'
  timeline.progress(`restoring ${database.name} as of ${goalText}`)
  meter.take()
  const outcome = await expectHoldfast({
    args: [
      ...['restore', '--source', database.name, '--target', target, '--bucket', vault.name],
      ...(pointInTime === undefined ? [] : ['--point-in-time', pointInTime]),
    ],
    endpoint: sandbox.endpoint,
    region,
    home: directories(context).home,
    signal,
    credentials: await sessions.of('holdfast-restorer'),
  })
  const record = outcome.records.find(({ type }) => type === 'restore') as
    { snapshot: string; files: number; bytesWritten: number; bytesFetched: number } | undefined
  const hasWal = outcome.records.some(({ type }) => type === 'recovery-files')
  if (record === undefined || !hasWal) throw new Error('the restore reports no recovery')
  report.restores.push({
    label,
    pointInTime: pointInTime ?? new Date(sandbox.clock.nowMs()).toISOString(),
    source: database.name,
    snapshotId: record.snapshot,
    files: record.files,
    bytes: record.bytesWritten,
    bytesFetched: record.bytesFetched,
    rows: 0,
    restoreMs: outcome.durationMs,
    databaseReadyMs: 0,
    traffic: meter.take(),
  })
  timeline.note(`restore of ${database.name} up to ${goalText}: ${(outcome.durationMs / 1000).toFixed(1)} s`)
}

async function examineNewest(
  { report, timeline }: DrillContext,
  { commits, wipedMs }: Live,
  client: pg.Client,
): Promise<ClaimFindings> {
  if (wipedMs === null) throw new Error('the volume was not deleted')
  const numbers = await readNumbers(client)
  const last = commits[Math.min(numbers.length, commits.length) - 1]
  const findings = findHoles(numbers)
  // The server may have committed one more, whose reply never arrived.
  if (numbers.length > commits.length + 1)
    findings.push(`${numbers.length} transactions came back, and ${commits.length} were committed`)
  const workedUntilMs = commits.at(-1)?.acknowledgedMs ?? 0
  if (wipedMs - workedUntilMs > objectives.lastCommitMs)
    findings.push('no transaction ended shortly before the wipe, so the claim examined nothing')
  if (last === undefined) return { findings: [...findings, 'no transaction came back'], evidence: '' }
  const ageMs = Math.max(0, wipedMs - last.acknowledgedMs)
  report.objectives.lastCommit.measuredMs = ageMs
  const text = `the last transaction that came back is ${durationText(ageMs)} older than the wipe`
  if (ageMs > objectives.lastCommitMs) findings.push(text)
  timeline.note(`${text}: ${countText(numbers.length)} of ${countText(commits.length)} came back`)
  return {
    findings,
    evidence: `${text}; ${countText(numbers.length)} of ${countText(commits.length)} transactions`,
  }
}

async function examineBeforeDrop({ beforeDrop }: Live, client: pg.Client): Promise<ClaimFindings> {
  const numbers = await readNumbers(client)
  const findings = [...compareState(beforeDrop.rows, await recordRows(client)), ...findHoles(numbers)]
  if (numbers.length !== beforeDrop.commits)
    findings.push(`${numbers.length} transactions came back instead of ${beforeDrop.commits}`)
  const rows = Object.values(beforeDrop.rows.tables).reduce((sum, table) => sum + table.rows, 0)
  return { findings, evidence: `${countText(rows)} rows as of ${beforeDrop.pointInTime}` }
}

function compareState(expected: DatabaseState, actual: DatabaseState): string[] {
  const skipped = Object.entries(expected.sequences).filter(([name, value]) => {
    const ahead = Number(actual.sequences[name]) - Number(value)
    return ahead < 0 || ahead > sequenceLead || Number.isNaN(ahead)
  })
  return [
    ...compareRows({ ...expected, sequences: {} }, { ...actual, sequences: {} }),
    ...skipped.map(
      ([name, value]) => `sequence ${name} stands at ${actual.sequences[name]} instead of ${value}`,
    ),
  ]
}

async function readNumbers(client: pg.Client): Promise<number[]> {
  const { rows } = await client.query<{ number: number }>('SELECT number FROM receipts ORDER BY number')
  return rows.map(({ number }) => number)
}

function findHoles(numbers: readonly number[]): string[] {
  const hole = numbers.findIndex((number, index) => number !== index + 1)
  return hole < 0 ? [] : [`transaction ${hole + 1} is missing, and later ones are there`]
}
