// docs/benchmarks.md and its charts, drawn from the results: no figure in it was typed.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { totalOf } from '../access-log.ts'
import type { Complexity, DatasetResults, Results, RunResults, Side, WalResults } from '../results.ts'
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
    '## Which targets does it meet?',
    '',
    ...standingTable(results),
    '',
    '## How does it compare with restic?',
    ...chart('speed.svg', 'How many times as fast as restic'),
    ...chart('memory.svg', 'Peak memory'),
    ...results.datasets.flatMap((dataset) => ['', ...datasetSection(dataset)]),
    ...(results.wal ?? []).flatMap((wal) => ['', ...walSection(wal)]),
    ...(results.complexity.length === 0
      ? []
      : [
          '',
          '## What happens as the data grow?',
          '',
          'These runs measure Holdfast alone, in tenfold steps. Each point is the median of three runs, unless the table says otherwise. A line that',
          'rises by one decade per decade is linear.',
          ...chart('growth-time.svg', 'Time as the data grow'),
          ...chart('growth-memory.svg', 'Memory as the data grow'),
          ...results.complexity.flatMap((growth) => ['', ...growthTable(growth)]),
        ]),
    '',
    ...reading,
    '',
  ].join('\n')
}

function introduction({ datasets, complexity, wal = [] }: Results): string[] {
  const parts = [...datasets, ...complexity, ...wal]
  const ways = new Map<string, { names: string[]; part: (typeof parts)[number] }>()
  for (const part of parts) {
    const key = JSON.stringify(part.provenance)
    const way = ways.get(key) ?? { names: [], part }
    way.names.push(part.name)
    ways.set(key, way)
  }
  return [
    '# How fast is it, and how much memory does it need?',
    '',
    'Holdfast and [restic](https://restic.net) run side by side against one',
    '[versitygw](https://github.com/versity/versitygw) on loopback. This is a third-party store, on the same processors as its clients.',
    '`npm run bench -- --render` draws this page from [benchmarks.json](benchmarks.json), which a measurement writes. No figure here was typed.',
    '',
    'These commands measured it:',
    '',
    ...[...ways.values()].flatMap(
      ({
        names,
        part: {
          provenance: { command, made: measuredAt, machine, rounds, versions },
        },
      }) => [
        `- \`${command}\`, ${measuredAt.slice(0, 16).replace('T', ' ')} UTC: ${names.join(', ')}; ${rounds === 1 ? '1 round' : `${rounds} rounds`}; ${Object.entries(
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
      : [`The targets are for the full sizes. These were smaller: ${smaller.join(', ')}.`, '']
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

function walSection({ segments, bytes, holdfast, pgbackrest }: WalResults): string[] {
  const speed = (seconds: readonly number[]): string =>
    `${(bytes / 2 ** 20 / spreadOf(seconds).median).toFixed(1)} MiB/s`
  return [
    '## How fast does WAL reach the vault?',
    '',
    `${segments} segments, pushed as PostgreSQL does: one command for one segment after the other. Both tools push over TLS to the same store, and compress with zstd at`,
    'level 1. pgBackRest pushes asynchronously with two processes, and Holdfast from one process with three files at a time. The ratio is the median of the rounds, with the range.',
    '',
    ...table(
      ['', 'Holdfast', 'pgBackRest', 'Holdfast is'],
      [['WAL push', speed(holdfast), speed(pgbackrest), spreadText({ ours: holdfast, theirs: pgbackrest })]],
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
        spreadText({ ours: run.holdfast.seconds, theirs: run.restic.seconds }),
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
  const [holdfastSeconds, resticSeconds] = [secondsOnDisk(holdfast), secondsOnDisk(restic)]
  const { median, min, max } = ratiosOf(holdfastSeconds, resticSeconds)
  return [
    '',
    `Until everything is on the disk, with a \`sync\` after it: **${ratioText(median)}** (${ratioText(min)} to ${ratioText(max)}), ${secondsText(
      spreadOf(holdfastSeconds).median,
    )} against ${secondsText(spreadOf(resticSeconds).median)}.`,
  ]
}

function both(run: RunResults, text: (side: Side) => string): [string, string] {
  return [text(run.holdfast), text(run.restic)]
}

function spreadText({ ours, theirs }: { ours: readonly number[]; theirs: readonly number[] }): string {
  const { median, min, max } = ratiosOf(ours, theirs)
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

const reading = `## How do I read it?

On-call, who waits for a restore at night, asks three questions.

- **How long will it take?** Take the data set that is most like yours, and scale its \`restore\` by the bytes. A store that is further away than loopback
  adds some ten milliseconds for each request, so the tables show the number of requests.
- **Does it fit?** Peak memory is the largest resident size of any process. The growth charts show whether more data needs more.
- **What does a small mistake cost?** \`restore-one\` restores one file out of everything. \`point-in-time\` restores an old snapshot among many.

## How was it measured?

- Both tools run as whole processes, as a user starts them: Holdfast as \`npm run build\` leaves it, restic with its defaults (compression \`auto\`, a warm
  cache).
- restic encrypts; Holdfast leaves this to the store. Holdfast decodes and compares every pack before it uploads it, and the server verifies each checksum.
  Holdfast writes under a COMPLIANCE lock with \`If-None-Match\`, and syncs restored data to the disk. None of this was turned off.
- Rounds alternate, with new buckets and caches in each, and take turns in which tool begins. A ratio compares two runs of one round. The tables show the
  median of the ratios, the smallest and the largest.
- The page cache is warm for both. A \`sync\` before each run leaves nothing to be written. \`diff\` compares every first restore with its source.

| Column | Meaning |
| --- | --- |
| Time | wall-clock time |
| CPU | user and system time of the process and its children |
| Peak memory | the kernel's \`ru_maxrss\` |
| Requests | from the store's own access log |
| Stored | all bytes in the bucket's folder, every version |

| Run | Meaning |
| --- | --- |
| \`first\` | a backup into an empty bucket |
| \`no-change\` | the same backup again |
| \`change\` | a backup after 2 % of the bytes changed, in \`daily\` 0.1 % of the files |
| \`restore\` | the whole newest state |
| \`restore-one\` | one file of it |
| \`point-in-time\` | the state in the middle of all snapshots. Holdfast gets a time; restic gets the snapshot's id, because it doesn't search by time |

The store shares the processors with its client, so a client that takes less leaves more to the store. Absolute times of a shared machine mean little. Ratios mean
more, and more rounds (\`--rounds\`) make them more reliable.

## How do I measure it myself?

\`npm run bench -- --quick\` measures everything at smaller sizes, \`npm run bench\` at full sizes. \`--only\`, \`--runs\`, \`--scale\` and \`--rounds\` choose.
\`--out FILE\` leaves this page alone, and \`--help\` lists all options. A new measurement replaces the same part of an earlier one.

You need Linux, Python 3, Go, and 45 GiB on the disk for the full sizes. Go builds restic and versitygw from the Go module proxy once, into the user's
cache, if they aren't in the path.`.split('\n')
