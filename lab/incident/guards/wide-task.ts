// The agent of the incident with a wide task: compute, databases and the services that run commands on machines.
import { agentBoundary, agentPolicy } from '../../../guardrails/agent-policies.ts'
import { servicesOf, tierOnePatterns } from '../../../guardrails/catalogue/agent-limits.ts'
import { knownActionsOf, tierOf } from '../../../guardrails/catalogue/known-names.ts'
import type { Policy } from '../../../guardrails/policy.ts'
import { createAuthorizer } from '../../sandbox/authorization/authorizer.ts'
import { evaluate } from '../../sandbox/authorization/evaluate.ts'
import type { CloudDeclaration, NamedPolicy } from '../../sandbox/declaration.ts'
import { exampleResource } from '../attack/evaluated-attacks.ts'
import type { ClaimFindings } from '../claims.ts'
import type { Provisioned } from '../drill-context.ts'
import { principalCalled } from './probe-principals.ts'

const wideTask = ['ec2:*', 'rds:*', 'lightsail:*', 'ssm:*'] as const
const services = servicesOf(wideTask)
const reads = [
  'ec2:DescribeVolumes',
  'rds:DescribeDBInstances',
  'lightsail:GetInstances',
  'ssm:DescribeParameters',
]

interface EditableStatement {
  Sid?: string
  Action?: string[]
  NotAction?: string[]
}

/** Asks for each destructive action of the four services, and for one read of each. */
export async function examineWideTask({
  declaration,
  sandbox,
  accounts,
  region,
}: Provisioned): Promise<ClaimFindings> {
  const vault = { accountId: accounts.vault, region }
  const cloud = giveWideTask(
    declaration,
    agentBoundary(vault, { may: wideTask, environmentTag: 'environment' }),
  )
  const nowMs = sandbox.clock.nowMs()
  const authorizer = await createAuthorizer(cloud, { nowMs: () => nowMs, region })
  const principal = principalCalled(cloud, 'agent staging', nowMs)
  const isAllowed = async (action: string) => {
    const resource = await exampleResource(action, accounts.production, region)
    return (await evaluate(authorizer, { principal, action, resource })).allowed
  }
  const destructive = services.flatMap(knownActionsOf).filter((action) => tierOf(action) !== null)
  const findings: string[] = []
  for (const action of destructive)
    if (await isAllowed(action)) findings.push(`an agent with ${wideTask.join(' ')} may ${action}`)
  for (const action of reads)
    if (!(await isAllowed(action))) findings.push(`an agent with ${wideTask.join(' ')} may not ${action}`)
  return { findings, evidence: `${destructive.length} destructive actions of ${services.length} services` }
}

/** The cloud as the program would declare it with the wide task. A guard that was removed stays removed. */
function giveWideTask(declaration: CloudDeclaration, boundary: Policy): CloudDeclaration {
  const cloud = structuredClone(declaration)
  for (const role of cloud.roles.filter(({ name }) => name === 'holdfast-agent-staging')) {
    role.policies = [{ name: 'task', document: { ...agentPolicy(wideTask) } }]
    if (role.boundary === null) continue
    const sids = new Set(statementsOf(role.boundary).map(({ Sid }) => Sid))
    const Statement = boundary.Statement.filter(({ Sid }) => sids.has(Sid))
    role.boundary = { ...role.boundary, document: { ...boundary, Statement } }
  }
  const controlStatements = cloud.accounts.flatMap(({ scps }) => scps.flat()).flatMap(statementsOf)
  const limit = controlStatements.find(({ Sid }) => Sid === 'DenyOtherServicesToAgents')
  const allServices = [...new Set([...servicesOf(limit?.NotAction ?? []), ...services])].sort()
  for (const statement of controlStatements) {
    if (statement.Sid === 'DenyOtherServicesToAgents')
      statement.NotAction = allServices.map((service) => `${service}:*`)
    if (statement.Sid === 'DenyDestructionByAgents') statement.Action = tierOnePatterns(allServices)
  }
  return cloud
}

function statementsOf({ document }: NamedPolicy): EditableStatement[] {
  return document['Statement'] as EditableStatement[]
}
