// A drill restores one state of a source, starts what is in it, probes it and measures it. It writes nothing into the
// vault; its result becomes part of a report.
//
//   choose   the snapshot                              a seed decides the time
//   plan     read its tree
//   restore  into a workspace
//   read     every byte; compare listed digests
//   start    the PostgreSQL in it, in namespaces of its own, until its first reply
//   rows     read all of its rows
//   probe    the operator's queries and program
//   remove   the workspace, also after a failure
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Random } from '../../core/clock.ts'
import { durationText } from '../../core/duration-text.ts'
import { isHoldfastError } from '../../core/errors.ts'
import type { ErrorCode, HoldfastError } from '../../core/errors.ts'
import type { TimedStore } from '../../core/snapshot/snapshot-choice.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import { pathText } from '../../core/tree/path-text.ts'
import type { PreparedRestore, RestoreProgress } from '../../engine/operations.ts'
import { prepareRestore } from '../../engine/restore/restore.ts'
import { FindingList } from '../outcome.ts'
import type { DrillPhase, DrillResult } from '../reports/drill-result.ts'
import { testDirectory } from '../restore-test/directory.ts'
import { changeOwner, makeWritable, removeTree } from '../restore-test/disposable-tree.ts'
import { programUser } from '../restore-test/isolation.ts'
import type { Isolation } from '../restore-test/isolation.ts'
import { testCluster } from '../restore-test/postgres.ts'
import { compareDigests } from './digest-list.ts'
import type { DigestList } from './digest-list.ts'
import type { DrillObjectives } from './drill-settings.ts'
import { askServer, runProbe, runProgram } from './probes.ts'
import { chooseState } from './requested-state.ts'
import type { RequestedState, StateRequest } from './requested-state.ts'
import { recoverBase } from './recover-base.ts'
import { Timeline } from './timeline.ts'
import { makeWorkspace } from './workspace.ts'

export interface DrillOptions extends StateRequest {
  store: TimedStore
  clock: Clock
  random: Random
  /** The interruption of the command. */
  signal: AbortSignal
  /** The drill must end before it is aborted. */
  limit: AbortSignal
  /** When `limit` is aborted, by the clock. */
  endsMs: number
  /** The recovery point objective. */
  maxAgeMs: number
  objectives: DrillObjectives
  digests: DigestList | null
  /** The directory, or the mount of a volume, in which the drill makes its workspace. */
  scratch: string
  isolation: Isolation
  onPhase?: (phase: DrillPhase) => void
  onProgress?: (progress: RestoreProgress, total: { files: number; bytes: number }) => void
}

export interface DrillOutcome {
  result: DrillResult
  /** This machine can't keep restored programs apart, so that nothing was started; null if it can. */
  refusal: HoldfastError | null
}

/** The phases that an operator waits for when production is lost. */
const restoringPhases: readonly DrillPhase[] = ['choose', 'plan', 'restore', 'start']
/** The vault's fault. With another code the drill could not tell. */
const failures: readonly ErrorCode[] = ['damaged', 'archived', 'no-recovery-point', 'unsupported-format']

/** @throws the reason of `signal`, after the workspace was removed, and nothing else. */
export async function runDrill(options: DrillOptions): Promise<DrillOutcome> {
  return new Drill(options).run()
}

class Drill {
  private readonly options: DrillOptions
  /** The interruption, and the end of the time. */
  private readonly signal: AbortSignal
  private readonly timeline: Timeline
  private readonly findings = new FindingList()
  private readonly result: Pick<
    DrillResult,
    'requestedMs' | 'snapshot' | 'rpo' | 'restored' | 'postgres' | 'probes'
  > = { requestedMs: null, snapshot: null, rpo: null, restored: null, postgres: null, probes: [] }
  private refusal: HoldfastError | null = null

  constructor(options: DrillOptions) {
    const { signal, limit, clock, onPhase } = options
    this.options = options
    this.signal = AbortSignal.any([signal, limit])
    this.timeline = new Timeline(clock, onPhase)
  }

