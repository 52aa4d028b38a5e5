// The targets, and the measured value of each. All values come from the results.
import { packTargetBytes } from '../../../core/pack/pack-size.ts'
import { totalOf } from '../access-log.ts'
import type { DatasetResults, Results, RunResults, Side } from '../results.ts'
import { ratiosOf, spreadOf } from '../statistics.ts'
import type { Spread } from '../statistics.ts'
import { bytesText, ratioText } from './figures.ts'

export interface Row {
  metric: string
  reach: string
  ambition: string
  /** Null without a measurement. */
  value: string | null
  standing: 'ambition' | 'reach' | 'missed' | 'not measured'
  heldBy: string
}

interface Goal {
  metric: string
  /** `least`: more is better. */
  better: 'least' | 'most'
  reach: number
  ambition: number
  text: (value: number) => string
  measure: (find: Find) => Measure | null
}

interface Measure {
  /** The value to compare with the target; of a spread, its median counts. */
  value: number | Spread
  heldBy: string
  /** Set if the target itself depends on the data. */
  reach?: number
  ambition?: number
}

type Find = (dataset: string, run: string) => { dataset: DatasetResults; run: RunResults } | null

const mib = 2 ** 20

function faster(dataset: string, run: string): Goal['measure'] {
  return (find) => {
    const match = find(dataset, run)
    if (match === null) return null
    const { holdfast, restic } = match.run
    const onDisk =
      run === 'restore'
        ? `until all is on the disk: ${ratioText(ratiosOf(secondsOnDisk(holdfast), secondsOnDisk(restic)).median)}; `
        : ''
    return { value: ratiosOf(holdfast.seconds, restic.seconds), heldBy: onDisk + loadText(match) }
  }
}

/** Seconds with a `sync` after each round, because only Holdfast syncs the restored files itself. */
export function secondsOnDisk({ seconds, syncSeconds }: Side): number[] {
  return seconds.map((runSeconds, round) => runSeconds + syncSeconds[round]!)
}

/** The larger of two runs' peaks. */
function peak(dataset: string, names: readonly string[] = ['first', 'restore']): Goal['measure'] {
  return (find) => {
    const runs = names.flatMap((name) => find(dataset, name)?.run ?? [])
    if (runs.length === 0) return null
    const peaks = runs
      .map(({ name, holdfast }) => ({ name, peak: spreadOf(holdfast.peakBytes) }))
      .sort((a, b) => b.peak.median - a.peak.median)
    return {
      value: peaks[0]!.peak,
      heldBy: peaks.map(({ name, peak: { median } }) => `${name}: ${bytesText(median)}`).join(', '),
    }
  }
}

const goals: Goal[] = [
  {
    metric: 'first backup, mixed: speed against restic',
    better: 'least',
    reach: 1.2,
    ambition: 1.6,
    text: ratioText,
    measure: faster('mixed', 'first'),
  },
  {
    metric: 'restore, mixed: speed against restic',
    better: 'least',
    reach: 1,
    ambition: 1.25,
    text: ratioText,
    measure: faster('mixed', 'restore'),
  },
  {
    metric: 'restore, big: speed against restic',
    better: 'least',
    reach: 1,
    ambition: 1.25,
    text: ratioText,
    measure: faster('big', 'restore'),
  },
  {
    metric: 'restore, postgres: speed against restic',
    better: 'least',
    reach: 1,
    ambition: 1.25,
    text: ratioText,
    measure: faster('postgres', 'restore'),
  },
  {
    metric: 'restore, mixed: speed against the slowest of writing, network and decoding alone',
    better: 'least',
    reach: 0.6,
    ambition: 0.75,
    text: ratioText,
    measure: againstLimits('mixed'),
  },
  {
    metric: 'restore, big: speed against the slowest of writing, network and decoding alone',
    better: 'least',
    reach: 0.6,
    ambition: 0.75,
    text: ratioText,
    measure: againstLimits('big'),
  },
  {
    metric: 'daily run, a million files of which 0.1 % changed: speed against restic',
    better: 'least',
    reach: 1,
    ambition: 1.5,
    text: ratioText,
    measure: faster('daily', 'change'),
  },
  {
    metric: 'run without changes, tiny: files a second',
    better: 'least',
    reach: 60_000,
    ambition: 100_000,
    text: (value) => Math.round(value).toLocaleString('en'),
    measure: filesPerSecond,
  },
  {
    metric: 'first backup, tiny: speed against restic',
    better: 'least',
    reach: 1,
    ambition: 1.5,
    text: ratioText,
    measure: faster('tiny', 'first'),
  },
  {
    metric: 'restore, tiny: speed against restic',
    better: 'least',
    reach: 1,
    ambition: 1.5,
    text: ratioText,
    measure: faster('tiny', 'restore'),
  },
  {
    metric: "stored bytes against restic's, the worst data set",
    better: 'most',
    reach: 1.05,
    ambition: 1,
    text: (value) => `${value.toFixed(3)}x`,
    measure: storedBytes,
  },
  {
    metric: 'peak memory, mixed',
    better: 'most',
    reach: 384 * mib,
    ambition: 256 * mib,
    text: bytesText,
    measure: peak('mixed'),
  },
  {
    metric: 'peak memory, tiny',
    better: 'most',
    reach: 384 * mib,
    ambition: 256 * mib,
    text: bytesText,
    measure: peak('tiny'),
  },
  {
    metric: 'peak memory, daily run',
    better: 'most',
    reach: 256 * mib,
    ambition: 256 * mib,
    text: bytesText,
    measure: peak('daily', ['change']),
  },
  {
    metric: 'requests of a first backup, mixed',
    better: 'most',
    reach: Number.NaN,
    ambition: Number.NaN,
    text: (value) => String(Math.floor(value)),
    measure: firstRequests,
  },
  {
    metric: 'requests of a run without changes, the worst data set',
    better: 'most',
    reach: 10,
    ambition: 4,
    text: String,
    measure: unchangedRequests,
  },
  {
    metric: 'requests of a full restore, mixed: GETs an object of the vault',
    better: 'most',
    reach: 1.1,
    ambition: 1.02,
    text: (value) => value.toFixed(2),
    measure: getsPerObject,
  },
]

