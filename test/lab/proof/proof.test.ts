import { beforeAll, describe, expect, it } from 'vitest'
import { keptSettingActions } from '../../../guardrails/native-backups.ts'
import { readConfig } from '../../../infra/config-reader.ts'
import { createAuthorizer } from '../../../lab/sandbox/authorization/authorizer.ts'
import { removeGuard } from '../../../lab/incident/guards/guard-removal.ts'
import { loadProgram } from '../../../lab/sandbox/loader/loader.ts'
import { examinedConfigs } from '../../../lab/proof/examined-config.ts'
import { expectedSurvivors, judgeMutants, runMutants } from '../../../lab/proof/mutant-run.ts'
import { mutantsOf } from '../../../lab/proof/mutants.ts'
import { isSurprise } from '../../../lab/proof/proof-row.ts'
import { answerRow, prove, proveDeclaration } from '../../../lab/proof/proof.ts'
import type { Proof } from '../../../lab/proof/proof.ts'
import { isProven, summarizeProof } from '../../../lab/proof/report/summary.ts'

const nowMs = Date.UTC(2026, 0, 1)
// `npm run prove` asks about everything that a task may name; the kinds of questions are the same with fewer actions.
const agents = [
  {
    name: 'staging',
    environment: 'staging',
    may: [
      'ec2:A*',
      'rds:Describe*',
      's3:GetObject*',
      's3:PutObject',
      's3:ListBucket*',
      'states:*',
      'states:StartExecution',
    ],
  },
  { name: 'production', environment: 'production', may: ['ec2:DescribeI*', 'ec2:StopInstances', 'logs:*'] },
]

const services = ['ec2', 'kms', 'lambda', 'logs', 'rds', 's3', 'secretsmanager', 'states']

let organization: Proof
let detached: Proof
let platform: Proof
beforeAll(async () => {
  organization = await prove({ config: { ...examinedConfigs.organization, agents }, nowMs, services })
  detached = await prove({ config: { ...examinedConfigs.detached, agents }, nowMs, services })
  platform = await prove({ config: examinedConfigs.platform, nowMs, services })
})

const proofs = () => [organization, detached, platform]
const surprises = ({ rows }: Proof) =>
  rows.filter(isSurprise).map(({ who: principal, actions, resource, circumstance, answer }) => ({
    who: principal,
    actions,
    resource,
    circumstance,
    answer,
  }))

