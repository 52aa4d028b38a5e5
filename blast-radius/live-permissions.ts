// Permissions of a role as IAM's simulator decides them, boundary and organization included. We read the role's
// documents first, because the simulator needs the resources to decide on.
import type { IdentityService, PrincipalDocuments, SimulatedDecision } from '../aws/identity-service.ts'
import { decideInGroups } from './live-decisions.ts'
import type { LiveDecisions } from './live-decisions.ts'
import type { Permission } from './permissions.ts'
import { plainDenial } from './plain-decision.ts'
import { asDocument } from './policy-set.ts'
import type { PolicyDocument, PolicySet } from './policy-set.ts'
import { candidatePatterns } from './resource-patterns.ts'
import { serviceOf } from './statements.ts'

const resourcesPerCall = 25
const maxNamed = 3
const assumption = 'sts:AssumeRole'

export interface LiveOptions {
  /** ARNs to simulate besides those that the role's policies name. */
  resources: readonly string[]
}

/** A role, a user or a group with its documents, and IAM's decisions on it. */
export interface LiveRole {
  arn: string
  set: PolicySet
  decide: (actions: readonly string[]) => Promise<Permission[]>
  /** Whether its own policies allow it to assume each of these roles; their trust policies don't count. By ARN. */
  decideAssumption: (roleArns: readonly string[]) => Promise<Map<string, Assumption>>
}

export interface Assumption {
  permission: Permission
  /**
   * A statement denies it, and no missing context could change that. Then a trust policy that names the role does not
   * help.
   */
  ruledOut: boolean
}

/** @throws `denied`, `not-found`, `credentials`, `unreachable`. */
export async function readLiveRole(
  iam: IdentityService,
  roleArn: string,
  options: LiveOptions,
): Promise<LiveRole> {
  const role = await iam.readPrincipal(roleArn)
  const set = asPolicySet(role)
  return {
    arn: role.arn,
    set,
    decide: async (actions) => {
      const denials = new Map(actions.map((action) => [action, plainDenial(set, action)]))
      const undecided = actions.filter((action) => denials.get(action) === null)
      // Listed before IAM is asked, because too many resources are an error of the policies, and no refusal of IAM.
      const resources = new Map<string, string[]>()
      for (const action of undecided)
        if (!resources.has(serviceOf(action)))
          resources.set(serviceOf(action), resourcesOf(set, action, options))
      const decisions = await decideInGroups(undecided, (group) =>
        iam.simulatePrincipal(role.arn, group, resources.get(serviceOf(group[0]!))!),
      )
      return actions.map(
        (action) => denials.get(action) ?? summarize(action, decisions.get(action) ?? [], set),
      )
    },
    decideAssumption: async (roleArns) => {
      const assumptions = new Map<string, Assumption>()
      for (let from = 0; from < roleArns.length; from += resourcesPerCall) {
        const group = roleArns.slice(from, from + resourcesPerCall)
        const decisions = await iam.simulatePrincipal(role.arn, [assumption], group)
        for (const arn of group) {
          const roleDecisions = decisions.filter(({ resource }) => resource === arn)
          const permission = summarize(assumption, roleDecisions, set)
          assumptions.set(arn, {
            permission,
            ruledOut: !permission.allowed && roleDecisions.some(({ deniedExpressly }) => deniedExpressly),
          })
        }
      }
      return assumptions
    },
  }
}

function asPolicySet(role: PrincipalDocuments): PolicySet {
  const named = ({
    name,
    json,
  }: {
    name: string
    json: string
  }): { name: string; document: PolicyDocument } => ({ name, document: asDocument(json, name) })
  return {
    principalArn: role.arn,
    tags: role.tags,
    identity: role.identity.map(named),
    boundary: role.boundary === null ? null : named(role.boundary),
    session: null,
    scps: [],
  }
}

function resourcesOf(set: PolicySet, action: string, { resources }: LiveOptions): string[] {
  return [
    ...new Set([...candidatePatterns(set, action), ...resources.filter((arn) => isOfService(arn, action))]),
  ]
}

/** An action without a decision counts as allowed, because a missing decision proves nothing. */
function summarize(action: string, decisions: LiveDecisions, set: PolicySet): Permission {
  if (typeof decisions === 'string') return possible(action, `${decisions}: counted as possible`)
  if (decisions.length === 0) return possible(action, 'IAM made no decision')
  const granted = decisions.filter(({ allowed }) => allowed)
  const incomplete =
    plainDenial(set, action) === null
      ? decisions.filter(({ allowed, missingContext }) => !allowed && missingContext.length > 0)
      : []
  const missing = [...new Set(incomplete.flatMap(({ missingContext }) => missingContext))]
  // Without a plain grant, context that is missing for one resource may be missing for all.
  const undecided = granted.length === 0 && missing.length > 0 ? decisions : incomplete
  const grantable = [...granted, ...undecided]
  if (grantable.length > 0) {
    return {
      action,
      allowed: true,
      resources: grantable.map(({ resource }) => resource),
      conditions: missing.length === 0 ? [] : [missingContextText(missing, granted, undecided)],
      deniedBy: null,
    }
  }
  const [first] = decisions
  return {
    action,
    allowed: false,
    resources: [],
    conditions: [],
    deniedBy: first!.cutOffBy ?? first!.matchedPolicies[0] ?? null,
  }
}

function possible(action: string, reason: string): Permission {
  return { action, allowed: true, resources: ['*'], conditions: [reason], deniedBy: null }
}

/** Names the resources too, if the other resources are granted without the missing context. */
function missingContextText(
  missing: readonly string[],
  granted: readonly SimulatedDecision[],
  undecided: readonly SimulatedDecision[],
): string {
  const named = undecided
    .slice(0, maxNamed)
    .map(({ resource }) => resource)
    .join(', ')
  const unnamed = undecided.length > maxNamed ? ` and ${undecided.length - maxNamed} more` : ''
  return `IAM can't decide without ${missing.join(', ')}${granted.length === 0 ? '' : `, on ${named}${unnamed}`}`
}

function isOfService(arn: string, action: string): boolean {
  return arn === '*' || arn.split(':')[2] === serviceOf(action)
}
