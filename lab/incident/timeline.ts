// The events of a drill with two times: by the sandbox's clock, which the drill turns forward by a day, and by a
// stopwatch.
import type { Clock } from '../../core/clock.ts'

export const stepNames = [
  'provision',
  'produce',
  'back-up',
  'go-live',
  'wipe',
  'attack',
  'prove',
  'guards',
  'restore',
  'recover',
  'last-wall',
  'time',
  'nights',
] as const
export type StepName = (typeof stepNames)[number]

export interface TimelineEntry {
  step: StepName
  /** Time by the sandbox's clock, ISO 8601 in UTC. */
  at: string
  /** Time since the start of the drill, by the stopwatch. */
  elapsedMs: number
  text: string
}

export interface TimelineListener {
  begin(step: StepName, title: string): void
  note(entry: TimelineEntry): void
  /** Shows the current activity; the next call replaces it. */
  progress(text: string): void
}

export class Timeline {
  readonly entries: TimelineEntry[] = []
  /** The machine's clock until the sandbox starts, then the sandbox's. */
  clock: Pick<Clock, 'nowMs'>
  private readonly listener: TimelineListener
  private readonly startedMs = performance.now()
  private step: StepName = 'provision'

  constructor(clock: Pick<Clock, 'nowMs'>, listener: TimelineListener) {
    this.clock = clock
    this.listener = listener
  }

  get elapsedMs(): number {
    return Math.round(performance.now() - this.startedMs)
  }

  begin(step: StepName, title: string): void {
    this.step = step
    this.listener.begin(step, title)
  }

  note(text: string): void {
    const entry = {
      step: this.step,
      at: new Date(this.clock.nowMs()).toISOString(),
      elapsedMs: this.elapsedMs,
      text,
    }
    this.entries.push(entry)
    this.listener.note(entry)
  }

  progress(text: string): void {
    this.listener.progress(text)
  }
}
