// The objectives and the probes of a source's drills, in the file of `--checks`.
import { z } from 'zod'
import { parseDuration } from '../../core/duration-text.ts'
import { maxProbes } from '../reports/drill-result.ts'

export interface DrillObjectives {
  /** The recovery time objective: choosing, restoring and starting may take this long. */
  maxRestoreTimeMs: number
  /** A query or program that takes longer has failed, and is ended. */
  maxProbeTimeMs: number
  /** False: no restored program is started, and no probe of a server or of files runs. */
  start: boolean
  /** The directory of `postgres`; `{major}` in it stands for the cluster's major version. */
  postgresBin: string
  /** The database of the queries. */
  database: string
  /** Each returns one value, which must be true. */
  queries: readonly string[]
  /** Path of a program that gets the restored directory as its argument, and must end with 0; null: none. */
  program: string | null
  /** Path of a list, as `sha256sum` writes it; null: none. */
  digests: string | null
}

export const defaultDrill: DrillObjectives = {
  maxRestoreTimeMs: 4 * 3_600_000,
  maxProbeTimeMs: 10 * 60_000,
  start: true,
  postgresBin: '/usr/lib/postgresql/{major}/bin',
  database: 'postgres',
  queries: [],
  program: null,
  digests: null,
}

/** Besides a program and a list of digests. */
export const maxQueries = maxProbes - 2
const maxQueryChars = 10_000
const absolutePath = z.string().min(1).max(4096).startsWith('/', 'must be an absolute path')

/** The server takes an empty line for the end of a command. */
export const probeQuery = z
  .string()
  .max(maxQueryChars)
  .transform((text) => text.trim().replace(/;$/, '').trimEnd())
  .refine((text) => text !== '' && !/\n\s*\n/.test(text) && !text.includes(';\n'), {
    error: 'must be one query without empty lines',
  })

const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, 'must be a time such as 90m, 4h or 1d')

export const drillSettings = z.strictObject({
  maxRestoreTime: duration.optional(),
  maxProbeTime: duration.optional(),
  start: z.boolean().optional(),
  postgresBin: absolutePath.optional(),
  database: z.string().min(1).max(63).optional(),
  queries: z.array(probeQuery).max(maxQueries).optional(),
  program: absolutePath.optional(),
  digests: absolutePath.optional(),
})

type WrittenDrill = z.infer<typeof drillSettings>

/** The settings of a source go before those of all, one by one. */
export function mergeDrill(ofAll: WrittenDrill = {}, ofSource: WrittenDrill = {}): DrillObjectives {
  const { maxRestoreTime, maxProbeTime, ...fields } = { ...ofAll, ...ofSource }
  return {
    ...defaultDrill,
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    ...(maxRestoreTime === undefined ? {} : { maxRestoreTimeMs: parseDuration(maxRestoreTime)! }),
    ...(maxProbeTime === undefined ? {} : { maxProbeTimeMs: parseDuration(maxProbeTime)! }),
  }
}
