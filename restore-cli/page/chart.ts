// Figures over time as SVG, without a library: charts of one line need ticks and a path, and a library for charts would
// be the largest part of the package. Colors come from the style sheet, so that a chart follows dark and light.
import { timeText } from '../../core/time-text.ts'
import { html } from './markup.ts'
import type { Markup } from './markup.ts'
import { axisTicks, timeTicks } from './ticks.ts'
import type { Quantity } from './ticks.ts'

export interface ChartPoint {
  timeMs: number
  /** Null: the run has no such figure. */
  value: number | null
}

export interface Chart {
  title: string
  quantity: Quantity
  /** Oldest first. */
  points: readonly ChartPoint[]
  fromMs: number
  toMs: number
  /** A value over it misses the objective. */
  limit: { name: string; value: number } | null
  /** The meaning of a null, e.g. `no good snapshot`. It counts as a miss. Absent: the point is left out. */
  absent?: string
}

const size = { width: 360, height: 180 }
const plot = { left: 58, right: 342, top: 12, bottom: 152 }
/** Half of the height and width of a cross. */
const arm = 3.5

export function renderChart(chart: Chart): Markup {
  const { title, points } = chart
  if (points.length === 0) return html``
  const sentence = describe(chart)
  return html`<figure>
    <figcaption><b>${title}</b><br />${sentence}</figcaption>
    <svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${title}: ${sentence}">
      ${drawing(chart)}
    </svg>
  </figure>`
}

function describe({ quantity, points, limit, absent }: Chart): string {
  const values = points.flatMap(({ value }) => value ?? [])
  const newest = points.at(-1)!.value
  const misses = points.filter((point) => isMiss(point, limit)).length
  return [
    newest === null ? `newest: ${absent ?? 'unknown'}` : `newest ${quantity.text(newest)}`,
    ...(values.length === 0 ? [] : [`highest ${quantity.text(Math.max(...values))}`]),
    ...(limit === null ? [] : [`${limit.name} ${quantity.text(limit.value)} (dashed line)`]),
    ...(misses === 0 ? [] : [`${misses} of ${points.length} missed it (crosses)`]),
  ].join('; ')
}

function isMiss({ value }: ChartPoint, limit: Chart['limit']): boolean {
  return value === null || (limit !== null && value > limit.value)
}

function drawing({ quantity, points, fromMs, toMs, limit, absent }: Chart): Markup {
  const shown = absent === undefined ? points.filter(({ value }) => value !== null) : points
  const highest = Math.max(limit?.value ?? 0, ...shown.map(({ value }) => value ?? 0))
  const ticks = axisTicks(highest, quantity)
  const scale = {
    x: (timeMs: number) =>
      plot.left + ((plot.right - plot.left) * (timeMs - fromMs)) / Math.max(1, toMs - fromMs),
    y: (value: number) => plot.bottom - ((plot.bottom - plot.top) * value) / ticks.at(-1)!,
  }
  const limitLine =
    limit === null
      ? html``
      : html`<path class="limit" d="M${plot.left} ${round(scale.y(limit.value))}H${plot.right}" />`
  return html`${ticks.map((value) => valueTick(scale.y(value), quantity.text(value)))}
    ${timeTicks(fromMs, toMs).map(({ timeMs, text }) => timeTick(scale.x(timeMs), text))}${limitLine}
    <path class="series" d="${pathOf(shown, scale)}" />
    ${shown.map((point) => mark(point, scale, { isMiss: isMiss(point, limit), text: `${timeText(point.timeMs)}: ${point.value === null ? absent! : quantity.text(point.value)}` }))}`
}

interface Scale {
  x: (timeMs: number) => number
  y: (value: number) => number
}

/** A run without the figure breaks the line. */
function pathOf(points: readonly ChartPoint[], { x, y }: Scale): string {
  return points
    .map(({ timeMs, value }, index) => {
      if (value === null) return ''
      const isStart = (points[index - 1]?.value ?? null) === null
      return `${isStart ? 'M' : 'L'}${round(x(timeMs))} ${round(y(value))}`
    })
    .join('')
}

function mark(
  { timeMs, value }: ChartPoint,
  { x, y }: Scale,
  { isMiss: missed, text }: { isMiss: boolean; text: string },
): Markup {
  const [centerX, centerY] = [round(x(timeMs)), value === null ? plot.top : round(y(value))]
  if (!missed)
    return html`<circle class="dot" cx="${centerX}" cy="${centerY}" r="2.5"><title>${text}</title></circle>`
  return html`<path
    class="over"
    d="M${round(centerX - arm)} ${round(centerY - arm)}l${2 * arm} ${2 * arm}m0 ${-2 * arm}l${-2 * arm} ${2 * arm}"
  >
    <title>${text}</title>
  </path>`
}

function valueTick(y: number, text: string): Markup {
  return html`<path class="grid" d="M${plot.left} ${round(y)}H${plot.right}" />
    <text x="${plot.left - 6}" y="${round(y + 4)}" text-anchor="end">${text}</text>`
}

function timeTick(x: number, text: string): Markup {
  return html`<path class="grid" d="M${round(x)} ${plot.bottom}v4" />
    <text x="${round(x)}" y="${plot.bottom + 18}" text-anchor="middle">${text}</text>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
