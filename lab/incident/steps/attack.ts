// Step 6: every attack by every identity that an intruder can have, and the same attacks on buckets without guards.
import { EC2Client } from '@aws-sdk/client-ec2'
import { ulid } from 'ulid'
import type { DecisionLog } from '../../sandbox/authorization/decision-log.ts'
import { exampleConfig } from '../../sandbox/loader/example-config.ts'
import type { AttackTarget, Wall } from '../attack/attack.ts'
import { describeDecision } from '../attack/attempt.ts'
import type { AttemptRecord } from '../attack/attempt.ts'
import {
  MachinePark,
  attackBucket,
  attackByForeignToken,
  attackMachines,
  attackTokenService,
  evaluateElsewhere,
} from '../attack/campaign.ts'
import type { Campaign } from '../attack/campaign.ts'
import { attackControls } from '../attack/controls.ts'
import { evaluatedAttacks } from '../attack/evaluated-attacks.ts'
import { anySource, otherSource, ownSource } from '../attack/expectations.ts'
import { dismiss, gatherIdentities } from '../attack/identities.ts'
import type { Identity } from '../attack/identities.ts'
import type { ClaimName, ClaimFindings } from '../claims.ts'
import type { DrillContext, Provisioned, Wiped } from '../drill-context.ts'
import type { Inventory } from '../inventory/store-inventory.ts'
import { toSdk } from '../sessions.ts'
import { manifestKey, parseManifestKey } from '../../../core/store/vault-keys.ts'

const claimOfWall: Partial<Record<Wall, ClaimName>> = {
  reads: 'vault-unreadable-from-production',
  deletions: 'vault-undeletable-from-production',
  locks: 'vault-locks-untouchable-from-production',
  writes: 'vault-unwritable-from-production',
  configuration: 'vault-configuration-untouchable-from-production',
  identities: 'roles-for-their-own-alone',
  elsewhere: 'calls-elsewhere-refused',
}

export interface Attacked {
  /** Key prefixes below which a duty let an identity add objects. Any other new object is a finding. */
  added: string[]
}

export async function attack(
  context: DrillContext,
  provisioned: Provisioned,
  wiped: Pick<Wiped, 'foundKey'>,
  before: Inventory,
): Promise<Attacked> {
  const { ledger, report, timeline } = context
  const { region, accounts, vault, sandbox } = provisioned
  const elsewhere = await evaluatedAttacks({
    region,
    vaultAccount: accounts.vault,
    productionAccount: accounts.production,
    vaultBucket: vault.name,
  })
  report.controls = await attackControls(provisioned, elsewhere)
  await ledger.examine('attacks-are-real', () => examineControls(report.controls))
  const campaign: Campaign = {
    provisioned,
    findDecision: decisionFinder(sandbox.decisions),
    onProgress: (text) => timeline.progress(text),
  }
  const { identities, disagreements } = await gatherIdentities(provisioned, wiped.foundKey)
  const rows: { side: Identity['side']; records: AttemptRecord[] }[] = []
  const attacked: Attacked = { added: [] }
  const owner = new EC2Client({
    endpoint: sandbox.endpoint,
    region,
    systemClockOffset: sandbox.clock.offsetMs,
    credentials: toSdk(sandbox.rootCredentials(accounts.production)),
  })
  const park = new MachinePark(owner, region)
  await park.fill()
  try {
    for (const identity of identities) {
      const records: AttemptRecord[] = []
      rows.push({ side: identity.side, records })
      for (const target of aimBy(identity, provisioned, before)) {
        const onBucket = await attackBucket(campaign, identity, target)
        records.push(...onBucket)
        if (onBucket.some(({ wall, duty }) => wall === 'writes' && duty !== null))
          attacked.added.push(target.freshKey)
      }
      if (identity.side === 'vault') continue
      records.push(
        ...(await attackMachines(campaign, identity, park)),
        ...(await attackTokenService(campaign, identity)),
      )
      records.push(...(await evaluateElsewhere(campaign, identity, elsewhere)))
    }
    rows.push({ side: 'outside', records: await attackByForeignToken(campaign) })
  } finally {
    dismiss(identities)
    owner.destroy()
  }
  report.attacks = rows.flatMap(({ records }) => records)
  await examineRows(context, rows, disagreements)
  for (const line of summarize(report.attacks)) timeline.note(line)
  return attacked
}

async function examineRows(
  { ledger }: DrillContext,
  rows: { side: Identity['side']; records: AttemptRecord[] }[],
  disagreements: string[],
): Promise<void> {
  const fromOutside = rows.filter(({ side }) => side !== 'vault').flatMap(({ records }) => records)
  for (const [wall, claim] of Object.entries(claimOfWall))
    await ledger.examine(claim, () =>
      examineWall(fromOutside.filter((row) => row.wall === wall && row.duty === null)),
    )
  await ledger.examine('vault-root-cannot-loosen', () =>
    examineWall(
      rows
        .filter(({ side }) => side === 'vault')
        .flatMap(({ records }) => records.filter(({ duty }) => duty === null)),
    ),
  )
  await ledger.examine('production-safe-from-agents', () =>
    examineWall(fromOutside.filter(({ wall, duty }) => wall === 'production' && duty === null)),
  )
  await ledger.examine('duties-possible', () =>
    examineDuties(
      rows.flatMap(({ records }) => records),
      disagreements,
    ),
  )
}

