// docs/benchmarks.md and its charts, drawn from the results: no figure in it was typed.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { totalOf } from '../access-log.ts'
import type { Complexity, DatasetResults, Results, RunResults, Side } from '../results.ts'
import { ratiosOf, spreadOf } from '../statistics.ts'
import { drawCharts } from './charts.ts'
import { bytesText, ratioText, secondsText } from './figures.ts'
import { secondsOnDisk, standing } from './targets.ts'

/** @param documentation the folder that gets `benchmarks.md` and `benchmarks/`. */
export async function renderPage(results: Results, documentation: string): Promise<void> {
  const charts = await drawCharts(results)
  mkdirSync(join(documentation, 'benchmarks'), { recursive: true })
  for (const [name, svg] of Object.entries(charts))
    writeFileSync(join(documentation, 'benchmarks', name), svg)
  writeFileSync(join(documentation, 'benchmarks.md'), pageText(results, Object.keys(charts)))
}

export function pageText(results: Results, charts: readonly string[]): string {
  const chart = (name: string, text: string): string[] =>
    charts.includes(name) ? ['', `![${text}](benchmarks/${name})`] : []
  return [
    ...introduction(results),
    '',
    '## Where it stands',
    '',
    ...standingTable(results),
    '',
    '## Side by side',
    ...chart('speed.svg', 'How many times as fast as restic'),
    ...chart('memory.svg', 'Peak memory'),
    ...results.datasets.flatMap((dataset) => ['', ...datasetSection(dataset)]),
    ...(results.complexity.length === 0
      ? []
      : [
          '',
          '## As the data grow',
          '',
          'Holdfast alone, in tenfold steps; each point is the median of three runs, if nothing else is said. A line that rises by one decade in one',
          'decade is linear.',
          ...chart('growth-time.svg', 'Time as the data grow'),
          ...chart('growth-memory.svg', 'Memory as the data grow'),
          ...results.complexity.flatMap((growth) => ['', ...growthTable(growth)]),
        ]),
    '',
    ...reading,
    '',
  ].join('\n')
}

function introduction({ datasets, complexity }: Results): string[] {
  const parts = [...datasets, ...complexity]
  const ways = new Map<string, { names: string[]; part: (typeof parts)[number] }>()
  for (const part of parts) {
    const key = JSON.stringify(part.provenance)
    const way = ways.get(key) ?? { names: [], part }
    way.names.push(part.name)
    ways.set(key, way)
  }
  return [
    '# Benchmarks',
    '',
    'Holdfast and [restic](https://restic.net) side by side, on one [versitygw](https://github.com/versity/versitygw) on loopback: a store that',
    'nobody here wrote, on the same processors as its clients. Drawn by `npm run bench -- --render` from',
    '[benchmarks.json](benchmarks.json), which a measurement writes; no figure on this page was typed.',
    '',
    ...[...ways.values()].flatMap(
      ({
        names,
        part: {
          provenance: { command, made, machine, rounds, versions },
        },
      }) => [
        `- \`${command}\`, ${made.slice(0, 16).replace('T', ' ')} UTC: ${names.join(', ')}; ${rounds === 1 ? '1 round' : `${rounds} rounds`}; ${Object.entries(
          versions,
        )
          .map(([name, text]) => (text.includes(name) ? text : `${name} ${text}`))
          .join(
            ', ',
          )}; ${machine.cores} cores of ${machine.processor}, ${bytesText(machine.memoryBytes)}, ${machine.system}`,
      ],
    ),
  ]
}

function standingTable(results: Results): string[] {
  const words = {
    ambition: '**ambition**',
    reach: '**reach**',
    missed: 'missed',
    'not measured': 'not measured',
  }
  const smaller = results.datasets
    .filter(({ scale }) => scale < 1)
    .map(({ name, scale }) => `${name} at ${scale} of it`)
  const note =
    smaller.length === 0
      ? []
      : [`The targets are about the full sizes. Measured were ${smaller.join(', ')}.`, '']
  return [
    ...note,
    ...table(
      ['', 'Measured', 'Reach', 'Ambition', 'Stands at', 'What holds it'],
      standing(results).map((row) => [
        row.metric,
        row.value ?? '',
        row.reach,
        row.ambition,
        words[row.standing],
        row.heldBy,
      ]),
    ),
  ]
}