export function standing(results: Results): Row[] {
  const find: Find = (datasetName, runName) => {
    const dataset = results.datasets.find(({ name }) => name === datasetName)
    const run = dataset?.runs.find(({ name }) => name === runName)
    return dataset === undefined || run === undefined ? null : { dataset, run }
  }
  return [
    ...goals.map((goal) => rowOf(goal, goal.measure(find))),
    growthRow(results, find, 'first', 'a first backup'),
    growthRow(results, find, 'restore', 'a restore'),
  ]
}

function rowOf(goal: Goal, measured: Measure | null): Row {
  const reach = measured?.reach ?? goal.reach
  const ambition = measured?.ambition ?? goal.ambition
  const goalText = (value: number): string => (Number.isNaN(value) ? '' : goal.text(value))
  const row = { metric: goal.metric, reach: goalText(reach), ambition: goalText(ambition) }
  if (measured === null) return { ...row, value: null, standing: 'not measured', heldBy: '' }
  const { value, heldBy } = measured
  const median = typeof value === 'number' ? value : value.median
  const meets = (target: number): boolean => (goal.better === 'least' ? median >= target : median <= target)
  const text =
    typeof value === 'number'
      ? goal.text(value)
      : `${goal.text(value.median)} (${goal.text(value.min)} to ${goal.text(value.max)})`
  return {
    ...row,
    value: text,
    standing: meets(ambition) ? 'ambition' : meets(reach) ? 'reach' : 'missed',
    heldBy,
  }
}

