// Every guard on its own. Each guard has a claim, which every drill examines and which falls if the guard is removed.
import { readFileSync } from 'node:fs'
import { GetObjectLockConfigurationCommand } from '@aws-sdk/client-s3'
import type { ObjectLockConfiguration } from '@aws-sdk/client-s3'
import { guards } from '../../../guardrails/guards.ts'
import type { Guard } from '../../../guardrails/guards.ts'
import { exampleAccounts } from '../../sandbox/loader/example-config.ts'
import { guardClaimOf } from '../claims.ts'
import type { ClaimFindings } from '../claims.ts'
import type { DrillContext, Provisioned } from '../drill-context.ts'
import { addDelegatedRoles } from '../guards/delegated-roles.ts'
import { examineDeployersShell } from '../guards/deployers-shell.ts'
import { examineFlood, examineSilence } from '../guards/flood.ts'
import { makeExaminer, probe, standsAlone } from '../guards/isolation.ts'
import type { Case } from '../guards/probe-principals.ts'
import { examineBlinding, examineDelegation } from '../guards/quiet-attacks.ts'
import { examineWideTask } from '../guards/wide-task.ts'
import type { Inventory } from '../inventory/store-inventory.ts'
import { connectS3 } from '../sessions.ts'

type GuardProbe = Case & { guard: string }

export const guardProbes = JSON.parse(
  readFileSync(new URL('../guards/probes.json', import.meta.url), 'utf8'),
) as readonly GuardProbe[]

/** @param before the inventory of the vault before the attacks. */
export async function examineGuards(
  context: DrillContext,
  provisioned: Provisioned,
  before: Inventory,
): Promise<void> {
  const { ledger, timeline } = context
  const attacked = { ...provisioned, declaration: addDelegatedRoles(provisioned.declaration) }
  for (const guard of guards) {
    timeline.progress(`examining the guard ${guard.name} on its own`)
    const probes = guardProbes.filter((row) => row.guard === guard.name)
    await ledger.examine(guardClaimOf(guard.name), () =>
      probes.length === 0
        ? examineSetting(guard, provisioned, before)
        : examineStatements(guard, attacked, probes),
    )
  }
  await ledger.examine('wide-agent-limited', () => examineWideTask(provisioned))
  const place = { ...exampleAccounts, region: provisioned.region }
  await ledger.examine('delegated-administrators-kept-out', () => examineDelegation(attacked, place))
  await ledger.examine('flood-raises-alarm', () => {
    const { findings, evidence } = examineFlood(provisioned)
    return { findings: [...findings, ...examineSilence(provisioned)], evidence }
  })
  await ledger.examine('deployers-shell-tears-nothing-down', () =>
    examineDeployersShell(provisioned.declaration, context.without, provisioned.sandbox.clock.nowMs()),
  )
  await ledger.examine('alarms-not-blinded', () => examineBlinding(provisioned, place))
  const guardClaims = new Set<string>(guards.map(({ name }) => guardClaimOf(name)))
  const held = ledger.results.filter(({ name, status }) => status === 'held' && guardClaims.has(name)).length
  timeline.note(`${held} of ${guards.length} guards hold, each examined with the others removed`)
}

async function examineStatements(
  guard: Guard,
  { declaration, sandbox }: Provisioned,
  probes: readonly GuardProbe[],
): Promise<ClaimFindings> {
  const nowMs = sandbox.clock.nowMs()
  const findings: string[] = []
  const examiner = await makeExaminer(declaration, nowMs)
  for (const row of probes) {
    if ((await probe(examiner, row)).allowed) findings.push(`${row.who} may ${row.action} on ${row.on}`)
  }
  for (const sid of guard.sids) {
    if (!(await standsAlone(declaration, guard, sid, { probes, nowMs })))
      findings.push(`the statement ${sid} refuses nothing by itself`)
  }
  return { findings, evidence: `${probes.length} probes, ${guard.sids.length} statements alone` }
}

/** Examines a setting that no policy states: in the declaration, in the live bucket, and on the stored versions. */
async function examineSetting(
  guard: Guard,
  provisioned: Provisioned,
  before: Inventory,
): Promise<ClaimFindings> {
  const live = await readLockConfiguration(provisioned)
  const declared = provisioned.vault.objectLock
  const modes = [...before.values()].map(({ lock }) => lock?.mode ?? 'no')
  const evidence = `the bucket, and ${modes.length} versions in it`
  const unlike = (expected: string) =>
    modes.filter((mode) => (expected === 'any' ? mode === 'no' : mode !== expected)).length
  switch (guard.name) {
    case 'object-lock':
      return {
        findings:
          declared.enabled && live?.ObjectLockEnabled === 'Enabled' ? [] : ['the bucket has no Object Lock'],
        evidence,
      }
    case 'default-retention': {
      const findings =
        declared.default !== null && live?.Rule?.DefaultRetention !== undefined
          ? []
          : ['the bucket locks nothing by itself']
      return {
        findings:
          unlike('any') === 0
            ? findings
            : [...findings, `${unlike('any')} versions were written without a lock`],
        evidence,
      }
    }
    case 'compliance': {
      const mode = declared.default?.mode ?? 'no'
      const findings = mode === 'COMPLIANCE' ? [] : [`versions get ${mode} lock`]
      return {
        findings:
          unlike('COMPLIANCE') === 0
            ? findings
            : [...findings, `${unlike('COMPLIANCE')} versions are not locked in COMPLIANCE`],
        evidence,
      }
    }
    case 'flood-alarms':
      return examineFlood(provisioned)
    default:
      throw new Error(`no probe examines the guard ${guard.name}`)
  }
}

async function readLockConfiguration({
  sandbox,
  region,
  vault,
  sessions,
}: Provisioned): Promise<ObjectLockConfiguration | null> {
  const client = connectS3(
    { endpoint: sandbox.endpoint, region, clockOffsetMs: sandbox.clock.offsetMs },
    await sessions.of('holdfast-drill'),
  )
  try {
    return (
      (await client.send(new GetObjectLockConfigurationCommand({ Bucket: vault.name })))
        .ObjectLockConfiguration ?? null
    )
  } catch (error) {
    if ((error as Error).name === 'ObjectLockConfigurationNotFoundError') return null
    throw error
  } finally {
    client.destroy()
  }
}
