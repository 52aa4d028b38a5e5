// Step 10: the lock alone. Without any policy, the vault account's own root user tries every attack that a lock must
// stop.
import { OwnerAuthorizer } from '../../sandbox/authorization/owner-authorizer.ts'
import { startSandbox } from '../../sandbox/server.ts'
import { connectAccount } from '../attack/account-call.ts'
import type { Attack, AttackTarget } from '../attack/attack.ts'
import { attempt } from '../attack/attempt.ts'
import type { AttemptRecord } from '../attack/attempt.ts'
import { s3Attacks } from '../attack/s3-attacks.ts'
import { directories } from '../drill-context.ts'
import type { DrillContext, Provisioned } from '../drill-context.ts'
import { findLockChanges, findLosses } from '../inventory/comparison.ts'
import { readDiskInventory } from '../inventory/disk-inventory.ts'
import type { Inventory } from '../inventory/store-inventory.ts'
import { connectS3 } from '../sessions.ts'
import { aimAtVault, decisionFinder, examineWall } from './attack.ts'

/** Restarts the cloud on the same data, with an authorizer that evaluates no policy. */
export async function attackLockAlone(
  context: DrillContext,
  provisioned: Provisioned,
  before: Inventory,
): Promise<void> {
  const { ledger, report, timeline, cleanup } = context
  const { vault, region, declaration, accounts } = provisioned
  await ledger.examine('locks-hold-without-any-policy', async () => {
    await provisioned.sandbox.stop()
    const directory = directories(context).sandbox
    const bare = await startSandbox({
      directory,
      declaration,
      clock: provisioned.sandbox.clock,
      authorizer: new OwnerAuthorizer(),
    })
    cleanup.add('embedded cloud without policies', () => bare.stop())
    const place = { endpoint: bare.endpoint, region, clockOffsetMs: bare.clock.offsetMs }
    const credentials = bare.rootCredentials(accounts.vault)
    const owner = { s3: connectS3(place, credentials), callAccount: connectAccount(place, credentials) }
    const attackerName = 'root of the vault account, with every policy taken away'
    const records: AttemptRecord[] = []
    try {
      for (const { attack, target } of aim(aimAtVault(provisioned, before, bare.clock.nowMs()), before)) {
        timeline.progress(`${attack.description}, as ${attackerName}`)
        const facts = {
          who: attackerName,
          path: [],
          attack: attack.name,
          wall: attack.wall,
          what: attack.description,
          target: target.name,
          duty: null,
        }
        records.push(
          await attempt(facts, attack, () => attack.run(owner, target), decisionFinder(bare.decisions)),
        )
      }
    } finally {
      owner.s3.destroy()
      await bare.stop()
    }
    report.attacks.push(...summarize(records))
    const after = await readDiskInventory(directory, vault.name)
    const { findings, evidence } = examineWall(records)
    timeline.note(`the lock alone, against the vault account's own root: ${evidence}`)
    return {
      findings: [...findings, ...findLosses(before, after), ...findLockChanges(before, after)],
      evidence,
    }
  })
}

/** Each attack on one version, and a deletion of every other version with and without bypass. */
function aim(target: AttackTarget, before: Inventory): { attack: Attack; target: AttackTarget }[] {
  const stopped = s3Attacks.filter(({ stoppedByLock }) => stoppedByLock === true)
  const otherVersions = [...before.values()].filter(
    ({ key, versionId }) => key !== target.victim.key || versionId !== target.victim.versionId,
  )
  const deletions = stopped.filter(({ name }) => name.startsWith('delete-version'))
  return [
    ...stopped.map((attack) => ({ attack, target })),
    ...otherVersions.flatMap((victim) =>
      deletions.map((attack) => ({ attack, target: { ...target, victim } })),
    ),
  ]
}

/** One row per attack for the report: the first row without a refusal, or else the first row. */
function summarize(records: AttemptRecord[]): AttemptRecord[] {
  return [...Map.groupBy(records, ({ attack }) => attack).values()].flatMap(
    (rows) => rows.find(({ outcome }) => outcome !== 'refused') ?? rows[0] ?? [],
  )
}
