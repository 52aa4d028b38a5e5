// Step 5: everything that an intruder can try on the vault, and the same on buckets without guards.
import { randomUUID } from 'node:crypto'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { attempt } from '../attack/attempt.ts'
import type { AttemptRecord, Identity } from '../attack/attempt.ts'
import { s3Attacks } from '../attack/s3-attacks.ts'
import type { AttackTarget, Wall } from '../attack/s3-attacks.ts'
import type { DecisionLog } from '../../decision-log.ts'
import type { ClaimName, Examination } from '../claims.ts'
import type { DrillContext, Provisioned, Wiped } from '../drill-context.ts'
import type { Inventory } from '../inventory/store-inventory.ts'
import { connectS3 } from '../sessions.ts'

const claimOfWall: Record<Wall, ClaimName> = {
  reads: 'vault-unreadable-from-production', deletions: 'vault-undeletable-from-production', locks: 'vault-locks-untouchable-from-production',
  writes: 'vault-unwritable-from-production', configuration: 'vault-configuration-untouchable-from-production',
}

export async function attack(context: DrillContext, provisioned: Provisioned, wiped: Wiped, before: Inventory): Promise<void> {
  const { ledger, report, timeline } = context
  report.controls = await attackControls(provisioned)
  await ledger.examine('attacks-are-real', () => examineControls(report.controls))
  report.attacks = await attackVault(provisioned, wiped, before, (text) => timeline.progress(text))
  for (const [wall, claim] of Object.entries(claimOfWall)) {
    await ledger.examine(claim, () => examineWall(report.attacks.filter((row) => row.wall === wall)))
  }
  const count = (outcome: string) => report.attacks.filter((row) => row.outcome === outcome).length
  const identities = new Set(report.attacks.map(({ who }) => who)).size
  timeline.note(`${report.attacks.length} attacks by ${identities} identities: ${count('refused')} refused, ${count('allowed')} allowed` +
    (count('not-emulated') === 0 ? '' : `, ${count('not-emulated')} not emulated`))
}

async function attackVault({ sandbox, region, vault, accounts }: Provisioned, wiped: Wiped, before: Inventory, onProgress: (text: string) => void) {
  const place = { endpoint: sandbox.endpoint, region }
  const identities: Identity[] = [
    { who: 'root of production, by the key that the agent found', client: connectS3(place, wiped.foundKey) },
    { who: 'root of an account outside the organization', client: connectS3(place, sandbox.rootCredentials(accounts.outsider)) },
    { who: 'nobody (unsigned)', client: connectS3(place, null) },
  ]
  const target = aimAtVault(vault.name, before, sandbox.clock.nowMs())
  const records: AttemptRecord[] = []
  for (const identity of identities) {
    for (const each of s3Attacks) {
      onProgress(`${each.what}, as ${identity.who}`)
      records.push(await attempt(identity, each, target, decisionFinder(sandbox.decisions)))
    }
    identity.client.destroy()
  }
  return records
}

/** The attacker knows every key and version id: the worst case. */
export function aimAtVault(bucket: string, before: Inventory, nowMs: number): AttackTarget {
  const manifests = [...before.values()].filter(({ key, isDeleteMarker }) => key.includes('/manifests/') && !isDeleteMarker)
  const victim = manifests.at(-1)
  if (victim === undefined) throw new Error('the vault holds no manifest to attack')
  return { bucket, victim, freshKey: victim.key.replace(/[^/]+$/, randomUUID()), nowMs }
}

async function attackControls({ sandbox, region, controls, accounts }: Provisioned): Promise<AttemptRecord[]> {
  const client = connectS3({ endpoint: sandbox.endpoint, region }, sandbox.rootCredentials(accounts.outsider))
  const identity = { who: 'the owner of a bucket without guards', client }
  const records: AttemptRecord[] = []
  for (const each of s3Attacks) {
    const bucket = controls[each.control]
    const key = `control/${each.name}`
    const { VersionId: versionId = 'null' } = await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: each.name }))
    const target = { bucket, victim: { key, versionId }, freshKey: `${key}-fresh`, nowMs: sandbox.clock.nowMs() }
    records.push(await attempt(identity, each, target, decisionFinder(sandbox.decisions)))
  }
  client.destroy()
  return records
}

/** The deciding statement, or the lock, by the sandbox's log. */
export function decisionFinder(log: Pick<DecisionLog, 'of'>): (requestId: string) => string {
  return (requestId) => {
    const refusal = log.of(requestId).find(({ allowed }) => !allowed)
    if (refusal === undefined) return ''
    if (refusal.by === 'lock') return `Object Lock: ${refusal.result}`
    return refusal.statement === null ? `${refusal.result}: no statement allows it` : `${refusal.statement.sid} in ${refusal.statement.policy}`
  }
}

function examineControls(records: AttemptRecord[]): Examination {
  const tested = records.filter(({ outcome }) => outcome !== 'not-emulated')
  const findings = tested.filter(({ outcome }) => outcome !== 'allowed').map(({ attack: name, status, code }) => `${name} fails even without guards: ${status} ${code}`)
  if (tested.length === 0) findings.push('no attack was tested')
  return { findings, evidence: `${tested.length} attacks on buckets without guards` }
}

/** Anything but a refusal is a finding: an attack that failed for another reason proved nothing. */
export function examineWall(records: AttemptRecord[]): Examination {
  const tested = records.filter(({ outcome }) => outcome !== 'not-emulated')
  const findings = tested.filter(({ outcome }) => outcome !== 'refused')
    .map(({ who, attack: name, outcome, status, code }) => `${name} by ${who}: ${outcome} (${status} ${code})`)
  if (tested.length === 0) findings.push('no attack was made')
  return { findings, evidence: `${tested.length} attempts` }
}