  async run(): Promise<DrillOutcome> {
    const { clock, signal, store, source, choice, seed, objectives } = this.options
    try {
      await this.restoreAndTest()
    } catch (error) {
      signal.throwIfAborted()
      this.note(error)
    }
    const restoreMs = this.timeline.totalMs(restoringPhases)
    const isRestored = this.result.restored !== null
    if (isRestored && restoreMs > objectives.maxRestoreTimeMs)
      this.findings.failed(
        source,
        `the restore took ${durationText(restoreMs)}; the objective is ${durationText(objectives.maxRestoreTimeMs)}`,
      )
    const { status, findings, findingCount } = this.findings.outcome(source)
    const { startedMs, phases } = this.timeline
    const endedMs = clock.nowMs()
    // Times of a report are those of the store.
    const offsetMs = (store.serverTimeMs ?? endedMs) - endedMs
    const result: DrillResult = {
      ...{ source, choice, seed, status },
      startedMs: Math.max(0, Math.round(startedMs + offsetMs)),
      durationMs: Math.max(0, Math.round(endedMs - startedMs)),
      ...this.result,
      rto: isRestored ? { measuredMs: restoreMs, objectiveMs: objectives.maxRestoreTimeMs } : null,
      phases: [...phases],
      findings: [...findings],
      findingCount,
    }
    return { result, refusal: this.refusal }
  }

  private async restoreAndTest(): Promise<void> {
    const { options, timeline } = this
    const { objectives, isolation, scratch, endsMs } = options
    const { snapshot } = await timeline.during('choose', () => this.choose())
    const isCluster = snapshot.manifest.sourceKind === 'postgres'
    if (objectives.start && (isCluster || objectives.program !== null))
      await isolation.assertPossible(programUser(), this.signal)
    const workspace = await makeWorkspace(scratch, endsMs)
    try {
      const directory = join(workspace, 'data')
      const restore = await timeline.during('plan', () => this.prepare(snapshot, directory))
      await timeline.during('restore', () => this.restore(restore))
      const { links } = await timeline.during('read', () => this.read(directory))
      if (!objectives.start) return
      const hasCluster = isCluster || existsSync(join(directory, 'PG_VERSION'))
      const { postgres: base } = snapshot.manifest
      // A recovery sets links aside.
      if (hasCluster && (base !== undefined || this.mayStart(links)))
        await this.startCluster(workspace, directory, snapshot)
      if (objectives.program !== null) await timeline.during('probe', () => this.askProgram(directory))
    } finally {
      await timeline.during('remove', () => this.remove(workspace))
    }
  }

  private async choose(): Promise<RequestedState> {
    const { store, clock, source, choice, maxAgeMs } = this.options
    const state = await chooseState({ store, clock, signal: this.signal }, this.options)
    const { requestedMs, snapshot } = state
    const { id, versionId, timeMs } = snapshot
    const measuredMs = Math.round(requestedMs - timeMs)
    Object.assign(this.result, {
      requestedMs: Math.round(requestedMs),
      snapshot: { id, versionId, timeMs },
      rpo: { measuredMs, objectiveMs: maxAgeMs },
    })
    // An outage of the past is no news, and no drill can mend it.
    if (choice === 'newest' && measuredMs > maxAgeMs)
      this.findings.failed(
        source,
        `the newest complete snapshot is ${durationText(measuredMs)} old; the objective is ${durationText(maxAgeMs)}`,
      )
    return state
  }

  private prepare(snapshot: Snapshot, target: string): Promise<PreparedRestore> {
    const { store, clock, random } = this.options
    return prepareRestore({ store, clock, random, signal: this.signal, snapshot, target, paths: [] })
  }

  private async restore({ plan, run }: PreparedRestore): Promise<void> {
    const { onProgress } = this.options
    const { damaged } = await run((progress) => onProgress?.(progress, plan))
    for (const { path, detail } of damaged) this.findings.failed(pathText(path), detail)
  }

