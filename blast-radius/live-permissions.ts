// Permissions of a role as IAM's simulator decides them, boundary and organization included. We read the role's
// documents first, because the simulator needs the resources to decide on.
import type { IdentityService, PrincipalDocuments, SimulatedDecision } from '../aws/identity-service.ts'
import type { Permission } from './permissions.ts'
import { asDocument } from './policy-set.ts'
import type { PolicyDocument, PolicySet } from './policy-set.ts'
import { candidatePatterns } from './resource-patterns.ts'
import { deniesOutright, mentionsAllow } from './statements.ts'

/** The results of a call come in pages, and each page takes seconds. */
const actionsPerCall = 25
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
      const permissions: Permission[] = []
      for (const group of groupByService(actions)) {
        const resources = [
          ...new Set([
            ...candidatePatterns(set, group[0]!),
            ...options.resources.filter((arn) => isOfService(arn, group[0]!)),
          ]),
        ]
        const decisions = await iam.simulatePrincipal(role.arn, group, resources)
        for (const action of group)
          permissions.push(
            summarize(
              action,
              decisions.filter((decision) => decision.action.toLowerCase() === action.toLowerCase()),
              set,
            ),
          )
      }
      return permissions
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

/** An action without a decision counts as allowed, because a missing decision proves nothing. */
function summarize(action: string, decisions: readonly SimulatedDecision[], set: PolicySet): Permission {
  const granted = decisions.filter(({ allowed }) => allowed)
  if (decisions.length === 0)
    return { action, allowed: true, resources: ['*'], conditions: ['IAM made no decision'], deniedBy: null }
  const incomplete = mayBeGranted(set, action)
    ? decisions.filter(({ allowed, missingContext }) => !allowed && missingContext.length > 0)
    : []
  const missing = [...new Set(incomplete.flatMap(({ missingContext }) => missingContext))]
  // Without a plain grant, context that is missing for one resource may be missing for all.
  const undecided = granted.length === 0 && missing.length > 0 ? decisions : incomplete
  const possible = [...granted, ...undecided]
  if (possible.length > 0) {
    return {
      action,
      allowed: true,
      resources: possible.map(({ resource }) => resource),
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

/**
 * False only if no request could be allowed in any context: no statement grants the action, or one denies it
 * outright.
 */
function mayBeGranted({ identity, boundary }: PolicySet, action: string): boolean {
  const granting = identity.some(({ document }) => mentionsAllow(document, action))
  const documents = [...identity, ...(boundary === null ? [] : [boundary])].map(({ document }) => document)
  return (
    granting &&
    (boundary === null || mentionsAllow(boundary.document, action)) &&
    !documents.some((document) => deniesOutright(document, action))
  )
}

function isOfService(arn: string, action: string): boolean {
  return arn === '*' || arn.split(':')[2] === action.split(':')[0]
}

function groupByService(actions: readonly string[]): string[][] {
  const groups = new Map<string, string[]>()
  for (const action of actions) {
    const service = action.split(':')[0]!
    groups.set(service, [...(groups.get(service) ?? []), action])
  }
  return [...groups.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / actionsPerCall) }, (_, index) =>
      group.slice(index * actionsPerCall, (index + 1) * actionsPerCall),
    ),
  )
}
