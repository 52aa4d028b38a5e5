// Round numbers for the axes of a chart.
import { bytesText } from '../../core/bytes-text.ts'
import { durationText } from '../../core/duration-text.ts'
import { timeText } from '../../core/time-text.ts'

/** A kind of figure: its text, and the steps that read well on an axis. */
export interface Quantity {
  text: (value: number) => string
  /** Ascending. Above the last one, the axis takes its multiples by powers of two. */
  steps: readonly number[]
}

const [secondMs, minuteMs, hourMs, dayMs] = [1000, 60_000, 3_600_000, 86_400_000]
const maxTicks = 5

export const durations: Quantity = {
  text: (ms) => (ms === 0 ? '0' : durationText(ms)),
  steps: [
    ...[1, 2, 5, 10, 15, 30].map((count) => count * secondMs),
    ...[1, 2, 5, 10, 15, 30].map((count) => count * minuteMs),
    ...[1, 2, 3, 6, 12].map((count) => count * hourMs),
    ...[1, 2, 5, 10, 20, 50, 100].map((count) => count * dayMs),
  ],
}

export const byteCounts: Quantity = {
  text: (bytes) => (bytes === 0 ? '0' : bytesText(bytes)),
  steps: Array.from({ length: 15 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat(),
}

/** From 0 to the first tick that is not below `highest`, two at least. */
export function axisTicks(highest: number, { steps }: Quantity): number[] {
  const step = stepFor(highest, steps)
  return Array.from({ length: Math.max(1, Math.ceil(highest / step)) + 1 }, (_, index) => index * step)
}

/** Whole days, or whole hours of a shorter time, in UTC. */
export function timeTicks(fromMs: number, toMs: number): { timeMs: number; text: string }[] {
  const step = stepFor(
    toMs - fromMs,
    durations.steps.filter((ms) => ms >= minuteMs),
  )
  const first = Math.ceil(fromMs / step) * step
  const count = Math.max(0, Math.floor((toMs - first) / step) + 1)
  return Array.from({ length: count }, (_, index) => first + index * step).map((timeMs) => ({
    timeMs,
    text: step < dayMs ? timeText(timeMs).slice(11, 16) : timeText(timeMs).slice(5, 10),
  }))
}

function stepFor(span: number, steps: readonly number[]): number {
  let step = steps.find((candidate) => span <= candidate * (maxTicks - 1))
  for (step ??= steps.at(-1)!; span > step * (maxTicks - 1); step *= 2);
  return step
}
