// The schema of report.json. It has a version, because auditors keep reports longer than we keep this code.
import { z } from 'zod'
import { walls } from '../attack/attack.ts'

export const reportSchemaName = 'holdfast.drill/3'

const attempt = z.object({
  who: z.string(),
  /** Names of the assumed roles, in order. */
  path: z.array(z.string()).readonly(),
  attack: z.string(),
  wall: z.enum(walls),
  what: z.string(),
  target: z.string(),
  /** Sent as a signed request, or decided on the loaded policies without one. */
  method: z.enum(['request', 'evaluation']),
  /** The reason why the identity may do it; null if the cloud must refuse it. */
  duty: z.string().nullable(),
  outcome: z.enum(['refused', 'allowed', 'not-emulated', 'unclear']),
  status: z.int(),
  code: z.string(),
  /** The statement or the lock that refused; the caller never learns it. */
  decidedBy: z.string(),
})

const traffic = z.object({
  requests: z.record(z.string(), z.int()),
  receivedBytes: z.int(),
  sentBytes: z.int(),
})

export const reportSchema = z.object({
  schema: z.literal(reportSchemaName),
  outcome: z.enum(['every-claim-held', 'claims-fell']),
  startedAt: z.iso.datetime(),
  durationMs: z.int(),
  seed: z.int(),
  tool: z.object({ version: z.string(), node: z.string(), platform: z.string(), postgres: z.string() }),
  /** The configuration and the code: with them an auditor gets the same again. */
  examined: z.object({
    /** Null without git. */
    commit: z.object({ id: z.string(), hasChanges: z.boolean() }).nullable(),
    configuration: z.string(),
    /** The keys of a user's own configuration that the drill replaced or added to. */
    replaced: z.array(z.string()),
    /** SHA-256 of the declared policies, trusts, locks and keys; null if the program declared none. */
    policiesSha256: z.string().nullable(),
  }),
  /** Counted over `attacks`. */
  totals: z.object({
    identities: z.int(),
    attempts: z.int(),
    sent: z.int(),
    evaluated: z.int(),
    refused: z.int(),
    allowed: z.int(),
    duties: z.int(),
  }),
  claims: z.array(
    z.object({
      name: z.string(),
      sentence: z.string(),
      status: z.enum(['held', 'fell', 'not-examined']),
      evidence: z.string(),
      findings: z.array(z.string()),
      findingCount: z.int(),
    }),
  ),
  timeline: z.array(
    z.object({ step: z.string(), at: z.iso.datetime(), elapsedMs: z.int(), text: z.string() }),
  ),
  accounts: z.array(z.object({ id: z.string(), name: z.string() })),
  vault: z.object({ bucket: z.string(), accountId: z.string(), mode: z.string(), days: z.int() }).nullable(),
  /** Resources that the program declares and the sandbox doesn't emulate. */
  notEmulated: z.array(z.object({ type: z.string(), name: z.string(), account: z.string() })),
  world: z.object({ rows: z.int(), uploads: z.int() }).nullable(),
  backups: z.array(
    z.object({
      label: z.string(),
      source: z.string(),
      snapshotId: z.string(),
      at: z.iso.datetime(),
      files: z.int(),
      bytes: z.int(),
      bytesUploaded: z.int(),
      durationMs: z.int(),
      traffic,
    }),
  ),
  wipe: z
    .object({
      at: z.iso.datetime(),
      searchedFiles: z.int(),
      keysTried: z.int(),
      foundIn: z.string(),
      durationMs: z.int(),
      destroyed: z.array(
        z.object({ what: z.string(), resource: z.string(), answer: z.string(), atMs: z.int() }),
      ),
    })
    .nullable(),
  attacks: z.array(attempt),
  /** The same attacks without guards. */
  controls: z.array(attempt),
  inventory: z.object({ versions: z.int(), bytes: z.int() }).nullable(),
  restores: z.array(
    z.object({
      label: z.string(),
      pointInTime: z.iso.datetime(),
      source: z.string(),
      snapshotId: z.string(),
      files: z.int(),
      bytes: z.int(),
      bytesFetched: z.int(),
      rows: z.int(),
      restoreMs: z.int(),
      databaseReadyMs: z.int(),
      traffic,
    }),
  ),
  objectives: z.object({
    rpo: z.object({ objectiveMs: z.int(), measuredMs: z.int().nullable() }),
    /** From the last transaction that came back to the wipe. */
    lastCommit: z.object({ objectiveMs: z.int(), measuredMs: z.int().nullable() }),
    rto: z.object({ objectiveMs: z.int(), measuredMs: z.int().nullable() }),
  }),
  /** Failures of the cleanup. */
  leftovers: z.array(z.string()),
})

export type DrillReport = z.infer<typeof reportSchema>