/**
 * The attacker knows every key and version id, which is the worst case. A stolen writer attacks its own source and
 * another one.
 */
function aimBy(
  { role, side }: Identity,
  { vault, accounts, controls, sandbox }: Provisioned,
  before: Inventory,
): AttackTarget[] {
  const base = {
    bucket: vault.name,
    nowMs: sandbox.clock.nowMs(),
    accountId: vault.accountId,
    foreignKeyArn: controls.keyArn,
    loot: controls.plain,
  }
  const aim = (name: string, source: string): AttackTarget => ({
    ...base,
    name,
    victim: findVictim(before, source),
    freshKey: manifestKey(source, ulid(base.nowMs)),
  })
  const ownSourceName = /^holdfast-writer-(.+)$/.exec(role)?.[1]
  const [first, second] = exampleConfig.sources.map(({ name }) => name)
  if (ownSourceName === undefined || side === 'vault') return [aim(anySource, first ?? '')]
  return [
    aim(ownSource, ownSourceName),
    aim(otherSource, ownSourceName === first ? (second ?? '') : (first ?? '')),
  ]

  function findVictim(inventory: Inventory, source: string): AttackTarget['victim'] {
    const manifests = [...inventory.values()].filter(
      ({ key, isDeleteMarker }) => parseManifestKey(key) !== null && !isDeleteMarker,
    )
    const victim =
      manifests.findLast(({ key }) => parseManifestKey(key)?.source === source) ?? manifests.at(-1)
    if (victim === undefined) throw new Error(`the vault of ${accounts.vault} holds no manifest to attack`)
    return victim
  }
}

/** A target for the step on the lock alone: any manifest. */
export function aimAtVault(provisioned: Provisioned, before: Inventory, nowMs: number): AttackTarget {
  const { vault, controls } = provisioned
  const victim = [...before.values()].findLast(
    ({ key, isDeleteMarker }) => parseManifestKey(key) !== null && !isDeleteMarker,
  )
  if (victim === undefined) throw new Error('the vault holds no manifest to attack')
  return {
    name: anySource,
    bucket: vault.name,
    victim,
    freshKey: victim.key.replace(/[^/]+$/, ulid(nowMs)),
    nowMs,
    accountId: vault.accountId,
    foreignKeyArn: controls.keyArn,
    loot: controls.plain,
  }
}

/** Finds the deciding statement or lock in the sandbox's log. */
export function decisionFinder(log: Pick<DecisionLog, 'of'>): (requestId: string) => string {
  return (requestId) => {
    const refusal = log.of(requestId).find(({ allowed }) => !allowed)
    return refusal === undefined ? '' : describeDecision(refusal)
  }
}

function examineControls(records: AttemptRecord[]): ClaimFindings {
  const tested = records.filter(({ outcome }) => outcome !== 'not-emulated')
  const findings = tested
    .filter(({ outcome }) => outcome !== 'allowed')
    .map(({ attack: name, status, code }) => `${name} fails even without guards: ${status} ${code}`)
  if (tested.length === 0) findings.push('no attack was tested')
  return { findings, evidence: `${tested.length} attacks without guards` }
}

/** Every outcome except a refusal is a finding, because an attack that fails for another reason proves nothing. */
export function examineWall(records: AttemptRecord[]): ClaimFindings {
  const tested = records.filter(({ outcome }) => outcome !== 'not-emulated')
  const findings = tested
    .filter(({ outcome }) => outcome !== 'refused')
    .map(
      ({ who: attackerName, attack: name, target, outcome, status, code }) =>
        `${name} on ${target} by ${attackerName}: ${outcome} (${status} ${code})`,
    )
  if (tested.length === 0) findings.push('no attack was made')
  return { findings, evidence: `${tested.length} attempts` }
}

function examineDuties(records: AttemptRecord[], disagreements: string[]): ClaimFindings {
  const due = records.filter(({ duty }) => duty !== null)
  const failed = due
    .filter(({ outcome }) => outcome !== 'allowed')
    .map(
      ({ who: attackerName, attack: name, target, code, decidedBy }) =>
        `${name} on ${target} by ${attackerName}: ${code} (${decidedBy})`,
    )
  return {
    findings: [...(due.length === 0 ? ['no identity had a duty'] : []), ...failed, ...disagreements],
    evidence: `${due.length} duties done`,
  }
}

/** One line per identity: the refusals on each wall. */
function byIdentity(records: readonly AttemptRecord[]): string[] {
  return [...Map.groupBy(records, ({ who: attackerName }) => attackerName)].map(([attackerName, rows]) => {
    const attacks = rows.filter(({ duty }) => duty === null)
    const refused = attacks.filter(({ outcome }) => outcome === 'refused')
    const onWalls = [...Map.groupBy(refused, ({ wall }) => wall)]
      .map(([wall, list]) => `${wall} ${list.length}`)
      .join(', ')
    const duties = rows.length - attacks.length
    return `${attackerName}: ${refused.length} of ${attacks.length} refused (${onWalls})${duties === 0 ? '' : `, ${duties} duties`}`
  })
}

/** Without a total: the step of the lock alone adds its attempts, and the drill's end counts them all. */
function summarize(records: readonly AttemptRecord[]): string[] {
  const duties = records.filter(({ duty }) => duty !== null)
  const dutiesDone = duties.filter(({ outcome }) => outcome === 'allowed').length
  return [...byIdentity(records), `${duties.length} rows are duties; ${dutiesDone} of them were allowed`]
}
