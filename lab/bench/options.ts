// The options of `npm run bench`.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { HoldfastError } from '../../core/errors.ts'
import { parseLink } from './link.ts'
import type { Link } from './link.ts'
import { runNames } from './measurement.ts'
import type { RunName } from './measurement.ts'

/** The measurable parts: data sets, many snapshots, growth. */
export const partNames = [
  'mixed',
  'tiny',
  'big',
  'postgres',
  'history',
  'complexity',
  'tree',
  'daily',
  'wal',
  'random',
] as const
/** Parts that are measured only by name: a million files take long, `random` is for links, pgBackRest is rare. */
const namedParts: readonly string[] = ['tree', 'daily', 'wal', 'random']
const usualParts = partNames.filter((name) => !namedParts.includes(name))
/** Parts that are no data set, and are measured on loopback alone. */
const loopbackParts: readonly PartName[] = ['history', 'complexity', 'tree', 'wal']
export type PartName = (typeof partNames)[number]

export const usage = `npm run bench -- [options]

  --quick        sizes that take about 20 minutes in all (without it: full sizes, about an hour)
  --only A,B     only these parts: ${partNames.join(', ')} (tree, daily: a million files, 8 GiB of disk; wal: Debian's postgresql-15, pgbackrest, openssl; random: 600 MiB that don't compress; only if named)
  --runs A,B     only these runs of a data set: ${runNames.join(', ')}
  --rounds N     rounds, both tools in each (default 5)
  --scale X      all sizes times X
  --link L       a link to a store far away, for data sets: the delay each way, and the bandwidth of each connection ('25ms,20MiB/s'),
                 or blocks of 64 KiB that are lost, each a stall of a round trip ('80ms,1%')
  --out FILE     where the results go, as JSON (default: docs/benchmarks.json, with docs/benchmarks.md drawn from it)
  --work DIR     a folder on a disk for data and stores: 60 GiB free at full sizes (default: the temporary directory)
  --render       measure nothing, draw docs/benchmarks.md anew
  --cost         measure nothing, write docs/cost.md anew
  --list         print the parts and sizes to measure
`

export interface Options {
  parts: readonly PartName[]
  runs: readonly RunName[]
  rounds: number
  scales: Readonly<Record<PartName, number>>
  link: Link | undefined
  /** Undefined for the project's own documentation. */
  out: string | undefined
  work: string | undefined
  mode: 'measure' | 'render' | 'cost' | 'list' | 'help'
  /** The command line as the user typed it. */
  command: string
}

const fullScales: Record<PartName, number> = {
  mixed: 1,
  tiny: 1,
  big: 1,
  postgres: 1,
  history: 1,
  complexity: 1,
  tree: 1,
  daily: 1,
  wal: 1,
  random: 1,
}
const quickScales: Record<PartName, number> = {
  mixed: 1,
  tiny: 1,
  big: 0.125,
  postgres: 0.25,
  history: 1,
  complexity: 0.2,
  tree: 1,
  daily: 1,
  wal: 0.25,
  random: 1,
}

/** @throws `invalid-input` for an unknown option or a wrong value. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parse(args)
  const scale = numberOf('scale', values.scale ?? '1', 1e-6, 100)
  const scales = Object.fromEntries(
    Object.entries(values.quick ? quickScales : fullScales).map(([name, fullScale]) => [
      name,
      fullScale * scale,
    ]),
  )
  const parts = values.only === undefined ? usualParts : namesOf('only', values.only, partNames)
  const unlinked = parts.filter((name) => (loopbackParts as readonly string[]).includes(name))
  if (values.link !== undefined && unlinked.length > 0)
    throw new HoldfastError('invalid-input', `--link measures data sets, not ${unlinked.join(', ')}`, {
      hint: 'name data sets: --only random',
    })
  return {
    parts,
    runs: values.runs === undefined ? runNames : namesOf('runs', values.runs, runNames),
    rounds: Math.trunc(numberOf('rounds', values.rounds ?? '5', 1, 100)),
    scales: scales as Record<PartName, number>,
    link: values.link === undefined ? undefined : parseLink(values.link),
    out: values.out === undefined ? undefined : resolve(values.out),
    work: values.work === undefined ? undefined : resolve(values.work),
    mode: values.help
      ? 'help'
      : values.list
        ? 'list'
        : values.render
          ? 'render'
          : values.cost
            ? 'cost'
            : 'measure',
    command: ['npm run bench', ...(args.length === 0 ? [] : ['--']), ...args].join(' '),
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean' },
        only: { type: 'string' },
        runs: { type: 'string' },
        rounds: { type: 'string' },
        scale: { type: 'string' },
        link: { type: 'string' },
        out: { type: 'string' },
        work: { type: 'string' },
        render: { type: 'boolean' },
        cost: { type: 'boolean' },
        list: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (cause) {
    throw new HoldfastError(
      'invalid-input',
      cause instanceof Error ? cause.message : 'the options are invalid',
      { hint: usage, cause },
    )
  }
}

function namesOf<T extends string>(option: string, value: string, knownNames: readonly T[]): readonly T[] {
  const names = value.split(',')
  const unknown = names.filter((name) => !(knownNames as readonly string[]).includes(name))
  if (unknown.length > 0) {
    throw new HoldfastError('invalid-input', `--${option} has unknown values: ${unknown.join(', ')}`, {
      hint: `choose from ${knownNames.join(', ')}`,
    })
  }
  return knownNames.filter((name) => names.includes(name))
}

function numberOf(option: string, optionText: string, min: number, max: number): number {
  const value = /^\d{1,9}(?:\.\d{1,9})?$/.test(optionText) ? Number(optionText) : Number.NaN
  if (!(value >= min && value <= max))
    throw new HoldfastError('invalid-input', `--${option} takes a number from ${min} to ${max}`)
  return value
}
