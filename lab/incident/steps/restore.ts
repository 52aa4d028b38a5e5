// Step 8: restores each state by the command line, and starts a real database on it.
import { existsSync } from 'node:fs'
import { chmod, mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import type pg from 'pg'
import { bytesText, countText, durationText } from '../../../restore-cli/render/figures.ts'
import { describeError } from '../claims.ts'
import type { ClaimName, ClaimFindings } from '../claims.ts'
import { directories, objectives, sources } from '../drill-context.ts'
import type {
  BackedUp,
  DrillContext,
  Production,
  Provisioned,
  SourceName,
  State,
  Wiped,
} from '../drill-context.ts'
import { expectHoldfast } from '../holdfast-process.ts'
import { startQuarantined } from '../../postgres/hostile-start.ts'
import { compareFiles, recordFiles } from '../expected-state/files.ts'
import { checkStructure, compareRows, recordRows } from '../expected-state/rows.ts'
import { hearCanaries } from './produce.ts'

interface Findings {
  structure: string[]
  uploads: string[]
  configuration: string[]
  tables: number
  documents: number
  /** Times by the stopwatch at which each database served its first client. */
  readyMs: number[]
}

export interface RestoreInput {
  readonly provisioned: Provisioned
  readonly production: Production
  readonly backedUp: BackedUp
  /** Undefined if the step `wipe` crashed. */
  readonly wiped: Wiped | undefined
}

/** One state that is restored, with the findings of all states so far. */
interface RestoreScene {
  readonly context: DrillContext
  readonly provisioned: Provisioned
  readonly production: Production
  readonly states: readonly State[]
  readonly findings: Findings
}

interface RestoreTarget {
  readonly pointInTime: string
  readonly directory: string
}

export async function restore(
  context: DrillContext,
  { provisioned, production, backedUp, wiped }: RestoreInput,
): Promise<void> {
  const { ledger } = context
  const { states } = backedUp
  await ledger.examine('states-differ', () => examineDifference(states))
  const findings: Findings = {
    structure: [],
    uploads: [],
    configuration: [],
    tables: 0,
    documents: 0,
    readyMs: [],
  }
  const sung = await hearCanaries(context)
  if (sung.length < 2)
    findings.configuration.push(
      'the canaries did not run in production, so their silence after a restore proves nothing',
    )
  await mkdir(directories(context).restored, { mode: 0o711 })
  // The newest state first, as on-call would.
  const scene: RestoreScene = { context, provisioned, production, states, findings }
  for (const state of states.toReversed()) await restoreState(scene, state)
  const examine = (name: ClaimName, list: string[], evidence: string) =>
    ledger.examine(name, () => {
      if (findings.readyMs.length < states.length)
        throw new Error(`${findings.readyMs.length} of ${states.length} databases came back`)
      return { findings: list, evidence }
    })
  await examine('restored-indexes-sound', findings.structure, `${findings.tables} tables with their indexes`)
  await examine(
    'restored-database-matches-files',
    findings.uploads,
    `${countText(findings.documents)} uploads on record`,
  )
  await examine(
    'restored-configuration-ignored',
    findings.configuration,
    `${findings.readyMs.length} restored clusters, ${sung.length} canaries`,
  )
  await examineObjectives(context, states, wiped, findings.readyMs[0])
}

async function restoreState(scene: RestoreScene, state: State): Promise<void> {
  const { context, provisioned, states, findings } = scene
  const { ledger, timeline, report } = context
  const target = path.join(directories(context).restored, state.label)
  await mkdir(target, { mode: 0o711 })
  const pointInTime = choosePointInTime(provisioned, state, states)
  const restoreAll = async () => {
    const findings: string[] = []
    let compared = 0
    for (const source of sources) {
      const expected = state.files[source.name]
      compared += Object.keys(expected).length
      // A failed restore of one source must not stop the restore of the other.
      const differences = await restoreSource(scene, state, source.name, {
        pointInTime,
        directory: path.join(target, source.directory),
      }).catch((error: unknown) => [describeError(error)])
      findings.push(...differences.map((difference) => `${source.name}: ${difference}`))
    }
    return { findings, evidence: `${countText(compared)} entries as of ${pointInTime}` }
  }
  await ledger.examine(`${state.label}-restore-files-equal`, restoreAll)
  const restoredMs = timeline.elapsedMs
  let rows = 0
  await ledger.examine(`${state.label}-restore-rows-equal`, async () => {
    const comparison = await examineDatabase(scene, state, target)
    rows = Object.values(state.rows.tables).reduce((sum, table) => sum + table.rows, 0)
    return {
      ...comparison,
      evidence: `${countText(rows)} rows in ${Object.keys(state.rows.tables).length} tables`,
    }
  })
  const databaseReadyMs = Math.max(0, (findings.readyMs.at(-1) ?? 0) - restoredMs)
  for (const row of report.restores)
    if (row.label === state.label && row.source === sources[0].name)
      Object.assign(row, { rows, databaseReadyMs })
  timeline.note(
    `${state.label} state, as of ${pointInTime}: ${countText(rows)} rows in a running database compared`,
  )
}

/** A time that a human would give: between this state and the next one, never the snapshot's exact time. */
function choosePointInTime({ sandbox }: Provisioned, state: State, states: readonly State[]): string {
  const next = states[states.indexOf(state) + 1]
  const endMs = next === undefined ? sandbox.clock.nowMs() : next.takenMs
  const middleMs = state.takenMs + (endMs - state.takenMs) / 2
  const minuteMs = Math.floor(middleMs / 60_000) * 60_000
  return new Date(minuteMs > state.takenMs ? minuteMs : middleMs).toISOString()
}

async function restoreSource(
  { context, provisioned }: RestoreScene,
  state: State,
  source: SourceName,
  { pointInTime, directory }: RestoreTarget,
): Promise<string[]> {
  const { sandbox, region, vault, sessions } = provisioned
  const { meter, report, timeline, signal } = context
  timeline.progress(`restoring ${source} as of ${pointInTime}`)
  meter.take()
  const outcome = await expectHoldfast({
    args: [
      'restore',
      '--point-in-time',
      pointInTime,
      '--source',
      source,
      '--target',
      directory,
      '--bucket',
      vault.name,
    ],
    endpoint: sandbox.endpoint,
    region,
    home: directories(context).home,
    signal,
    credentials: await sessions.of('holdfast-restorer'),
  })
  const record = outcome.records.find(({ type }) => type === 'restore') as
    { snapshot: string; files: number; bytesWritten: number; bytesFetched: number; ok: boolean } | undefined
  if (record === undefined) throw new Error('the restore reported nothing')
  report.restores.push({
    label: state.label,
    pointInTime,
    source,
    snapshotId: record.snapshot,
    files: record.files,
    bytes: record.bytesWritten,
    bytesFetched: record.bytesFetched,
    rows: 0,
    restoreMs: outcome.durationMs,
    databaseReadyMs: 0,
    traffic: meter.take(),
  })
  timeline.note(
    `restore --point-in-time ${pointInTime} of ${source}: ${countText(record.files)} files, ${bytesText(record.bytesWritten)} in ${(outcome.durationMs / 1000).toFixed(1)} s`,
  )
  return [
    ...(record.snapshot === state.snapshotIds[source]
      ? []
      : [`snapshot ${record.snapshot} was chosen instead of ${state.snapshotIds[source]}`]),
    ...(record.ok ? [] : ['the restore reports damage']),
    ...compareFiles(state.files[source], recordFiles(directory)),
  ]
}

async function examineDatabase(
  { context, production, findings }: RestoreScene,
  state: State,
  target: string,
): Promise<{ findings: string[] }> {
  const { binaries, user } = production
  const directory = path.join(target, 'quarantine')
  await mkdir(directory)
  await chmod(directory, 0o711)
  const { cluster } = await startQuarantined({
    binaries,
    user,
    directory,
    dataDirectory: path.join(target, sources[0].directory),
  })
  context.cleanup.add(`restored database (${state.label})`, () => cluster.stop('immediate'))
  try {
    const client = await cluster.connect()
    await client.query('SELECT count(*) FROM bookings')
    findings.readyMs.push(context.timeline.elapsedMs)
    const differences = compareRows(state.rows, await recordRows(client))
    findings.structure.push(...(await checkStructure(client)).map((problem) => `${state.label}: ${problem}`))
    findings.tables += Object.keys(state.rows.tables).length
    findings.configuration.push(
      ...(await findObeyed(context, client, directory)).map((problem) => `${state.label}: ${problem}`),
    )
    findings.uploads.push(
      ...(await compareDocuments(client, path.join(target, sources[1].directory), findings)),
    )
    await client.end()
    return { findings: differences }
  } finally {
    await cluster.stop()
  }
}

/** Effects of the restored cluster's own configuration. */
async function findObeyed(context: DrillContext, client: pg.Client, ours: string): Promise<string[]> {
  // Finish a segment, because an archive command runs only then.
  await client.query('SELECT pg_switch_wal()')
  await client.query('CHECKPOINT')
  const { rows } = await client.query<{ name: string; sourcefile: string }>(
    'SELECT name, sourcefile FROM pg_settings WHERE sourcefile IS NOT NULL AND NOT starts_with(sourcefile, $1)',
    [`${ours}/`],
  )
  const obeyed = rows.map(({ name, sourcefile }) => `${name} was set by ${sourcefile}`)
  const { rows: settings } = await client.query<{ archive_mode: string }>('SHOW archive_mode')
  if (settings[0]?.archive_mode !== 'off') obeyed.push('archive_mode is on')
  return [
    ...obeyed,
    ...(await hearCanaries(context)).map((name) => `${name}: a command of the restored cluster`),
  ]
}

async function compareDocuments(client: pg.Client, uploads: string, findings: Findings): Promise<string[]> {
  const { rows } = await client.query<{ path: string; bytes: number }>(
    'SELECT path, bytes FROM documents ORDER BY path',
  )
  findings.documents += rows.length
  const differences = rows.length === 0 ? ['the database lists no upload'] : []
  for (const { path: name, bytes } of rows) {
    const file = path.join(uploads, name)
    const size = existsSync(file) ? (await stat(file)).size : null
    if (size !== bytes)
      differences.push(`${name}: ${size === null ? 'missing' : `${size} bytes`} instead of ${bytes} bytes`)
  }
  return differences
}

function examineDifference(states: State[]): ClaimFindings {
  const [first, second] = states
  if (first === undefined || second === undefined)
    return { findings: ['there is only one state'], evidence: '' }
  const rows = compareRows(first.rows, second.rows)
  const findings = rows.length > 0 ? [] : ['the rows are the same']
  let files = 0
  for (const { name } of sources) {
    const differences = compareFiles(first.files[name], second.files[name])
    if (differences.length === 0) findings.push(`the files of ${name} are the same`)
    files += differences.length
  }
  return { findings, evidence: `${rows.length} differences in tables, ${countText(files)} in files` }
}

async function examineObjectives(
  context: DrillContext,
  states: State[],
  wiped: Wiped | undefined,
  firstReadyMs: number | undefined,
): Promise<void> {
  const { ledger, report } = context
  const measure = (objectiveMs: number, measureMs: () => number): ClaimFindings => {
    const measuredMs = measureMs()
    const text = `${durationText(measuredMs)}, objective ${durationText(objectiveMs)}`
    return { findings: measuredMs <= objectiveMs ? [] : [text], evidence: text }
  }
  await ledger.examine('rpo-within-objective', () =>
    measure(objectives.rpoMs, () => {
      if (wiped === undefined) throw new Error('nothing was wiped')
      return (report.objectives.rpo.measuredMs =
        wiped.wipedAtMs - Math.max(...states.map(({ takenMs }) => takenMs)))
    }),
  )
  await ledger.examine('rto-within-objective', () =>
    measure(objectives.rtoMs, () => {
      if (wiped === undefined || firstReadyMs === undefined) throw new Error('no database came back')
      return (report.objectives.rto.measuredMs = firstReadyMs - wiped.wipedElapsedMs)
    }),
  )
}
