// The incident drill: runs its steps in order, and examines the claims about each. See docs/drill.md.
//
// 1. provision: runs the infrastructure program, and starts the embedded cloud that it declares (steps/provision.ts).
// 2. produce: a real PostgreSQL and uploads on one volume, with dumps beside them (steps/produce.ts).
// 3. back up: two backups by the command line, with the expected state of each on record (steps/back-up.ts).
// 4. go live: the database streams its WAL into the vault, and is backed up; an agent drops a table (steps/go-live.ts).
// 5. wipe: an agent finds a credential in a file, and deletes volume and snapshots (steps/wipe.ts, agent/).
// 6. attack: every identity tries every attack on the vault, and on buckets without guards (steps/attack.ts, attack/).
// 7. prove and guards: every version and lock is unchanged; each guard holds alone (steps/prove.ts, steps/guards.ts).
// 8. restore: both states come back, and a database starts on each (steps/restore.ts).
// 9. recover: the database comes back to the second, and without the agent's drop of a table (steps/recover.ts).
// 10. last wall and time: the lock without any policy, ended locks, wrong clocks (steps/last-wall.ts, steps/time.ts).
// 11. nights: checks turn red, and the custodian keeps what is good (steps/nights.ts, nights/).
//
// A step that crashes leaves its own claims unexamined; the other steps still run where they can.
import { ClaimLedger, describeError } from './claims.ts'
import type { ClaimResult } from './claims.ts'
import type { Cleanup } from './cleanup.ts'
import { attackTotals } from './attack/totals.ts'
import { objectives } from './drill-context.ts'
import type { DrillContext, Provisioned } from './drill-context.ts'
import { exampleDrill } from './drilled-config.ts'
import type { DrilledConfig } from './drilled-config.ts'
import { commitOf } from './report/examined-code.ts'
import { reportSchemaName } from './report/schema.ts'
import type { DrillReport } from './report/schema.ts'
import { attack } from './steps/attack.ts'
import { backUp } from './steps/back-up.ts'
import { goLive } from './steps/go-live.ts'
import { examineGuards } from './steps/guards.ts'
import { attackLockAlone } from './steps/last-wall.ts'
import { passNights } from './steps/nights.ts'
import { produce } from './steps/produce.ts'
import { provision } from './steps/provision.ts'
import { addRecord, prove, recordVault } from './steps/prove.ts'
import { recover } from './steps/recover.ts'
import { restore } from './steps/restore.ts'
import { passTime } from './steps/time.ts'
import { wipe } from './steps/wipe.ts'
import { Timeline } from './timeline.ts'
import type { StepName, TimelineListener } from './timeline.ts'
import { TrafficMeter } from './traffic.ts'
import type { WorldSize } from './world/size.ts'

export interface DrillOptions {
  seed: number
  size: WorldSize
  /** The guard to remove. */
  without?: string
  /** Default: the example's. */
  config?: DrilledConfig
  /** An empty directory that other users can pass through. */
  workDirectory: string
  toolVersion: string
  cleanup: Cleanup
  signal: AbortSignal
  listener: TimelineListener & { claim(result: ClaimResult): void }
}

/** Rejects only after an interruption; the report shows every other failure. */
export async function runDrill(options: DrillOptions): Promise<Omit<DrillReport, 'leftovers'>> {
  const startedAt = new Date()
  const context = makeContext(options)
  const { timeline, ledger } = context
  const step = async <T>(name: StepName, title: string, run: () => Promise<T>): Promise<T | undefined> => {
    options.signal.throwIfAborted()
    timeline.begin(name, title)
    try {
      return await run()
    } catch (error) {
      options.signal.throwIfAborted()
      timeline.note(`this step could not be finished: ${describeError(error)}`)
      return undefined
    }
  }

  const provisioned = await step(
    'provision',
    'Provision: run the program, start the cloud that it declares',
    () => provision(context),
  )
  if (provisioned !== undefined) await runSteps(context, provisioned, step)
  return {
    ...context.report,
    schema: reportSchemaName,
    outcome: ledger.allHeld ? 'every-claim-held' : 'claims-fell',
    startedAt: startedAt.toISOString(),
    durationMs: timeline.elapsedMs,
    seed: options.seed,
    totals: attackTotals(context.report.attacks),
    claims: ledger.results,
    timeline: timeline.entries,
  }
}

type StepRunner = <T>(name: StepName, title: string, run: () => Promise<T>) => Promise<T | undefined>

async function runSteps(context: DrillContext, provisioned: Provisioned, step: StepRunner): Promise<void> {
  const production = await step('produce', 'Produce: a database and its uploads on one volume', () =>
    produce(context, provisioned),
  )
  if (production === undefined) return
  const backedUp = await step('back-up', 'Back up twice, with changes in between', async () => {
    const result = await backUp(context, provisioned, production)
    return { ...result, vault: await recordVault(context, provisioned) }
  })
  const live = await step('go-live', 'Go live: every transaction streams into the vault', () =>
    goLive(context, provisioned, production),
  )
  const wiped = await step('wipe', 'Wipe: the agent finds a credential', () =>
    wipe(context, provisioned, { production, live }),
  )
  if (backedUp === undefined) return
  const foundKey = wiped?.foundKey ?? provisioned.sandbox.rootCredentials(provisioned.accounts.production)
  const vault = await addRecord(context, provisioned, backedUp.vault)
  const attacked = await step('attack', 'Attack with every identity of production', () =>
    attack(context, provisioned, { foundKey }, vault.byApi),
  )
  await step('prove', 'Prove: every version is there, byte for byte, locked as before', async () =>
    prove(context, vault, await recordVault(context, provisioned), attacked),
  )
  await step('guards', 'Guards: each on its own, with the others removed', () =>
    examineGuards(context, provisioned, vault.byApi),
  )
  await step('restore', 'Restore to two points in time, and start a database on each', () =>
    restore(context, { provisioned, production, backedUp, wiped }),
  )
  await step('recover', 'Recover the database to the second', () =>
    recover(context, { provisioned, production, live }),
  )
  await step('last-wall', 'The lock alone, without any policy', () =>
    attackLockAlone(context, provisioned, vault.byDisk),
  )
  await step('time', 'Time: locks run out, clocks are wrong', () => passTime(context, provisioned))
  await step('nights', 'Nights: backups stop, or hold less', () => passNights(context))
}

export function makeContext(options: DrillOptions): DrillContext {
  const { seed, size, workDirectory, signal, listener, cleanup, toolVersion } = options
  const config = options.config ?? exampleDrill
  const timeline = new Timeline({ nowMs: () => Date.now() }, listener)
  return {
    seed,
    size,
    without: options.without ?? null,
    config,
    workDirectory,
    signal,
    cleanup,
    timeline,
    meter: new TrafficMeter(),
    ledger: new ClaimLedger((result) => listener.claim(result)),
    report: {
      accounts: [],
      examined: {
        commit: commitOf(),
        configuration: config.name,
        replaced: [...config.replaced],
        policiesSha256: null,
      },
      vault: null,
      notEmulated: [],
      world: null,
      backups: [],
      wipe: null,
      attacks: [],
      controls: [],
      inventory: null,
      restores: [],
      objectives: {
        rpo: { objectiveMs: objectives.rpoMs, measuredMs: null },
        lastCommit: { objectiveMs: objectives.lastCommitMs, measuredMs: null },
        rto: { objectiveMs: objectives.rtoMs, measuredMs: null },
      },
      tool: {
        version: toolVersion,
        node: process.version,
        platform: `${process.platform}-${process.arch}`,
        postgres: 'unknown',
      },
    },
  }
}
