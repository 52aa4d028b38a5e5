// Runs checks on sources, one source after the other. A check that can't tell is red, and the others still run.
import type { Clock } from '../core/clock.ts'
import { HoldfastError } from '../core/errors.ts'
import type { TrustedKeys } from '../core/signature.ts'
import { dayMs } from '../core/snapshot/retention.ts'
import { dayOf } from './behaviour/daily-figures.ts'
import { FindingList } from './outcome.ts'
import type { Check } from './check.ts'
import type { CheckOutcome } from './outcome.ts'
import type { CheckContext, EarlierReport } from './check.ts'
import type { SourceObjectives } from './objectives.ts'
import type { ConfigurationPart } from './configuration/configuration-parts.ts'
import { findingText } from './finding-text.ts'
import type { Report, SourceReport } from './reports/report.ts'
import { readReports } from './reports/report-store.ts'
import { SourceState, versionName } from './source-state.ts'
import type { StateDirectory } from './source-state.ts'
import { SourceView } from './source-view.ts'
import type { CheckedStore } from './source-view.ts'

/** How far back a run looks for the last report of a source. */
const reportDays = 14
/** Uploads of so many days are kept for the baselines. */
const uploadDays = 60
/** Content in use is uploaded again at least every 90 days (docs/adr/0025-renewal-by-the-custodian.md). */
const contentDays = 100

export interface SourceToCheck {
  source: string
  isConfigured: boolean
  objectives: SourceObjectives
}

export interface RunOptions {
  store: CheckedStore
  clock: Pick<Clock, 'nowMs'>
  /** The ULID of the run. */
  run: string
  toolVersion: string
  checks: readonly Check[]
  sources: readonly SourceToCheck[]
  /** Null: the run keeps no local state, so that it reads more, and its high-water mark comes from reports alone. */
  states: StateDirectory | null
  /** The notary's public keys; null: receipts don't count. */
  notaryKeys: TrustedKeys | null
  /** The parts of the configuration to compare; null: without an expected state, none. */
  configuration?: readonly ConfigurationPart[] | null
  signal: AbortSignal
  onOutcome?: (source: string, check: Check, outcome: CheckOutcome) => void
}

export interface RunResult {
  report: Report
  /** A state that could not be saved; null if all were. */
  failure: HoldfastError | null
}

/** @throws the reason of `signal`, and nothing else: every other failure becomes a finding. */
export async function runChecks(options: RunOptions): Promise<RunResult> {
  const { store, clock, run, toolVersion, sources } = options
  const startedMs = clock.nowMs()
  const reports: SourceReport[] = []
  let failure: HoldfastError | null = null
  let serverMs: number | null = null
  for (const source of sources) {
    const sourceRun = new SourceRun(options, source)
    reports.push(await sourceRun.report())
    serverMs ??= store.serverTimeMs
    failure ??= sourceRun.failure
  }
  const report: Report = {
    kind: 'report',
    formatVersion: 1,
    run,
    toolVersion: findingText(toolVersion),
    vault: findingText(store.name),
    startedMs: Math.round(serverMs ?? startedMs),
    durationMs: Math.max(0, Math.round(clock.nowMs() - startedMs)),
    ok: reports.length > 0 && reports.every(({ ok }) => ok),
    sources: reports,
  }
  return { report, failure }
}

class SourceRun {
  failure: HoldfastError | null = null
  private readonly options: RunOptions
  private readonly view: SourceView
  private readonly context: CheckContext

  constructor(options: RunOptions, { source, isConfigured, objectives }: SourceToCheck) {
    const { store, states, notaryKeys, signal } = options
    const loaded = states?.load(source) ?? { state: null, lost: null }
    const state = loaded.state ?? new SourceState()
    this.options = options
    this.view = new SourceView({ store, source, objectives, state, notaryKeys, signal })
    this.context = {
      source,
      isConfigured,
      objectives,
      view: this.view,
      configuration: options.configuration ?? null,
      lostState: loaded.lost,
      earlierReport: async () => findEarlierReport(store, source, await this.view.nowMs()),
    }
  }

  async report(): Promise<SourceReport> {
    const { options, view, context } = this
    const { source, objectives } = context
    const outcomes: SourceReport['outcomes'] = []
    for (const check of options.checks) {
      if (check.id === 'alarm-path' && objectives.maxAcknowledgementAgeMs === null) continue
      if (check.id === 'cost' && objectives.budget === null) continue
      if (check.id === 'configuration' && context.configuration === null) continue
      const outcome = await this.runCheck(check)
      options.onOutcome?.(source, check, outcome)
      outcomes.push({
        check: check.id,
        severity: check.severity,
        ...outcome,
        findings: [...outcome.findings],
      })
    }
    const figures = await this.figures()
    if (options.states !== null && figures !== null) this.save(figures)
    return {
      source,
      ok: outcomes.every(({ status }) => status === 'passed'),
      outcomes,
      newestGood: figures?.newestGood ?? null,
      mark: view.state.mark,
      hasState: options.states !== null,
      readDays: objectives.readDays,
      storedBytes: figures?.storedBytes ?? null,
      requests: view.requests,
      objectives: {
        maxAgeMs: objectives.maxAgeMs,
        storedBytes: budgetBytes(objectives),
      },
    }
  }

