// What a measurement leaves behind: one JSON document, from which tables and charts are drawn.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'

const finite = z.number().nonnegative()
// Ratios divide by these.
const positive = z.number().positive()
const series = z.array(positive).min(1).max(1000)
const name = z
  .string()
  .max(40)
  .regex(/^[a-z0-9-]+$/)
// Quoted in a page: one line, and nothing that Markdown or SVG would take for its own.
const text = z
  .string()
  .max(500)
  .regex(/^[\w .,;:()/@%+='?-]*$/)
const foreign = /[^\w .,;:()/@%+='?-]/g
const requests = z.record(z.string().regex(/^\w{1,64}$/), z.int().nonnegative())

/** How and on what a part was measured. */
const provenance = z.strictObject({
  made: z.iso.datetime(),
  command: text,
  rounds: z.int().positive(),
  machine: z.strictObject({ processor: text, cores: z.int().positive(), memoryBytes: finite, system: text }),
  versions: z.record(name, text),
})

const side = z.strictObject({
  /** One value a round, in the order of the rounds. */
  seconds: series,
  cpuSeconds: series,
  peakBytes: series,
  /** What the store took for it meanwhile, on the same processors. */
  storeCpuSeconds: z.array(finite).min(1).max(1000),
  /** What a `sync` took when it had ended. */
  syncSeconds: z.array(finite).min(1).max(1000),
  /** Of the last round, by the store's access log. */
  requests,
  /** In the bucket after the run of the last round. */
  storedBytes: positive,
})

const run = z.strictObject({ name, holdfast: side, restic: side })

const dataset = z.strictObject({
  name,
  provenance,
  description: text,
  /** 1: the size that the targets are about. */
  scale: positive,
  files: z.int().nonnegative(),
  bytes: finite,
  /** Seconds that the machine needs for a restore's parts alone, each by itself. */
  ceilings: z
    .strictObject({ writeSeconds: finite, networkSeconds: finite, decodeSeconds: finite })
    .optional(),
  runs: z.array(run).max(20),
})

const point = z.strictObject({
  size: positive,
  operation: name,
  seconds: positive,
  cpuSeconds: positive,
  peakBytes: positive,
  requests: z.int().nonnegative(),
})

const complexity = z.strictObject({ name, provenance, unit: text, points: z.array(point).max(100) })

const resultsSchema = z.strictObject({
  version: z.literal(1),
  datasets: z.array(dataset).max(20),
  complexity: z.array(complexity).max(20),
})

export type Results = z.infer<typeof resultsSchema>
export type Provenance = z.infer<typeof provenance>
export type DatasetResults = z.infer<typeof dataset>
export type Ceilings = NonNullable<DatasetResults['ceilings']>
export type RunResults = z.infer<typeof run>
export type Side = z.infer<typeof side>
export type Complexity = z.infer<typeof complexity>
export type ComplexityPoint = z.infer<typeof point>

/** @throws `invalid-input` for a file that isn't there, isn't JSON, or isn't what a measurement writes. */
export function readResults(file: string): Results {
  const hint = 'make it with `npm run bench -- --out FILE`'
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new HoldfastError('invalid-input', `${file} can't be read as results`, { hint, cause })
  }
  const checked = resultsSchema.safeParse(parsed)
  if (!checked.success) {
    const { path, message } = checked.error.issues[0]!
    throw new HoldfastError(
      'invalid-input',
      `${file} is not what a measurement writes: ${path.join('.')}: ${message}`,
      { hint },
    )
  }
  // Ratios are taken round by round.
  const uneven = checked.data.datasets
    .flatMap(({ runs }) => runs)
    .find(
      ({ holdfast, restic }) =>
        new Set(
          [holdfast, restic].flatMap((one) =>
            [one.seconds, one.cpuSeconds, one.peakBytes, one.storeCpuSeconds, one.syncSeconds].map(
              ({ length }) => length,
            ),
          ),
        ).size > 1,
    )
  if (uneven !== undefined)
    throw new HoldfastError(
      'invalid-input',
      `${file}: ${uneven.name}: the contenders have not the same rounds`,
      { hint },
    )
  return checked.data
}

/** What the machine and the programs say of themselves, as it may stand in results. */
export function cleanProvenance({ command, machine, versions, ...rest }: Provenance): Provenance {
  const clean = (words: string): string => words.replace(foreign, '?').slice(0, 500)
  return {
    ...rest,
    command: clean(command),
    machine: { ...machine, processor: clean(machine.processor), system: clean(machine.system) },
    versions: Object.fromEntries(Object.entries(versions).map(([program, words]) => [program, clean(words)])),
  }
}

/** What was measured now takes the place of what was measured before under the same name; the rest stays. */
export function mergeResults(before: Results, now: Results): Results {
  const merge = <T extends { name: string }>(old: readonly T[], fresh: readonly T[]): T[] => [
    ...old.filter((item) => !fresh.some((other) => other.name === item.name)),
    ...fresh,
  ]
  return {
    version: 1,
    datasets: merge(before.datasets, now.datasets),
    complexity: merge(before.complexity, now.complexity),
  }
}
