// The results of a measurement: one JSON document, from which the page and its charts are drawn.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'

const finite = z.number().nonnegative()
// Positive, because ratios divide by these.
const positive = z.number().positive()
const series = z.array(positive).min(1).max(1000)
const name = z
  .string()
  .max(40)
  .regex(/^[a-z0-9-]+$/)
// The page quotes these texts, so they are one line without characters of Markdown or SVG.
const text = z
  .string()
  .max(500)
  .regex(/^[\w .,;:()/@%+='?-]*$/)
const foreign = /[^\w .,;:()/@%+='?-]/g
const requests = z.record(z.string().regex(/^\w{1,64}$/), z.int().nonnegative())

/** The command, the machine and the versions of a measurement. */
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
  /** Processor time of the store during the run, on the same processors. */
  storeCpuSeconds: z.array(finite).min(1).max(1000),
  /** Duration of a `sync` after the end of the run. */
  syncSeconds: z.array(finite).min(1).max(1000),
  /** Requests of the last round, by the store's access log. */
  requests,
  /** Bytes in the bucket after the last round. */
  storedBytes: positive,
})

const run = z.strictObject({ name, holdfast: side, restic: side })

const dataset = z.strictObject({
  name,
  provenance,
  description: text,
  /** 1 for the size of the targets. */
  scale: positive,
  files: z.int().nonnegative(),
  bytes: finite,
  /** Theoretical limits: seconds that each part of a restore takes alone on this machine. */
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

const walPush = z
  .strictObject({
    name,
    provenance,
    scale: positive,
    segments: z.int().positive(),
    bytes: positive,
    /** Seconds for all segments; one value a round. */
    holdfast: series,
    pgbackrest: series,
  })
  .refine(
    ({ holdfast, pgbackrest }) => holdfast.length === pgbackrest.length,
    'the tools have different numbers of rounds',
  )

const resultsSchema = z.strictObject({
  version: z.literal(1),
  datasets: z.array(dataset).max(20),
  complexity: z.array(complexity).max(20),
  wal: z.array(walPush).max(5).optional(),
})

export type Results = z.infer<typeof resultsSchema>
export type Provenance = z.infer<typeof provenance>
export type DatasetResults = z.infer<typeof dataset>
export type TheoreticalLimits = NonNullable<DatasetResults['ceilings']>
export type RunResults = z.infer<typeof run>
export type Side = z.infer<typeof side>
export type WalResults = z.infer<typeof walPush>
export type Complexity = z.infer<typeof complexity>
export type ComplexityPoint = z.infer<typeof point>

/** @throws `invalid-input` for a missing file, for invalid JSON, and for a document of another schema. */
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
  // Both tools need the same number of rounds, because a ratio compares one round.
  const uneven = checked.data.datasets
    .flatMap(({ runs }) => runs)
    .find(
      ({ holdfast, restic }) =>
        new Set(
          [holdfast, restic].flatMap((side) =>
            [side.seconds, side.cpuSeconds, side.peakBytes, side.storeCpuSeconds, side.syncSeconds].map(
              ({ length }) => length,
            ),
          ),
        ).size > 1,
    )
  if (uneven !== undefined)
    throw new HoldfastError(
      'invalid-input',
      `${file}: ${uneven.name}: the tools have different numbers of rounds`,
      { hint },
    )
  return checked.data
}

/** Replaces characters that the results don't allow, because machine and versions are foreign text. */
export function cleanProvenance({ command, machine, versions, ...fields }: Provenance): Provenance {
  const clean = (words: string): string => words.replace(foreign, '?').slice(0, 500)
  return {
    ...fields,
    command: clean(command),
    machine: { ...machine, processor: clean(machine.processor), system: clean(machine.system) },
    versions: Object.fromEntries(Object.entries(versions).map(([program, words]) => [program, clean(words)])),
  }
}

/** New results replace earlier results of the same name; other results stay. */
export function mergeResults(before: Results, now: Results): Results {
  const merge = <T extends { name: string }>(old: readonly T[], fresh: readonly T[]): T[] => [
    ...old.filter((item) => !fresh.some((candidate) => candidate.name === item.name)),
    ...fresh,
  ]
  return {
    version: 1,
    datasets: merge(before.datasets, now.datasets),
    complexity: merge(before.complexity, now.complexity),
    wal: merge(before.wal ?? [], now.wal ?? []),
  }
}
