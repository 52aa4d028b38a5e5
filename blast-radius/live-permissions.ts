// Permissions of a role as IAM itself decides them, boundary and organization included. The role's documents are read first,
// since the simulator has to be told on which resources.
import type { IdentityService, RoleDocuments, SimulatedDecision } from '../aws/identity-service.ts'
import type { Permission } from './permissions.ts'
import { asDocument } from './policy-set.ts'
import type { PolicyDocument, PolicySet } from './policy-set.ts'
import { candidatePatterns } from './resource-patterns.ts'
import { deniesOutright, mentionsAllow } from './statements.ts'

/** What the simulator is asked in one call: its answers come in pages, and a page takes seconds. */
const actionsPerCall = 25
const resourcesPerCall = 25
const mostNamed = 3
const assumption = 'sts:AssumeRole'

export interface LiveOptions {
  /** ARNs to ask about besides those that the role's own policies name. */
  resources: readonly string[]
}

/** A role, what limits it, and what IAM says of it. */
export interface LiveRole {
  arn: string
  set: PolicySet
  decide: (actions: readonly string[]) => Promise<Permission[]>
  /** Which of these roles it has the right to assume, whatever their trusts say: by ARN. */
  decideAssumption: (roleArns: readonly string[]) => Promise<Map<string, Assumption>>
}

export interface Assumption {
  permission: Permission
  /** A statement denies it, and no missing context could change that: not even a trust that names the role helps. */
  ruledOut: boolean
}

/** @throws `denied`, `not-found`, `credentials`, `unreachable`. */
export async function readLiveRole(
  iam: IdentityService,
  roleArn: string,
  options: LiveOptions,
): Promise<LiveRole> {
  const role = await iam.readRole(roleArn)
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
        const decisions = await iam.simulateRole(role.arn, group, resources)
        for (const action of group)
          permissions.push(
            summarize(
              action,
              decisions.filter((each) => each.action.toLowerCase() === action.toLowerCase()),
              set,
            ),
          )
      }
      return permissions
    },
    decideAssumption: async (roleArns) => {
      const answers = new Map<string, Assumption>()
      for (let from = 0; from < roleArns.length; from += resourcesPerCall) {
        const group = roleArns.slice(from, from + resourcesPerCall)
        const decisions = await iam.simulateRole(role.arn, [assumption], group)
        for (const arn of group) {
          const own = decisions.filter(({ resource }) => resource === arn)
          const permission = summarize(assumption, own, set)
          answers.set(arn, {
            permission,
            ruledOut: !permission.allowed && own.some(({ deniedExpressly }) => deniedExpressly),
          })
        }
      }
      return answers
    },
  }
}

function asPolicySet(role: RoleDocuments): PolicySet {
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

/** An action without an answer counts as allowed: silence is no proof. */
function summarize(action: string, decisions: readonly SimulatedDecision[], set: PolicySet): Permission {
  const granted = decisions.filter(({ allowed }) => allowed)
  if (decisions.length === 0)
    return { action, allowed: true, resources: ['*'], conditions: ['IAM gave no answer'], deniedBy: null }
  const untellable = mayBeGranted(set, action)
    ? decisions.filter(({ allowed, missingContext }) => !allowed && missingContext.length > 0)
    : []
  const missing = [...new Set(untellable.flatMap(({ missingContext }) => missingContext))]
  // Where nothing is granted plainly, what is missing of one resource may be missing of all.
  const undecided = granted.length === 0 && missing.length > 0 ? decisions : untellable
  const possible = [...granted, ...undecided]
  if (possible.length > 0) {
    return {
      action,
      allowed: true,
      resources: possible.map(({ resource }) => resource),
      conditions: missing.length === 0 ? [] : [untold(missing, granted, undecided)],
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

/** In words; where some of the resources need none of it, with those that do. */
function untold(
  missing: readonly string[],
  granted: readonly SimulatedDecision[],
  undecided: readonly SimulatedDecision[],
): string {
  const named = undecided
    .slice(0, mostNamed)
    .map(({ resource }) => resource)
    .join(', ')
  const more = undecided.length > mostNamed ? ` and ${undecided.length - mostNamed} more` : ''
  return `IAM can't tell without ${missing.join(', ')}${granted.length === 0 ? '' : `, on ${named}${more}`}`
}

/** False only where no request could be allowed, whatever its context: nothing grants the action, or something denies it outright. */
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
