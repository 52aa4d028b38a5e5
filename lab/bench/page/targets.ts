// What was to be reached, row by row, and where the figures stand: each value comes from the results alone.
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
  /** Null where it was not measured. */
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
  /** What is held against the goals; a spread is judged by its median. */
  value: number | Spread
  heldBy: string
  /** Where the goal itself follows from the data. */
  reach?: number
  ambition?: number
}

type Find = (dataset: string, run: string) => { dataset: DatasetResults; run: RunResults } | null

const mib = 2 ** 20

function faster(dataset: string, run: string): Goal['measure'] {
  return (find) => {
    const found = find(dataset, run)
    if (found === null) return null
    const { holdfast, restic } = found.run
    const onDisk =
      run === 'restore'
        ? `until all is on the disk: ${ratioText(ratiosOf(secondsOnDisk(holdfast), secondsOnDisk(restic)).median)}; `
        : ''
    return { value: ratiosOf(holdfast.seconds, restic.seconds), heldBy: onDisk + loadText(found) }
  }
}

/** With a `sync` after each round: Holdfast ends when what it restored is on the disk; restic leaves that to the system. */
export function secondsOnDisk({ seconds, syncSeconds }: Side): number[] {
  return seconds.map((own, round) => own + syncSeconds[round]!)
}

/** The larger of two runs' peaks. */
function peak(dataset: string): Goal['measure'] {
  return (find) => {
    const runs = ['first', 'restore'].flatMap((name) => find(dataset, name)?.run ?? [])
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
    measure: againstCeilings('mixed'),
  },
  {
    metric: 'restore, big: speed against the slowest of writing, network and decoding alone',
    better: 'least',
    reach: 0.6,
    ambition: 0.75,
    text: ratioText,
    measure: againstCeilings('big'),
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

/** Whether the processors were the limit: ours, the store's on the same machine, and what was left idle. */
function loadText({ dataset: { provenance }, run }: { dataset: DatasetResults; run: RunResults }): string {
  const text = (name: string, side: Side): string => {
    const share = (of: readonly number[]): number =>
      spreadOf(of.map((cpu, round) => cpu / side.seconds[round]! / provenance.machine.cores)).median
    const [own, store] = [share(side.cpuSeconds), share(side.storeCpuSeconds)]
    return `${name} keeps ${percent(own)} of the processors busy, the store ${percent(store)}`
  }
  const cpu = ratiosOf(run.holdfast.cpuSeconds, run.restic.cpuSeconds).median
  return `${text('Holdfast', run.holdfast)}; ${text('restic', run.restic)}; processor time against restic's: ${ratioText(1 / cpu)}`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

function againstCeilings(name: string): Goal['measure'] {
  return (find) => {
    const found = find(name, 'restore')
    const ceilings = found?.dataset.ceilings
    if (found === null || ceilings === undefined) return null
    const { writeSeconds, networkSeconds, decodeSeconds } = ceilings
    const slowest = Math.max(writeSeconds, networkSeconds, decodeSeconds)
    const share = ({ seconds }: Side): Spread => spreadOf(seconds.map((own) => slowest / own))
    const text = (value: number): string => `${value.toFixed(1)} s`
    return {
      value: share(found.run.holdfast),
      heldBy: `restic: ${ratioText(share(found.run.restic).median)}; alone, writing takes ${text(writeSeconds)}, the network ${text(networkSeconds)}, decoding ${text(decodeSeconds)}`,
    }
  }
}

function filesPerSecond(find: Find): Measure | null {
  const found = find('tiny', 'no-change')
  if (found === null) return null
  return {
    value: spreadOf(found.run.holdfast.seconds.map((seconds) => found.dataset.files / seconds)),
    heldBy: loadText(found),
  }
}

const compared = ['mixed', 'tiny', 'big', 'postgres']

function storedBytes(find: Find): Measure | null {
  const ratios = compared.flatMap((name) => {
    const found = find(name, 'first')
    return found === null
      ? []
      : [{ name, ratio: found.run.holdfast.storedBytes / found.run.restic.storedBytes }]
  })
  if (ratios.length === 0) return null
  return {
    value: Math.max(...ratios.map(({ ratio }) => ratio)),
    heldBy: ratios.map(({ name, ratio }) => `${name} ${ratio.toFixed(3)}x`).join(', '),
  }
}

function firstRequests(find: Find): Measure | null {
  const found = find('mixed', 'first')
  if (found === null) return null
  const { storedBytes: stored, requests } = found.run.holdfast
  const most = Math.ceil(stored / packTargetBytes) * 1.02 + 10
  return {
    value: totalOf(requests),
    reach: most,
    ambition: most,
    heldBy: `stored bytes by the size of a pack, 2 % and 10 more; restic: ${totalOf(found.run.restic.requests)}`,
  }
}

function unchangedRequests(find: Find): Measure | null {
  const counts = compared.flatMap((name) => {
    const found = find(name, 'no-change')
    return found === null
      ? []
      : [{ name, own: totalOf(found.run.holdfast.requests), theirs: totalOf(found.run.restic.requests) }]
  })
  if (counts.length === 0) return null
  return {
    value: Math.max(...counts.map(({ own }) => own)),
    heldBy: counts.map(({ name, own, theirs }) => `${name} ${own}, restic ${theirs}`).join('; '),
  }
}

function getsPerObject(find: Find): Measure | null {
  const found = find('mixed', 'restore')
  if (found === null) return null
  const backups = ['first', 'no-change', 'change'].flatMap((name) => find('mixed', name)?.run ?? [])
  const objects = backups.reduce((sum, { holdfast }) => sum + (holdfast.requests['PutObject'] ?? 0), 0)
  const gets = found.run.holdfast.requests['GetObject'] ?? 0
  return objects === 0
    ? null
    : {
        value: gets / objects,
        heldBy: `${gets} GETs, ${objects} objects; restic: ${found.run.restic.requests['GetObject'] ?? 0} GETs`,
      }
}

/** Fewer chunks than these drown in what the garbage collector leaves for later. */
const fewestChunks = 50_000

/** A file of 512 bytes is one chunk: what the most of them took beyond what fewer took. */
function growthRow({ complexity }: Results, find: Find, run: string, what: string): Row {
  const metric = `memory of ${what} as data grows, bytes a chunk`
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
  const [most] = points
  const fewer = points.find(({ size }) => size <= most!.size - fewestChunks)
  if (most === undefined || fewer === undefined) return rowOf(goal, null)
  return rowOf(goal, {
    value: (most.peakBytes - fewer.peakBytes) / (most.size - fewer.size),
    heldBy: `${fewer.size.toLocaleString('en')} files: ${bytesText(fewer.peakBytes)}; ${most.size.toLocaleString('en')}: ${bytesText(most.peakBytes)}`,
  })
}
