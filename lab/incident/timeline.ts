// What happened when: by the sandbox's clock, which the drill turns so that a day passes, and by a stopwatch.
import type { Clock } from '../../core/clock.ts'

export const stepNames = [
  'provision',
  'produce',
  'back-up',
  'wipe',
  'attack',
  'prove',
  'guards',
  'restore',
  'last-wall',
  'time',
] as const
export type StepName = (typeof stepNames)[number]

export interface TimelineEntry {
  step: StepName
  /** By the sandbox's clock, ISO 8601 in UTC. */
  at: string
  /** Since the drill began, by the stopwatch. */
  elapsedMs: number
  text: string
}

export interface TimelineListener {
  begin(step: StepName, title: string): void
  note(entry: TimelineEntry): void
  /** Something is under way; the next call replaces it. */
  progress(text: string): void
}

export class Timeline {
  readonly entries: TimelineEntry[] = []
  /** Replaced by the sandbox's as soon as there is one. */
  clock: Pick<Clock, 'nowMs'>
  readonly #listener: TimelineListener
  readonly #startedMs = performance.now()
  #step: StepName = 'provision'

  constructor(clock: Pick<Clock, 'nowMs'>, listener: TimelineListener) {
    this.clock = clock
    this.#listener = listener
  }

  get elapsedMs(): number {
    return Math.round(performance.now() - this.#startedMs)
  }

  begin(step: StepName, title: string): void {
    this.#step = step
    this.#listener.begin(step, title)
  }

  note(text: string): void {
    const entry = {
      step: this.#step,
      at: new Date(this.clock.nowMs()).toISOString(),
      elapsedMs: this.elapsedMs,
      text,
    }
    this.entries.push(entry)
    this.#listener.note(entry)
  }

  progress(text: string): void {
    this.#listener.progress(text)
  }
}
