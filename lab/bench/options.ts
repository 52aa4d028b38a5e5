// The options of `npm run bench`.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { HoldfastError } from '../../core/errors.ts'
import { runNames } from './measurement.ts'
import type { RunName } from './measurement.ts'

/** What can be measured: four data sets, many snapshots, how it all grows, and, only when it is asked for, a tree of a million files. */
export const partNames = ['mixed', 'tiny', 'big', 'postgres', 'history', 'complexity', 'tree'] as const
const usualParts = partNames.filter((name) => name !== 'tree')
export type PartName = (typeof partNames)[number]

export const usage = `npm run bench -- [options]

  --quick        sizes that take about 20 minutes in all (without it: full sizes, about an hour)
  --only A,B     only these parts: ${partNames.join(', ')} (a million files, 8 GiB of disk; not measured unless named)
  --runs A,B     only these runs of a data set: ${runNames.join(', ')}
  --rounds N     rounds, both contenders in each (default 5)
  --scale X      all sizes times X
  --out FILE     where the results go, as JSON (default: docs/benchmarks.json, with docs/benchmarks.md drawn from it)
  --work DIR     a folder on a disk for data and stores: 60 GiB free at full sizes (default: the temporary directory)
  --render       measure nothing, draw docs/benchmarks.md anew
  --cost         measure nothing, write docs/cost.md anew
  --list         say what would be measured
`

export interface Options {
  parts: readonly PartName[]
  runs: readonly RunName[]
  rounds: number
  scales: Readonly<Record<PartName, number>>
  /** Undefined: the project's own documentation. */
  out: string | undefined
  work: string | undefined
  mode: 'measure' | 'render' | 'cost' | 'list' | 'help'
  /** As somebody would type it. */
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
}
const quickScales: Record<PartName, number> = {
  mixed: 1,
  tiny: 1,
  big: 0.125,
  postgres: 0.25,
  history: 1,
  complexity: 0.2,
  tree: 1,
}

/** @throws `invalid-input` for what is not an option, or not a value of it. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parse(args)
  const scale = numberOf('scale', values.scale ?? '1', 1e-6, 100)
  const scales = Object.fromEntries(
    Object.entries(values.quick ? quickScales : fullScales).map(([name, own]) => [name, own * scale]),
  )
  return {
    parts: values.only === undefined ? usualParts : namesOf('only', values.only, partNames),
    runs: values.runs === undefined ? runNames : namesOf('runs', values.runs, runNames),
    rounds: Math.trunc(numberOf('rounds', values.rounds ?? '5', 1, 100)),
    scales: scales as Record<PartName, number>,
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
      cause instanceof Error ? cause.message : 'the options make no sense',
      { hint: usage, cause },
    )
  }
}

function namesOf<T extends string>(option: string, given: string, known: readonly T[]): readonly T[] {
  const names = given.split(',')
  const unknown = names.filter((name) => !(known as readonly string[]).includes(name))
  if (unknown.length > 0) {
    throw new HoldfastError('invalid-input', `--${option} doesn't know ${unknown.join(', ')}`, {
      hint: `it knows ${known.join(', ')}`,
    })
  }
  return known.filter((name) => names.includes(name))
}

function numberOf(option: string, given: string, min: number, max: number): number {
  const value = /^\d{1,9}(?:\.\d{1,9})?$/.test(given) ? Number(given) : Number.NaN
  if (!(value >= min && value <= max))
    throw new HoldfastError('invalid-input', `--${option} takes a number from ${min} to ${max}`)
  return value
}
