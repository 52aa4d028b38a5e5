// Measures the phases of a drill. A phase that fails has its time too.
import type { Clock } from '../../core/clock.ts'
import type { DrillPhase, DrillResult } from '../reports/drill-result.ts'

type MeasuredPhase = DrillResult['phases'][number]

export class Timeline {
  readonly startedMs: number
  private readonly clock: Pick<Clock, 'nowMs'>
  private readonly onPhase: ((phase: DrillPhase) => void) | undefined
  private readonly measured = new Map<DrillPhase, MeasuredPhase>()
  private current: MeasuredPhase | null = null

  constructor(clock: Pick<Clock, 'nowMs'>, onPhase?: (phase: DrillPhase) => void) {
    this.clock = clock
    this.onPhase = onPhase
    this.startedMs = clock.nowMs()
  }

  get phases(): readonly MeasuredPhase[] {
    return [...this.measured.values()]
  }

  /** Ends the phase before it. A phase that begins a second time goes on. */
  begin(name: DrillPhase): void {
    this.end()
    this.current = this.measured.get(name) ?? { name, startMs: this.elapsedMs(), durationMs: 0 }
    this.measured.set(name, this.current)
    this.onPhase?.(name)
  }

  end(): void {
    const { current } = this
    if (current !== null)
      current.durationMs = Math.max(current.durationMs, this.elapsedMs() - current.startMs)
    this.current = null
  }

  async during<Result>(name: DrillPhase, work: () => Promise<Result>): Promise<Result> {
    this.begin(name)
    try {
      return await work()
    } finally {
      this.end()
    }
  }

  totalMs(names: readonly DrillPhase[]): number {
    return this.phases
      .filter(({ name }) => names.includes(name))
      .reduce((sum, { durationMs }) => sum + durationMs, 0)
  }

  private elapsedMs(): number {
    return Math.max(0, Math.round(this.clock.nowMs() - this.startedMs))
  }
}
