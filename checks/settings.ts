// The file of `--checks`: the objectives of each source, the schedule of `holdfast watch`, and who hears of findings.
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import { maxRetentionDays } from '../core/limits.ts'
import { isSourceName } from '../core/store/vault-keys.ts'
import { drillSettings, mergeDrill } from './drill/drill-settings.ts'
import type { DrillObjectives } from './drill/drill-settings.ts'
import { duration } from './duration-field.ts'
import { channel } from './notifications/channel-settings.ts'
import type { SourceObjectives } from './objectives.ts'

export const maxSettingsBytes = 1024 * 1024
const formatVersion = 1
const bytesPerGib = 2 ** 30

/** Without a file. A day for a daily backup, and two hours for it to run. */
export const defaultObjectives: SourceObjectives = {
  maxAgeMs: 26 * 3_600_000,
  maxWalAgeMs: null,
  maxAcknowledgementAgeMs: null,
  guaranteedDays: 30,
  generationDays: 10,
  lockMode: 'COMPLIANCE',
  accepted: new Set(),
  ignored: new Set(),
  readDays: 7,
  budget: null,
}

const days = z.int('must be a whole number of days').min(1, 'must be at least 1 day').max(maxRetentionDays)
const names = z.array(z.string().min(1).max(1024))

const objectives = z.strictObject({
  maxAge: duration.optional(),
  maxWalAge: duration.optional(),
  acknowledgedWithin: duration.optional(),
  guaranteedDays: days.optional(),
  generationDays: days.optional(),
  lockMode: z.enum(['COMPLIANCE', 'GOVERNANCE']).optional(),
  /** 0: no bytes are read. */
  readDays: z.int().min(0).max(365, 'must be at most 365').optional(),
  accept: names.optional(),
  ignore: names.optional(),
  budget: z
    .strictObject({
      storedGib: z.number().positive('must be more than 0'),
      requests: z.int().min(1),
    })
    .optional(),
  drill: drillSettings.optional(),
})

/** Commands that look after a vault by themselves. */
const scheduledCommands: readonly string[] = ['check', 'notary', 'custodian', 'drill', 'verify', 'report']

const job = z.strictObject({
  /** A cron expression in UTC, which has no hour that a change of the clocks leaves out or repeats. */
  schedule: z.string().min(1).max(200),
  /** The arguments of `holdfast`. */
  command: z
    .array(z.string().max(4096))
    .min(1, 'must name a command')
    .max(100)
    .refine(([name]) => name !== undefined && scheduledCommands.includes(name), {
      error: `must begin with one of: ${scheduledCommands.join(', ')}`,
    }),
  /** A run that takes longer is ended, and counts as failed. */
  timeout: duration.default(12 * 3_600_000),
})

const metrics = z.strictObject({
  /** Loopback unless an operator opens it: the metrics name sources. */
  host: z.union([z.ipv4(), z.ipv6()], { error: 'must be an address of this machine' }).default('127.0.0.1'),
  port: z.int().min(0).max(65_535),
})

const schema = z.strictObject({
  formatVersion: z.literal(formatVersion, { error: `must be ${formatVersion}` }),
  defaults: objectives.default({}),
  sources: z
    .record(
      z.string().refine(isSourceName, { error: "is not a source's name" }),
      objectives.nullable().transform((value) => value ?? {}),
    )
    .default({}),
  /** The key is the name of the job. */
  jobs: z.record(z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, 'is not the name of a job'), job).default({}),
  /** Where `holdfast watch` serves its metrics. */
  metrics: metrics.optional(),
  /** The key is the name of the channel. */
  notifications: z
    .record(z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, 'is not the name of a channel'), channel)
    .default({}),
})

export type CheckSettings = z.infer<typeof schema>
export type JobSettings = CheckSettings['jobs'][string]
type WrittenObjectives = CheckSettings['defaults']

/** @throws `invalid-input` with the key and the reason. @param name of the file, for messages. */
export function parseSettings(text: string, name: string): CheckSettings {
  const document = parseDocument(text, { uniqueKeys: true })
  const [error] = document.errors
  if (error !== undefined) throw refused(name, error.message.split('\n')[0]!.replace(/:$/, ''))
  let value: unknown
  try {
    // Aliases could expand to gigabytes.
    value = document.toJS({ maxAliasCount: 0 })
  } catch {
    throw refused(name, 'it has an alias')
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const message = issue?.code === 'invalid_key' ? issue.issues[0]?.message : issue?.message
  throw refused(name, `${issue?.path.join('.') || 'its content'}: ${message ?? 'not as it should be'}`)
}

/** The objectives of one source: its own ones, then those of `defaults`, then `fallback`. */
export function objectivesOf(
  settings: Pick<CheckSettings, 'defaults' | 'sources'>,
  source: string,
  fallback: SourceObjectives,
): SourceObjectives {
  const written = settings.sources[source] ?? {}
  return withWritten(withWritten(fallback, settings.defaults), written)
}

/** As `objectivesOf`, for the drills of the source. */
export function drillObjectivesOf(
  { defaults, sources }: Pick<CheckSettings, 'defaults' | 'sources'>,
  source: string,
): DrillObjectives {
  return mergeDrill(defaults.drill, sources[source]?.drill)
}

function withWritten(base: SourceObjectives, written: WrittenObjectives): SourceObjectives {
  const {
    maxAge,
    maxWalAge,
    acknowledgedWithin,
    accept = [],
    ignore = [],
    budget,
    drill: _,
    ...fields
  } = written
  const set = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  return {
    ...base,
    ...set,
    ...(maxAge === undefined ? {} : { maxAgeMs: maxAge }),
    ...(maxWalAge === undefined ? {} : { maxWalAgeMs: maxWalAge }),
    ...(acknowledgedWithin === undefined ? {} : { maxAcknowledgementAgeMs: acknowledgedWithin }),
    accepted: new Set([...base.accepted, ...accept]),
    ignored: new Set([...base.ignored, ...ignore]),
    ...(budget === undefined
      ? {}
      : { budget: { storedBytes: budget.storedGib * bytesPerGib, requests: budget.requests } }),
  }
}

function refused(name: string, detail: string): HoldfastError {
  return new HoldfastError('invalid-input', `the file ${name} is not usable: ${detail}`, {
    hint: 'docs/checks.md has an example with every key',
  })
}
