// One run of drills: what earlier ones left is removed, each state is restored and tested, and the report says it all.
import type { Clock } from '../../core/clock.ts'
import type { HoldfastError } from '../../core/errors.ts'
import type { TimedStore } from '../../core/snapshot/snapshot-choice.ts'
import { findingText } from '../finding-text.ts'
import type { DrillResult } from '../reports/drill-result.ts'
import type { Report } from '../reports/report.ts'
import { runDrill } from './drill.ts'
import type { DrillOptions } from './drill.ts'
import { removeLeftovers } from './workspace.ts'

export interface DrillRun {
  store: TimedStore
  clock: Pick<Clock, 'nowMs'>
  /** The ULID of the run. */
  run: string
  toolVersion: string
  scratch: string
  /** At least one. */
  drills: readonly DrillOptions[]
  onLeftovers: (count: number) => void
  onResult: (result: DrillResult) => void
}

/**
 * @returns `refusal` if this machine can't keep restored programs apart.
 * @throws `target` if what an earlier drill left can't be removed, or the reason of an interruption.
 */
export async function runDrills(
  options: DrillRun,
): Promise<{ report: Report; refusal: HoldfastError | null }> {
  const { store, clock, run, toolVersion, scratch, drills } = options
  const startedMs = clock.nowMs()
  options.onLeftovers(await removeLeftovers(scratch, startedMs))
  const results: DrillResult[] = []
  let refusal: HoldfastError | null = null
  for (const drill of drills) {
    const outcome = await runDrill(drill)
    results.push(outcome.result)
    refusal ??= outcome.refusal
    options.onResult(outcome.result)
  }
  const report: Report = {
    kind: 'report',
    formatVersion: 1,
    run,
    toolVersion: findingText(toolVersion),
    vault: findingText(store.name),
    startedMs: results[0]!.startedMs,
    durationMs: Math.max(0, Math.round(clock.nowMs() - startedMs)),
    ok: results.every(({ status }) => status === 'passed'),
    sources: [],
    drills: results,
  }
  return { report, refusal }
}