  private async runCheck(check: Check): Promise<CheckOutcome> {
    try {
      return await check.run(this.context)
    } catch (error) {
      this.options.signal.throwIfAborted()
      const findings = new FindingList()
      const message = error instanceof Error ? error.message : String(error)
      findings.unknown(
        this.context.source,
        error instanceof HoldfastError ? `${error.code}: ${message}` : `a defect in holdfast: ${message}`,
      )
      return findings.outcome(`the check could not tell: ${message}`)
    }
  }

  /** Null if the vault could not be read: then no check could tell, and the state stays as it is. */
  private async figures(): Promise<Figures | null> {
    const { view } = this
    try {
      const nowMs = await view.nowMs()
      this.raiseMark(await this.newestUsable())
      const good = await view.newestGood()
      return {
        nowMs,
        newestGood: good === null ? null : markOf(good.ref),
        keepFromMs: Math.min(nowMs, await view.guaranteeOfNewestGood()),
        listed: new Set((await view.snapshots()).seen.map(({ ref }) => versionName(ref))),
        storedBytes: await view.storedBytes(),
      }
    } catch {
      this.options.signal.throwIfAborted()
      return null
    }
  }

  /** A manifest that can't be read, or that is flagged, could be anything. */
  private async newestUsable(): Promise<Mark | null> {
    const { seen } = await this.view.snapshots()
    const newest = seen.findLast(({ ref, record }) => ref.flags.length === 0 && record.manifest !== null)
    return newest === undefined ? null : markOf(newest.ref)
  }

  /** The mark never goes back, unless an operator has said that its snapshot is bogus. */
  private raiseMark(newest: Mark | null): void {
    const { state } = this.view
    const { ignored } = this.context.objectives
    if (state.mark !== null && ignored.has(state.mark.id)) state.mark = null
    if (newest !== null && newest.timeMs >= (state.mark?.timeMs ?? 0)) state.mark = newest
  }

  private save({ nowMs, keepFromMs, listed }: Figures): void {
    const { source, objectives } = this.context
    const { state } = this.view
    state.serverMs = Math.max(state.serverMs, nowMs)
    for (const [name, { neededUntilMs }] of state.objects)
      if (neededUntilMs < keepFromMs) state.objects.delete(name)
    for (const [name, { manifest, timeMs }] of state.manifests) {
      const endMs = manifest?.guaranteedUntilMs ?? timeMs + objectives.guaranteedDays * dayMs
      // A manifest that the next run lists again must not be read and measured again.
      if (endMs < keepFromMs && !listed.has(name)) state.manifests.delete(name)
    }
    for (const day of state.uploads.keys()) if (day < dayOf(nowMs) - uploadDays) state.uploads.delete(day)
    state.content.forget(dayOf(nowMs) - contentDays)
    try {
      this.options.states!.save(source, state)
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
      this.failure = error
    }
  }
}

function budgetBytes({ budget }: SourceObjectives): number | null {
  return budget === null ? null : Math.floor(Math.min(budget.storedBytes, Number.MAX_SAFE_INTEGER))
}

type Mark = NonNullable<SourceReport['mark']>

interface Figures {
  nowMs: number
  newestGood: Mark | null
  /** Objects and manifests that no snapshot needs at this time, or later, are forgotten. */
  keepFromMs: number
  /** The manifests that this run has seen, by `versionName`. */
  listed: ReadonlySet<string>
  storedBytes: number
}

function markOf({ id, versionId, timeMs }: Mark): Mark {
  return { id, versionId, timeMs }
}

async function findEarlierReport(
  store: CheckedStore,
  source: string,
  nowMs: number,
): Promise<{ report: EarlierReport | null; problems: readonly string[] }> {
  const problems: string[] = []
  for await (const { report, problem } of readReports(store, nowMs, reportDays)) {
    if (problem !== null) problems.push(problem)
    const match = report?.sources.find((entry) => entry.source === source)
    if (report !== null && match !== undefined)
      return { report: { run: report.run, mark: match.mark, hasState: match.hasState }, problems }
  }
  return { report: null, problems }
}