function datasetSection({ name, description, files, bytes, runs }: DatasetResults): string[] {
  return [
    `### ${name}`,
    '',
    `${description}: ${files.toLocaleString('en')} files, ${bytesText(bytes)}.`,
    '',
    ...table(
      [
        'Run',
        "restic's time / Holdfast's",
        'Time',
        'restic',
        'CPU',
        'restic',
        'Peak memory',
        'restic',
        'Requests',
        'restic',
        'Stored',
        'restic',
      ],
      runs.map((run) => [
        run.name,
        spreadText(run),
        ...both(run, (side) => secondsText(spreadOf(side.seconds).median)),
        ...both(run, (side) => secondsText(spreadOf(side.cpuSeconds).median)),
        ...both(run, (side) => bytesText(spreadOf(side.peakBytes).median)),
        ...both(run, (side) => String(totalOf(side.requests))),
        ...both(run, (side) => bytesText(side.storedBytes)),
      ]),
    ),
    ...runs.filter((run) => run.name === 'restore').flatMap(onDisk),
    '',
    ...table(
      ['Requests by kind', 'Holdfast', 'restic'],
      runs.map((run) => [run.name, ...both(run, ({ requests }) => requestsText(requests))]),
    ),
  ]
}

function onDisk({ holdfast, restic }: RunResults): string[] {
  const [own, theirs] = [secondsOnDisk(holdfast), secondsOnDisk(restic)]
  const { median, min, max } = ratiosOf(own, theirs)
  return [
    '',
    `Until all of \`restore\` is on the disk, with a \`sync\` after it: **${ratioText(median)}** (${ratioText(min)} to ${ratioText(max)}), ${secondsText(
      spreadOf(own).median,
    )} against ${secondsText(spreadOf(theirs).median)}.`,
  ]
}

function both(run: RunResults, text: (side: Side) => string): [string, string] {
  return [text(run.holdfast), text(run.restic)]
}

function spreadText({ holdfast, restic }: RunResults): string {
  const { median, min, max } = ratiosOf(holdfast.seconds, restic.seconds)
  return `**${ratioText(median)}** (${ratioText(min)} to ${ratioText(max)})`
}

function requestsText(requests: Side['requests']): string {
  return Object.entries(requests)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')
}

function growthTable({ name, unit, points }: Complexity): string[] {
  return table(
    [`${name}: ${unit}`, 'Operation', 'Time', 'CPU', 'Peak memory', 'Requests'],
    points
      .toSorted((a, b) => (a.operation < b.operation ? -1 : a.operation > b.operation ? 1 : a.size - b.size))
      .map((point) => [
        point.size.toLocaleString('en'),
        point.operation,
        secondsText(point.seconds),
        secondsText(point.cpuSeconds),
        bytesText(point.peakBytes),
        String(point.requests),
      ]),
  )
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

const reading = `## How to read it

Who waits for a restore at night asks three things of this page.

- **How long will it take?** Bytes of the source by the rate of \`restore\` in the data set that is most like it, and more where the
  store is further away than loopback: a request then costs some ten milliseconds, which is why their number is here.
- **Will it fit?** Peak memory is what the largest process ever had resident; the growth charts say whether more data need more.
- **What does a mistake cost?** \`restore-one\` is one file out of everything, \`point-in-time\` an old snapshot among many.

What was done, so that the ratios mean something:

- Both run as whole processes, as somebody would start them: Holdfast as \`npm run build\` leaves it, restic with its defaults
  (compression \`auto\`, its cache warm). restic encrypts, which Holdfast leaves to the store; Holdfast decodes and compares every pack
  before it uploads it, has each checksum verified by the server, writes under a COMPLIANCE lock with \`If-None-Match\`, and syncs what it restores to
  the disk. Nothing of that was turned off.
- Rounds alternate, with new buckets and caches in each, and who begins changes. A ratio is taken within a round, where both had the
  same machine; quoted are the median of the ratios, the least and the most.
- Page cache warm for both, nothing left to be written before each run (\`sync\`), every first restore compared with its source by \`diff\`.
- Time is the wall's; CPU is user and system time of the process and its children; memory the kernel's \`ru_maxrss\`; requests come from
  the store's own access log; stored is what lies in the bucket's folder, every version.
- \`first\`: into an empty bucket. \`no-change\`: again. \`change\`: after 2 % of the bytes changed. \`restore\`: all of the newest state.
  \`restore-one\`: one file of it. \`point-in-time\`: the state in the middle of all snapshots; Holdfast is given a time, restic, which
  doesn't look for one, the snapshot's id.
- The store shares the processors with its client: a client that takes less leaves more to it.
- Absolute times of a shared machine mean little; ratios mean more; more rounds (\`--rounds\`) mean most.

\`npm run bench -- --quick\` measures everything at smaller sizes in about 20 minutes, \`npm run bench\` at full sizes; \`--only\`, \`--runs\`, \`--scale\` and
\`--rounds\` choose, \`--out FILE\` leaves this page alone, \`--help\` has the rest. What is measured anew takes its place among
what was measured before. It needs Linux, Python 3, Go (which builds restic and versitygw from the Go module proxy once, into the
user's cache, if they aren't in the path), and room on the disk: 45 GiB for the full sizes.`.split('\n')
