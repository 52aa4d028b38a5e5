// What a measurement leaves behind: one JSON document, from which tables and charts are drawn.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'

const finite = z.number().nonnegative()
const series = z.array(finite).min(1).max(1000)
const name = z.string().min(1).max(40).regex(/^[a-z0-9-]+$/)
// Quoted in a page: one line, and nothing that Markdown or SVG would take for its own.
const text = z.string().max(500).regex(/^[^<>|`\n\r]*$/)
const requests = z.record(z.string().regex(/^\w{1,64}$/), z.int().nonnegative())

const side = z.strictObject({
  /** One value a round, in the order of the rounds. */
  seconds: series,
  cpuSeconds: series,
  peakBytes: series,
  /** Of the last round, by the store's access log. */
  requests,
  /** In the bucket after the run. */
  storedBytes: finite,
})

const run = z.strictObject({ name, holdfast: side, restic: side })

const dataset = z.strictObject({
  name, description: text, scale: finite, files: z.int().nonnegative(), bytes: finite,
  /** Seconds that the machine needs for a restore's parts alone, each by itself. */
  ceilings: z.strictObject({ writeSeconds: finite, networkSeconds: finite, decodeSeconds: finite }).optional(),
  runs: z.array(run).max(20),
})

const point = z.strictObject({ size: finite, operation: name, seconds: finite, cpuSeconds: finite, peakBytes: finite, requests: z.int().nonnegative() })

export const resultsSchema = z.strictObject({
  version: z.literal(1),
  made: z.iso.datetime(),
  command: text,
  machine: z.strictObject({ processor: text, cores: z.int().positive(), memoryBytes: finite, system: text }),
  versions: z.record(name, text),
  rounds: z.int().positive(),
  datasets: z.array(dataset).max(20),
  complexity: z.array(z.strictObject({ dimension: name, unit: text, points: z.array(point).max(100) })).max(20),
})

export type Results = z.infer<typeof resultsSchema>
export type DatasetResults = z.infer<typeof dataset>
export type RunResults = z.infer<typeof run>
export type Side = z.infer<typeof side>
export type ComplexityPoint = z.infer<typeof point>
export type Complexity = Results['complexity'][number]

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
  if (checked.success) {
    assertRounds(checked.data, file)
    return checked.data
  }
  const { path, message } = checked.error.issues[0]!
  throw new HoldfastError('invalid-input', `${file} is not what a measurement writes: ${path.join('.')}: ${message}`, { hint })
}

/** Ratios are taken round by round: both sides have the same rounds. */
function assertRounds(results: Results, file: string): void {
  for (const { name: of, runs } of results.datasets) {
    for (const { name: what, holdfast, restic } of runs) {
      const lengths = [holdfast, restic].flatMap((one) => [one.seconds.length, one.cpuSeconds.length, one.peakBytes.length])
      if (new Set(lengths).size > 1) throw new HoldfastError('invalid-input', `${file}: ${of}, ${what}: the contenders have not the same rounds`)
    }
  }
}