/** Shows whether the processors were the limit: the share of the tool and of the store on the same machine. */
function loadText({ dataset: { provenance }, run }: { dataset: DatasetResults; run: RunResults }): string {
  const text = (name: string, side: Side): string => {
    const share = (of: readonly number[]): number =>
      spreadOf(of.map((cpu, round) => cpu / side.seconds[round]! / provenance.machine.cores)).median
    const [toolShare, storeShare] = [share(side.cpuSeconds), share(side.storeCpuSeconds)]
    return `${name} keeps ${percent(toolShare)} of the processors busy, the store ${percent(storeShare)}`
  }
  const cpu = ratiosOf(run.holdfast.cpuSeconds, run.restic.cpuSeconds).median
  return `${text('Holdfast', run.holdfast)}; ${text('restic', run.restic)}; processor time against restic's: ${ratioText(1 / cpu)}`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

function againstLimits(name: string): Goal['measure'] {
  return (find) => {
    const match = find(name, 'restore')
    const limits = match?.dataset.ceilings
    if (match === null || limits === undefined) return null
    const { writeSeconds, networkSeconds, decodeSeconds } = limits
    const slowest = Math.max(writeSeconds, networkSeconds, decodeSeconds)
    const share = ({ seconds }: Side): Spread => spreadOf(seconds.map((runSeconds) => slowest / runSeconds))
    const text = (value: number): string => `${value.toFixed(1)} s`
    return {
      value: share(match.run.holdfast),
      heldBy: `restic: ${ratioText(share(match.run.restic).median)}; alone, writing takes ${text(writeSeconds)}, the network ${text(networkSeconds)}, decoding ${text(decodeSeconds)}`,
    }
  }
}

function filesPerSecond(find: Find): Measure | null {
  const match = find('tiny', 'no-change')
  if (match === null) return null
  return {
    value: spreadOf(match.run.holdfast.seconds.map((seconds) => match.dataset.files / seconds)),
    heldBy: loadText(match),
  }
}

const compared = ['mixed', 'tiny', 'big', 'postgres']

function storedBytes(find: Find): Measure | null {
  const ratios = compared.flatMap((name) => {
    const match = find(name, 'first')
    return match === null
      ? []
      : [{ name, ratio: match.run.holdfast.storedBytes / match.run.restic.storedBytes }]
  })
  if (ratios.length === 0) return null
  return {
    value: Math.max(...ratios.map(({ ratio }) => ratio)),
    heldBy: ratios.map(({ name, ratio }) => `${name} ${ratio.toFixed(3)}x`).join(', '),
  }
}

function firstRequests(find: Find): Measure | null {
  const match = find('mixed', 'first')
  if (match === null) return null
  const { storedBytes: stored, requests } = match.run.holdfast
  const maxRequests = Math.ceil(stored / packTargetBytes) * 1.02 + 10
  return {
    value: totalOf(requests),
    reach: maxRequests,
    ambition: maxRequests,
    heldBy: `stored bytes by the size of a pack, 2 % and 10 more; restic: ${totalOf(match.run.restic.requests)}`,
  }
}

function unchangedRequests(find: Find): Measure | null {
  const counts = compared.flatMap((name) => {
    const match = find(name, 'no-change')
    return match === null
      ? []
      : [{ name, own: totalOf(match.run.holdfast.requests), theirs: totalOf(match.run.restic.requests) }]
  })
  if (counts.length === 0) return null
  return {
    value: Math.max(...counts.map(({ own: total }) => total)),
    heldBy: counts.map(({ name, own: total, theirs }) => `${name} ${total}, restic ${theirs}`).join('; '),
  }
}

function getsPerObject(find: Find): Measure | null {
  const match = find('mixed', 'restore')
  if (match === null) return null
  const backups = ['first', 'no-change', 'change'].flatMap((name) => find('mixed', name)?.run ?? [])
  const objects = backups.reduce((sum, { holdfast }) => sum + (holdfast.requests['PutObject'] ?? 0), 0)
  const gets = match.run.holdfast.requests['GetObject'] ?? 0
  return objects === 0
    ? null
    : {
        value: gets / objects,
        heldBy: `${gets} GETs, ${objects} objects; restic: ${match.run.restic.requests['GetObject'] ?? 0} GETs`,
      }
}

/** Minimum difference in chunks, because the garbage collector's slack hides a smaller one. */
const minChunks = 50_000

/** Memory per chunk from two sizes. A file of 512 bytes is one chunk. */
function growthRow({ complexity }: Results, find: Find, run: string, operationName: string): Row {
  const metric = `memory of ${operationName} as data grows, bytes a chunk`
  const goal: Goal = {
    metric,
    better: 'most',
    reach: 150,
    ambition: 110,
    text: (value) => String(Math.round(value)),
    measure: () => null,
  }
  const tiny = find('tiny', run)
  const points = [
    ...complexity
      .filter(({ name }) => name === 'files' || name === 'tree')
      .flatMap((growth) => growth.points.filter(({ operation }) => operation === run)),
    ...(tiny === null
      ? []
      : [{ size: tiny.dataset.files, peakBytes: spreadOf(tiny.run.holdfast.peakBytes).median }]),
  ].sort((a, b) => b.size - a.size)
  const [largest] = points
  const smaller = points.find(({ size }) => size <= largest!.size - minChunks)
  if (largest === undefined || smaller === undefined) return rowOf(goal, null)
  return rowOf(goal, {
    value: (largest.peakBytes - smaller.peakBytes) / (largest.size - smaller.size),
    heldBy: `${smaller.size.toLocaleString('en')} files: ${bytesText(smaller.peakBytes)}; ${largest.size.toLocaleString('en')}: ${bytesText(largest.peakBytes)}`,
  })
}
