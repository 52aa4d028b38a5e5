// The result of one drill, as a report holds it: which state was restored, how long each phase took, and what the
// probes found. Restored data decides some of its texts, so that a reader trusts none of them.
import { z } from 'zod'
import { findingLine } from '../finding-text.ts'
import { checkStatuses } from '../outcome.ts'
import {
  contradictsCount,
  contradictsFindings,
  count,
  findings,
  fitsCount,
  fitsFindings,
  sha256,
  snapshotMark,
  sourceName,
  time,
} from './report-fields.ts'

export const maxProbes = 100

/**
 * In their order. `read` reads every restored byte. `start` ends with the first reply of the restored server, `rows`
 * reads all of its rows.
 */
export const drillPhases = ['choose', 'plan', 'restore', 'read', 'start', 'rows', 'probe', 'remove'] as const
export type DrillPhase = (typeof drillPhases)[number]

export const seedPattern = /^[\w.-]{1,80}$/

const objective = z.strictObject({ measuredMs: count, objectiveMs: count })

const probe = z.strictObject({
  kind: z.enum(['query', 'program', 'digests']),
  /** The query, the name of the program, or the name of the list. */
  name: findingLine,
  ok: z.boolean(),
  durationMs: count,
  detail: findingLine,
})

export const drillResult = z
  .strictObject({
    source: sourceName,
    /** `newest`: the state at the time of the drill. `random`: the state at a time that the seed chose. */
    choice: z.enum(['newest', 'random']),
    /** With this seed and the same snapshots, a drill chooses the same. */
    seed: z.string().regex(seedPattern),
    status: z.enum(checkStatuses),
    /** The store's clock. */
    startedMs: time,
    durationMs: count,
    /** The point in time whose state was to be restored; null if the drill could not choose one. */
    requestedMs: time.nullable(),
    snapshot: snapshotMark.nullable(),
    /** How much time the snapshot lacks up to the requested time. Only that of the newest state is judged. */
    rpo: objective.nullable(),
    /** The time of `choose`, `plan`, `restore` and `start`: until the data, or its server, can be used. */
    rto: objective.nullable(),
    /** The time of each phase that began, since the start of the drill. */
    phases: z
      .array(z.strictObject({ name: z.enum(drillPhases), startMs: count, durationMs: count }))
      .max(drillPhases.length),
    restored: z.strictObject({ files: count, bytes: count, sha256 }).nullable(),
    /** Null if no server was started. */
    postgres: z.strictObject({ databases: count, tables: count, rows: count, sha256 }).nullable(),
    probes: z.array(probe).max(maxProbes),
    findings,
    findingCount: count,
  })
  .refine(fitsFindings, contradictsFindings)
  .refine(fitsCount, contradictsCount)
  .refine(({ status, probes }) => status !== 'passed' || probes.every(({ ok }) => ok), {
    path: ['status'],
    error: 'contradicts the probes',
  })
  .refine(
    ({ status, ...parts }) =>
      status !== 'passed' ||
      [parts.requestedMs, parts.snapshot, parts.rpo, parts.rto, parts.restored].every(
        (part) => part !== null,
      ),
    { path: ['status'], error: 'though nothing was restored' },
  )

export type DrillResult = z.infer<typeof drillResult>
export type ProbeResult = DrillResult['probes'][number]
