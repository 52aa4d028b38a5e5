// Sends every attack by every identity, one after the other, and records the outcomes.
import { CreateSnapshotCommand, CreateVolumeCommand } from '@aws-sdk/client-ec2'
import type { EC2Client } from '@aws-sdk/client-ec2'
import { evaluate } from '../../sandbox/authorization/evaluate.ts'
import type { Provisioned } from '../drill-context.ts'
import { attempt, recordEvaluation } from './attempt.ts'
import type { AttemptFacts, AttemptRecord, DecisionFinder } from './attempt.ts'
import type { AttackTarget } from './attack.ts'
import { ec2Attacks, environments } from './ec2-attacks.ts'
import type { Environment, Machine } from './ec2-attacks.ts'
import type { EvaluatedAttack } from './evaluated-attacks.ts'
import { findDuty } from './expectations.ts'
import type { Attempted } from './expectations.ts'
import type { Identity } from './identities.ts'
import { s3Attacks } from './s3-attacks.ts'
import { stsAttacks } from './sts-attacks.ts'

export interface Campaign {
  provisioned: Provisioned
  findDecision: DecisionFinder
  onProgress: (text: string) => void
}

type Row = Pick<AttemptFacts, 'attack' | 'wall' | 'what' | 'target'>

function factsOf(
  { who: attackerName, path, role }: Identity,
  row: Row,
  assumes?: Attempted['assumes'],
): AttemptFacts {
  return {
    ...row,
    who: attackerName,
    path,
    duty: findDuty({
      who: role,
      attack: row.attack,
      target: row.target,
      ...(assumes === undefined ? {} : { assumes }),
    }),
  }
}

export async function attackBucket(
  { findDecision, onProgress }: Campaign,
  identity: Identity,
  target: AttackTarget,
): Promise<AttemptRecord[]> {
  const records: AttemptRecord[] = []
  for (const attack of s3Attacks) {
    onProgress(`${attack.description}, as ${identity.who}`)
    const facts = factsOf(identity, {
      attack: attack.name,
      wall: attack.wall,
      what: attack.description,
      target: target.name,
    })
    records.push(await attempt(facts, attack, () => attack.run(identity, target), findDecision))
  }
  return records
}

/** Tries to assume every role, and to get sessions with other limits. */
export async function attackTokenService(
  { provisioned, findDecision, onProgress }: Campaign,
  identity: Identity,
): Promise<AttemptRecord[]> {
  const records: AttemptRecord[] = []
  const { sessions, declaration } = provisioned
  const caller = identity.credentials
  if (caller === null) return records
  const proof = {
    sourceIdentity: identity.principal.session?.sourceIdentity ?? null,
    hasFactor: identity.hasFactor,
  }
  const by = identity.hasFactor ? identity.role.replace(/,.*/, '') : identity.role
  for (const attack of stsAttacks(declaration)) {
    onProgress(`${attack.description}, as ${identity.who}`)
    const facts = factsOf(
      identity,
      { attack: attack.name, wall: 'identities', what: attack.description, target: 'the token service' },
      { role: attack.role, by, hasFactor: identity.hasFactor },
    )
    records.push(await attempt(facts, {}, () => attack.run(sessions, caller, proof), findDecision))
  }
  return records
}

/** An account without the identity provider returns this error for every token. */
const noProvider = { refusals: ['InvalidIdentityTokenException'] }

/** A token of the same platform for another project: the right issuer with a wrong subject. */
export async function attackByForeignToken({
  provisioned: { sessions, declaration },
  findDecision,
}: Campaign): Promise<AttemptRecord[]> {
  const records: AttemptRecord[] = []
  for (const { name, arn } of declaration.roles) {
    const token = await sessions.mintToken('project:other:service:site')
    const facts: AttemptFacts = {
      who: 'another project of the same platform, by its token',
      path: [],
      attack: `assume-${name}`,
      wall: 'identities',
      what: `become ${name}`,
      target: 'the token service',
      duty: null,
    }
    records.push(await attempt(facts, noProvider, () => sessions.assumeByToken(arn, token), findDecision))
  }
  return records
}

const notThere = { refusals: ['InvalidVolume.NotFound', 'InvalidSnapshot.NotFound'] }

export async function attackMachines(
  campaign: Campaign,
  identity: Identity,
  park: MachinePark,
): Promise<AttemptRecord[]> {
  const records: AttemptRecord[] = []
  if (identity.credentials === null) return records
  for (const attack of ec2Attacks) {
    campaign.onProgress(`${attack.description}, as ${identity.who}`)
    const machine = await park.take(attack.environment)
    const facts = factsOf(identity, {
      attack: attack.name,
      wall: 'production',
      what: attack.description,
      target: attack.environment,
    })
    const record = await attempt(
      facts,
      notThere,
      () => attack.run(identity.ec2, machine),
      campaign.findDecision,
    )
    if (record.outcome !== 'refused' && attack.consumes) park.drop(attack.environment)
    records.push(record)
  }
  return records
}

/** Volumes and snapshots as targets; a used one is replaced. */
export class MachinePark {
  private readonly owner: EC2Client
  private readonly zone: string
  private readonly there = new Map<Environment, Machine>()

  constructor(owner: EC2Client, region: string) {
    this.owner = owner
    this.zone = `${region}a`
  }

  async take(environment: Environment): Promise<Machine> {
    const existing = this.there.get(environment) ?? (await this.make(environment))
    this.there.set(environment, existing)
    return existing
  }

  drop(environment: Environment): void {
    this.there.delete(environment)
  }

  async fill(): Promise<void> {
    for (const environment of environments) await this.take(environment)
  }

  private async make(environment: Environment): Promise<Machine> {
    const Tags = [{ Key: 'environment', Value: environment }]
    const { VolumeId: volumeId } = await this.owner.send(
      new CreateVolumeCommand({
        AvailabilityZone: this.zone,
        Size: 1,
        TagSpecifications: [{ ResourceType: 'volume', Tags }],
      }),
    )
    if (volumeId === undefined) throw new Error('a volume to attack was not created')
    const { SnapshotId: snapshotId } = await this.owner.send(
      new CreateSnapshotCommand({
        VolumeId: volumeId,
        TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
      }),
    )
    if (snapshotId === undefined) throw new Error('a snapshot to attack was not created')
    return { volumeId, snapshotId }
  }
}

/** Evaluates the loaded policies. Only agents are evaluated on production, because its administrator may change it. */
export async function evaluateElsewhere(
  { provisioned: { authorizer } }: Campaign,
  identity: Identity,
  attacks: readonly EvaluatedAttack[],
): Promise<AttemptRecord[]> {
  const isAgent = identity.role.startsWith('holdfast-agent-')
  const applicable = attacks.filter(
    ({ by, resource }) =>
      (by === 'everyone' || isAgent) &&
      // An action without a resource acts on the caller's own account.
      (resource !== '*' || identity.side === 'production'),
  )
  return Promise.all(
    applicable.map(async ({ name, description, action, resource, context = {} }) =>
      recordEvaluation(
        factsOf(identity, { attack: name, wall: 'elsewhere', what: description, target: resource }),
        await evaluate(authorizer, { principal: identity.principal, action, resource, context }),
      ),
    ),
  )
}