describe('what the program declares', () => {
  it('answers every question as expected, with an Organization, without, and without an AWS account of production', () => {
    expect(proofs().map(surprises)).toEqual([[], [], []])
    expect(proofs().map(({ name }) => name)).toEqual(['organization', 'detached', 'platform'])
    expect(proofs().flatMap(({ settings }) => settings.filter(({ holds }) => !holds))).toEqual([])
    expect(isProven(proofs().map(summarizeProof), null)).toBe(true)
  })

  it('is evaluated for every principal: agents, writers, the administrator, roots, strangers, AWS itself, and role chains', () => {
    const names = new Set(organization.rows.map(({ who: principal }) => principal))
    expect([...names]).toEqual(
      expect.arrayContaining([
        'agent staging',
        'agent production',
        'agent unbounded',
        'writer rental-db',
        'writer plant',
        'administrator',
        'break-glass',
        'notary',
        'custodian',
        'restorer',
        'drill',
        'production root',
        'vault root',
        'outsider root',
        'outsider',
        'anonymous',
        'token of site',
        'certificate of plant',
        'container task',
        'quarantine',
        'quarantine-starter',
        'responder',
        'approver',
        'break-glass, approved',
        'state machine',
        'workloads/rental-db > writer rental-db',
        'vault-administrator, made by hand',
        'writer widened',
      ]),
    )
  })

  it('is asked both ways: each kind of question has answers, and who is let in somewhere is named', () => {
    for (const { groups } of proofs().map(summarizeProof))
      for (const { name, rows } of groups)
        expect({ name, enough: rows > 100 }).toEqual({ name, enough: true })
    const ways = organization.rows
      .filter(({ group, answer }) => group === 'ways-in' && answer.allowed)
      .map(
        ({ who: principal, actions, resource }) =>
          `${principal} ${actions[0]!} ${resource.split('/').at(-1)!}`,
      )
    expect([...new Set(ways)].sort()).toMatchSnapshot()
  })

  it('denies an agent each action of the catalogue by an explicit deny, in all circumstances', () => {
    const agentRows = organization.rows.filter(
      ({ group, who: principal, resourceAccountId }) =>
        group === 'destruction' && principal === 'agent staging' && resourceAccountId === '222222222222',
    )
    expect(agentRows.length).toBeGreaterThan(200)
    expect(new Set(agentRows.map(({ answer }) => answer.result.split(' ')[0]))).toEqual(
      new Set(['explicit-deny']),
    )
  })

  it('denies break-glass all that it is for, unless an approver has said for whom and until when', () => {
    // The Recycle Bin's rules and AWS Backup's settings are denied to break-glass in any case.
    const isDeniedAnyway = (action: string): boolean =>
      action.startsWith('rbin:') || keptSettingActions.some((name) => name === action)
    const approvals = organization.rows.filter(
      ({ group, actions }) => group === 'approval' && !isDeniedAnyway(actions[0]!),
    )
    const deciders = approvals.map(
      ({ circumstance, answer }) => `${circumstance}: ${answer.statement?.sid ?? 'nothing'}`,
    )
    expect([...new Set(deciders)].sort()).toEqual([
      'after its end: DenyAfterwards',
      'approved for another operator: DenyOthers',
      'without an approval: NobodyApproved',
    ])
    const selfApprovals = organization.rows
      .filter(({ circumstance, answer }) => circumstance.startsWith('approves break-glass') && answer.allowed)
      .map(({ who: principal }) => principal)
    expect(
      selfApprovals.filter(
        (principal) => !/approver|administrator|production root|production-owner/.test(principal),
      ),
    ).toEqual([])
  })

  it("lists what only an account's own owners can destroy without an Organization", () => {
    const lost = detached.rows.filter(({ group }) => group === 'lost')
    expect(new Set(lost.map(({ who: principal }) => principal))).toEqual(
      new Set([
        'vault root',
        'vault-administrator, made by hand',
        'production root',
        'production-owner, made by hand',
        'administrator',
        'people/operator > administrator',
      ]),
    )
    expect(organization.rows.filter(({ group }) => group === 'lost')).toEqual([])
  })
})

describe("a configuration of one's own", () => {
  it('takes nothing from the example, and each of its mutants is noticed or there twice for a reason', async () => {
    const config = {
      region: 'eu-central-1',
      vaultAccountId: '111111111111',
      productionAccountId: '222222222222',
      detached: true,
      sources: [{ name: 'db', trust: { awsRoleArn: 'arn:aws:iam::222222222222:role/workloads/db' } }],
      alarmEmails: ['on-call@pager.example'],
      productionDomains: ['rental.example'],
      restorers: ['arn:aws:iam::111111111111:role/people/someone'],
      deployers: ['arn:aws:iam::111111111111:role/people/deployer'],
      breakGlass: ['arn:aws:iam::222222222222:role/people/operator'],
    }
    const proof = await prove({ config, nowMs, services })
    expect(surprises(proof)).toEqual([])
    expect(proof.rows.filter(({ who: principal }) => /agent|launcher|rental-db/.test(principal))).toEqual([])
    expect(judgeMutants(await runMutants([proof]), { isWhole: false }).unexpected).toEqual([])
  })
})

describe('a proof notices', () => {
  it.each(['agent-boundary', 'frozen-roles'])('that the guard %s is gone', async (guard) => {
    const raw = {
      ...examinedConfigs.organization,
      sources: examinedConfigs.organization.sources.slice(0, 1),
      agents: [{ ...agents[0]!, may: ['ec2:AttachVolume'] }],
    }
    const { declaration, resources } = await loadProgram({ config: raw })
    const config = readConfig({ ...raw, layer: 'vault' }, nowMs)
    const proof = await proveDeclaration(removeGuard(declaration, guard), resources, config, {
      nowMs,
      services,
    })
    expect(surprises(proof).length).toBeGreaterThan(0)
    expect(isProven([summarizeProof(proof)], null)).toBe(false)
  })

  it('a context key that would be left out of a decision, which is an error and no answer', async () => {
    const authorizer = await createAuthorizer(organization.declaration, { nowMs: () => nowMs })
    const row = {
      ...organization.rows.find(({ group }) => group === 'duty')!,
      context: { 's3:no-such-key': 'x' },
    }
    await expect(answerRow(authorizer, row)).rejects.toMatchObject({ code: 'internal' })
  })
})