  private async read(directory: string): Promise<{ links: number }> {
    const { digests } = this.options
    const { files, bytes, links, sha256, findings } = await testDirectory(directory, this.signal)
    this.result.restored = { files, bytes, sha256 }
    for (const finding of findings) this.findings.failed(this.options.source, finding)
    if (digests !== null)
      await this.probe('digests', digests.name, (signal) => compareDigests(directory, digests, signal))
    return { links }
  }

  private mayStart(links: number): boolean {
    // PostgreSQL follows links, and writes to their targets.
    if (links > 0)
      this.findings.failed(this.options.source, 'PostgreSQL was not started: links lead out of its directory')
    return links === 0
  }

  private async startCluster(workspace: string, dataDirectory: string, snapshot: Snapshot): Promise<void> {
    const { timeline, options } = this
    const { objectives, isolation } = options
    const { database, queries, postgresBin } = objectives
    const isRecovered = await timeline.during('start', () => this.recover(workspace, dataDirectory, snapshot))
    if (!isRecovered) return
    timeline.begin('start')
    const { findings, ...figures } = await testCluster(
      {
        ...{ dataDirectory, programs: postgresBin, mode: 'disposable', scratch: workspace, isolation },
        onStart: () => timeline.begin('rows'),
        inspect: async (server) => {
          if (queries.length > 0) timeline.begin('probe')
          for (const query of queries)
            await this.probe('query', query, (signal) => askServer(server, { database, query }, signal))
        },
      },
      this.signal,
    ).finally(() => timeline.end())
    this.result.postgres = figures
    for (const finding of findings) this.findings.failed(options.source, finding)
  }

  /** False if a base could not be recovered. Another snapshot needs no recovery. */
  private async recover(workspace: string, dataDirectory: string, snapshot: Snapshot): Promise<boolean> {
    const { store, choice, objectives, isolation, source } = this.options
    const { postgres: base } = snapshot.manifest
    if (base === undefined) return true
    const findings = await recoverBase({
      ...{ store, signal: this.signal, snapshot, base, isNewest: choice === 'newest' },
      ...{ dataDirectory, programs: objectives.postgresBin, workspace, isolation },
    })
    for (const finding of findings) this.findings.failed(source, finding)
    return findings.length === 0
  }

  private async askProgram(directory: string): Promise<void> {
    const { isolation, objectives } = this.options
    const program = objectives.program!
    const user = programUser()
    // It runs without the rights of root, and reads files that belong to others.
    await makeWritable(directory)
    if (user !== undefined) await changeOwner(directory, user)
    await this.probe('program', program, (signal) => runProgram(isolation, { program, directory }, signal))
  }

  private async probe(
    kind: 'query' | 'program' | 'digests',
    name: string,
    work: Parameters<typeof runProbe>[2],
  ): Promise<void> {
    const { clock, objectives } = this.options
    const limits = { signal: this.signal, clock, maxMs: objectives.maxProbeTimeMs }
    const verdict = await runProbe({ kind, name }, limits, work)
    this.result.probes.push(verdict)
    if (!verdict.ok) this.findings.failed(`${kind}: ${verdict.name}`, verdict.detail)
  }

  /** The next drill tries again what could not be removed. */
  private async remove(workspace: string): Promise<void> {
    await removeTree(workspace).catch((error: NodeJS.ErrnoException) =>
      this.findings.unknown(workspace, `it can't be removed: ${error.code ?? error.message}`),
    )
  }

  private note(error: unknown): void {
    const { limit, source } = this.options
    const message = error instanceof Error ? error.message : String(error)
    if (limit.aborted) this.findings.failed(source, 'the drill did not end within its time limit')
    else if (!isHoldfastError(error)) this.findings.unknown(source, `a defect in holdfast: ${message}`)
    else if (failures.includes(error.code)) this.findings.failed(source, `${error.code}: ${message}`)
    else {
      this.findings.unknown(source, `${error.code}: ${message}`)
      if (error.code === 'not-isolated') this.refusal = error
    }
  }
}
