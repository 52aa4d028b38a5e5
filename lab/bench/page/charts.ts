// Charts as SVG, drawn by Vega without a browser.
import { parse, View } from 'vega'
import { compile } from 'vega-lite'
import type { TopLevelSpec } from 'vega-lite'
import type { Results } from '../results.ts'
import { ratiosOf, spreadOf } from '../statistics.ts'

// Colours for colour-blind readers (Okabe and Ito), on a white ground that stays visible on a dark page.
const colours = { holdfast: '#0072B2', restic: '#D55E00' }
const look = {
  background: 'white',
  padding: 12,
  config: { font: 'sans-serif', view: { stroke: 'transparent' } },
}
const mib = 2 ** 20

/** Returns SVG by file name, without charts that have no data. */
export async function drawCharts(results: Results): Promise<Record<string, string>> {
  const specs: Record<string, TopLevelSpec> = {
    ...(results.datasets.some(({ runs }) => runs.length > 0)
      ? { 'speed.svg': speed(results), 'memory.svg': memory(results) }
      : {}),
    ...(results.complexity.some(({ points }) => points.length > 0)
      ? {
          'growth-time.svg': growth(results, 'seconds', 'seconds'),
          'growth-memory.svg': growth(results, 'mib', 'peak memory, MiB'),
        }
      : {}),
  }
  const drawn = Object.entries(specs).map(async ([name, spec]) => [name, await draw(spec)] as const)
  return Object.fromEntries(await Promise.all(drawn))
}

async function draw(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  try {
    return `${await view.toSVG()}\n`
  } finally {
    view.finalize()
  }
}

/** restic's time divided by Holdfast's: right of the line Holdfast is faster. */
function speed({ datasets }: Results): TopLevelSpec {
  const values = datasets.flatMap(({ name, runs }) =>
    runs.map((run) => ({
      what: `${name}: ${run.name}`,
      ...ratiosOf(run.holdfast.seconds, run.restic.seconds),
    })),
  )
  const y = { field: 'what', type: 'nominal', sort: null, title: null } as const
  return {
    ...look,
    width: 420,
    height: { step: 18 },
    title: 'How many times as fast as restic (median, least and most of the rounds)',
    layer: [
      {
        data: { values: [{ at: 1 }] },
        mark: { type: 'rule', color: '#666', strokeDash: [4, 4] },
        encoding: { x: { field: 'at', type: 'quantitative' } },
      },
      {
        data: { values },
        mark: { type: 'rule', color: colours.holdfast },
        encoding: {
          y,
          x: {
            field: 'min',
            type: 'quantitative',
            scale: { type: 'log' },
            title: "restic's time / Holdfast's",
          },
          x2: { field: 'max' },
        },
      },
      {
        data: { values },
        mark: { type: 'point', filled: true, size: 60, color: colours.holdfast },
        encoding: { y, x: { field: 'median', type: 'quantitative' } },
      },
    ],
  }
}

function memory({ datasets }: Results): TopLevelSpec {
  const values = datasets.flatMap(({ name, runs }) =>
    runs.flatMap((run) =>
      (['holdfast', 'restic'] as const).map((tool) => ({
        what: `${name}: ${run.name}`,
        who: tool,
        mib: spreadOf(run[tool].peakBytes).median / mib,
      })),
    ),
  )
  return {
    ...look,
    width: 420,
    height: { step: 9 },
    title: 'Peak memory of the process, MiB (median)',
    data: { values },
    mark: 'bar',
    encoding: {
      y: { field: 'what', type: 'nominal', sort: null, title: null },
      yOffset: { field: 'who' },
      x: { field: 'mib', type: 'quantitative', title: null },
      color: {
        field: 'who',
        type: 'nominal',
        title: null,
        scale: { domain: Object.keys(colours), range: Object.values(colours) },
      },
    },
  }
}

function growth({ complexity }: Results, field: 'seconds' | 'mib', title: string): TopLevelSpec {
  const growing = complexity.filter(({ points }) => new Set(points.map(({ size }) => size)).size > 1)
  const values = growing.flatMap(({ name, points }) =>
    points.map(({ size, operation, seconds, peakBytes }) => ({
      name,
      size,
      operation,
      seconds,
      mib: peakBytes / mib,
    })),
  )
  return {
    ...look,
    title: `As the data grow tenfold: ${title}`,
    data: { values },
    facet: { field: 'name', type: 'nominal', title: null, sort: null },
    columns: 2,
    resolve: { scale: { x: 'independent' } },
    spec: {
      width: 220,
      height: 160,
      mark: { type: 'line', point: true },
      encoding: {
        x: {
          field: 'size',
          type: 'quantitative',
          scale: { type: 'log' },
          axis: { format: '~s', tickCount: 4 },
          title: null,
        },
        y: { field, type: 'quantitative', scale: { type: 'log' }, title },
        color: {
          field: 'operation',
          type: 'nominal',
          title: null,
          scale: { range: ['#0072B2', '#E69F00', '#009E73', '#CC79A7'] },
        },
      },
    },
  }
}