describe('mutants', () => {
  it('each change an answer or a setting, or are there twice for a reason that is written down', async () => {
    const verdict = judgeMutants(await runMutants(proofs()))
    expect(verdict.unexpected).toEqual([])
    expect(verdict.stale).toEqual([])
    expect(verdict.results.filter(({ killedBy }) => killedBy !== null).length).toBeGreaterThan(200)
    expect(verdict.accounted.length).toBeLessThan(verdict.results.length / 5)
  })

  it('have unique names, and leave the declaration unchanged', () => {
    const before = JSON.stringify(organization.declaration)
    const ids = [...mutantsOf(organization.declaration, organization.resources, nowMs)].map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(JSON.stringify(organization.declaration)).toBe(before)
  })

  it('that live unlisted, and reasons that no longer hold, are red', () => {
    const results = [
      { id: 'a: X', killedBy: null },
      { id: 'b: Y', killedBy: 'something' },
    ]
    const reason = 'it is there twice, on purpose'
    expect(judgeMutants(results, { expected: [] })).toMatchObject({ unexpected: ['a: X'], stale: [] })
    expect(judgeMutants(results, { expected: [{ mutant: '*: X', reason }] })).toMatchObject({
      unexpected: [],
      stale: [],
      accounted: [{ id: 'a: X', reason }],
    })
    expect(
      judgeMutants(results, {
        expected: [
          { mutant: 'a: X', reason },
          { mutant: 'b: Y', reason },
        ],
      }),
    ).toMatchObject({ stale: ['b: Y'] })
    expect(judgeMutants(results, { expected: [{ mutant: 'a* .', reason }] })).toMatchObject({
      unexpected: ['a: X'],
      stale: ['a* .'],
    })
  })

  it("are taken from the bus and the topic of alarms too, which the sandbox doesn't emulate", () => {
    const ids = [...mutantsOf(organization.declaration, organization.resources, nowMs)]
      .map(({ id }) => id)
      .filter((id) => id.startsWith('alarm '))
    expect(ids).toEqual(
      expect.arrayContaining([
        'alarm bus policy in eu-central-1: LetForwardersPut',
        'alarm topic policy in eu-central-1: LetAlarmsSpeak',
        'alarm topic policy in eu-west-1: LetAlarmsSpeak',
      ]),
    )
  })

  it('are taken from the file systems of restored data, and from the tasks that meet them: a role, the right to write, a rest of root', () => {
    const ids = [...mutantsOf(organization.declaration, organization.resources, nowMs)].map(({ id }) => id)
    const point = 'StringEquals elasticfilesystem:AccessPointArn'
    expect(ids).toEqual(
      expect.arrayContaining([
        'hand-over policy of examination-rental-db: DenyPlain',
        `hand-over policy of examination-rental-db: Restore without ${point}`,
        `hand-over policy of examination-archive: Read without ${point}`,
        'task examination-rental-db-examine: with a role',
        'task examination-rental-db-check: with a role',
        'task examination-rental-db-examine: restored data to write',
        'task check-verify-uploads: run by root',
        'file system examination-archive: not encrypted',
      ]),
    )
    expect(ids).not.toContain('task examination-rental-db-restore: with a role')
  })

  it('of a configuration that leaves parts out may lack some that are there twice in the whole, and no more', () => {
    const results = [
      { id: 'b: Y', killedBy: 'something' },
      { id: 'c: Z', killedBy: null },
    ]
    const verdict = judgeMutants(results, {
      expected: [{ mutant: 'a: X', reason: 'there in the whole only' }],
      isWhole: false,
    })
    expect(verdict).toMatchObject({ unexpected: ['c: Z'], stale: [], accounted: [] })
  })

  it('are listed with a reason of their own', () => {
    expect(new Set(expectedSurvivors.map(({ mutant }) => mutant)).size).toBe(expectedSurvivors.length)
  })
})
