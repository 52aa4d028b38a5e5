// An agent's role: its task's actions, inside a permissions boundary of its own that no other policy can widen.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { HoldfastError } from '../../core/errors.ts'
import { agentBoundary, agentPolicy } from '../../guardrails/agent-policies.ts'
import { agentBoundaryName, agentEnvironmentTag, agentRoleName, rolePaths } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import { agentTrustPolicy } from '../../guardrails/trust-policies.ts'
import { boundaryConflicts } from '../agent-size-conflicts.ts'
import { checkedArgs, claimName } from '../component-args.ts'
import { accountId, agent, principals, region } from '../config-schema.ts'
import { configSchema } from '../config.ts'
import { componentOptions } from '../owner.ts'
import type { Owner } from '../owner.ts'
import { ScopedRole } from './scoped-role.ts'

/** Plain values, because the program validates them, and derives each name, before it declares a resource. */
export interface AgentRoleArgs {
  /** The agent's name: lower-case letters, digits and hyphens, at most 48. The role is `holdfast-agent-NAME`. */
  agentName: string
  /** The account of the agent, in twelve digits. The component's provider has to be of this account. */
  productionAccountId: string
  /** The account and the region of the vault, which the boundary denies. */
  vaultAccountId: string
  region: string
  /** The value of the environment tag on the resources that the agent may touch, e.g. `staging`. */
  environment: string
  /** Key of the tag that names a resource's environment. Default: `environment`. */
  environmentTag?: string
  /**
   * The actions of its task: `ec2:Describe*`, `s3:PutObject`. An action that only a pattern matches is denied if it
   * destroys; a destructive action that is named is refused.
   */
  may: string[]
  /** ARNs of roles or users of the agent's account that may start its sessions. Each names a source identity. */
  launchers: string[]
}

/** The arguments that decide an agent's role and boundary, after validation. */
export type AgentDeclaration = Required<AgentRoleArgs>

const argsSchema = agent.omit({ name: true, sessionSeconds: true }).extend({
  agentName: agent.shape.name,
  productionAccountId: accountId,
  vaultAccountId: accountId,
  region,
  environmentTag: configSchema.shape.environmentTag,
  launchers: principals.removeDefault().min(1, 'name at least one launcher of agent sessions'),
})

/**
 * A role for an agent, beside your own roles. Its boundary allows what `may` names and nothing else, and denies the
 * vault, other environments, destruction, and sessions without a source identity. A session lasts one hour at most.
 */
export class AgentRole extends pulumi.ComponentResource {
  readonly role: aws.iam.Role
  readonly boundary: aws.iam.Policy

  constructor(name: string, args: AgentRoleArgs, options: pulumi.ComponentResourceOptions = {}) {
    const component = `AgentRole ${name}`
    const declaration = checkedArgs(component, () => readArgs(args, component))
    super('holdfast:production:AgentRole', name, {}, options)
    const { boundary, scoped } = declareAgent(declaration, { parent: this })
    this.boundary = boundary
    this.role = scoped.role
    this.registerOutputs({ arn: this.role.arn })
  }
}

function readArgs(args: AgentRoleArgs, component: string): AgentDeclaration {
  const declaration = argsSchema.parse(args)
  const { agentName, productionAccountId, launchers } = declaration
  const problems = [
    ...boundaryConflicts(declaration, { name: agentName, may: declaration.may }).map((problem) =>
      problem.replace('holdfast:agents:', 'may:'),
    ),
    ...launchers
      .filter((arn) => arn.split(':')[4] !== productionAccountId)
      .map((arn) => `launchers: ${arn} is not in the account ${productionAccountId}`),
  ]
  if (problems.length > 0) throw new HoldfastError('invalid-input', problems[0]!, { context: { problems } })
  claimName('agentName', agentName, component)
  return declaration
}

/** The boundary and the role of an agent, for the component and for the production layer. */
export function declareAgent(
  declaration: AgentDeclaration,
  owner: Owner,
): { boundary: aws.iam.Policy; scoped: ScopedRole } {
  const {
    agentName,
    productionAccountId,
    vaultAccountId,
    region: vaultRegion,
    environment,
    may,
  } = declaration
  const vault = { accountId: vaultAccountId, region: vaultRegion }
  const boundary = new aws.iam.Policy(
    `agent-boundary-${agentName}`,
    {
      name: agentBoundaryName(agentName),
      description: `The maximum permissions of the agent ${agentName}, which no other policy can widen`,
      policy: renderPolicy(agentBoundary(vault, { may, environmentTag: declaration.environmentTag })),
    },
    { ...owner, protect: true, retainOnDelete: true },
  )
  const scoped = new ScopedRole(
    `agent-${agentName}`,
    {
      roleName: agentRoleName(agentName),
      path: rolePaths.agents,
      description: `Agent of ${environment}`,
      trust: agentTrustPolicy(productionAccountId, declaration.launchers),
      policy: agentPolicy(may),
      boundary: boundary.arn,
      tags: { [agentEnvironmentTag]: environment },
    },
    componentOptions(owner),
  )
  return { boundary, scoped }
}
