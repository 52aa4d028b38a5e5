// Finds the deciding statement of an evaluation, in the order in which AWS checks policies, and describes it
// in AWS's words.

import type { AccessDecision, AccessRequest } from './access.ts'
import type { Analysis } from './inner-evaluator.ts'
import type { StatementAnalysis, StatementName } from './statement.ts'

const policyTypes = {
  scp: 'service control policy',
  rcp: 'resource control policy',
  resource: 'resource-based policy',
  identity: 'identity-based policy',
  boundary: 'permissions boundary',
  session: 'session policy',
  block: 'block public access setting',
} as const

type DecidingType = keyof typeof policyTypes

interface DecidingPolicy {
  type: DecidingType
  statement: StatementAnalysis | null
}

export type NameStatement = (statement: StatementAnalysis) => StatementName

export function describeDecision(analysis: Analysis, nameOf: NameStatement): AccessDecision {
  const decide = (allowed: boolean, result: string, { type, statement }: DecidingPolicy): AccessDecision => ({
    allowed,
    result: `${result} in ${policyTypes[type]}`,
    statement: statement === null ? null : nameOf(statement),
  })
  if (analysis.result === 'Allowed') return decide(true, 'allowed', findAllow(analysis))
  if (analysis.result === 'ExplicitlyDenied') return decide(false, 'explicit-deny', findDeny(analysis))
  return decide(false, 'implicit-deny', { type: findGap(analysis), statement: null })
}

function findDeny(analysis: Analysis): DecidingPolicy {
  const candidates: [DecidingType, StatementAnalysis[]][] = [
    ['scp', analysis.scpAnalysis?.ouAnalysis.flatMap(({ denyStatements }) => denyStatements) ?? []],
    ['rcp', analysis.rcpAnalysis?.ouAnalysis.flatMap(({ denyStatements }) => denyStatements) ?? []],
    ['resource', analysis.resourceAnalysis?.denyStatements ?? []],
    ['identity', analysis.identityAnalysis?.denyStatements ?? []],
    ['boundary', analysis.permissionBoundaryAnalysis?.denyStatements ?? []],
    ['session', analysis.sessionAnalysis?.denyStatements ?? []],
  ]
  for (const [type, [statement]] of candidates) if (statement !== undefined) return { type, statement }
  return { type: 'block', statement: null }
}

function findAllow(analysis: Analysis): DecidingPolicy {
  const direct = analysis.resourceAnalysis?.allowStatements.find(
    ({ principalMatch }) => principalMatch !== 'AccountLevelMatch',
  )
  if (direct !== undefined) return { type: 'resource', statement: direct }
  const [identity] = analysis.identityAnalysis?.allowStatements ?? []
  return { type: 'identity', statement: identity ?? null }
}

// The kind of policy that lacked the allow. Limits come before grants, as in AWS's access denied messages.
function findGap(analysis: Analysis): DecidingType {
  if (analysis.scpAnalysis?.result === 'ImplicitlyDenied') return 'scp'
  if (analysis.rcpAnalysis?.result === 'ImplicitlyDenied') return 'rcp'
  const resource = analysis.resourceAnalysis?.result
  const resourceGrants = resource === 'Allowed' || resource === 'AllowedForAccount'
  if (!analysis.sameAccount && !resourceGrants) return 'resource'
  if (analysis.identityAnalysis?.result !== 'Allowed' && resource !== 'Allowed') return 'identity'
  if (analysis.permissionBoundaryAnalysis?.result === 'ImplicitlyDenied') return 'boundary'
  if (analysis.sessionAnalysis?.result === 'ImplicitlyDenied') return 'session'
  return analysis.identityAnalysis?.result === 'Allowed' ? 'resource' : 'identity'
}

/**
 * The message of an access denied error. It names the kind of policy that decided, but never the statement,
 * which only the log may name.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
export function denialMessage(
  request: Pick<AccessRequest, 'principal' | 'action' | 'resource'>,
  decision: AccessDecision,
): string {
  const [how = '', type = ''] = decision.result.split(' in ')
  const article = /^[aei]/.test(type) ? 'an' : 'a'
  const reason =
    how === 'explicit-deny'
      ? `with an explicit deny in ${article} ${type}`
      : `because no ${type} allows the ${request.action} action`
  return `User: ${request.principal.arn} is not authorized to perform: ${request.action} on resource: ${request.resource} ${reason}`
}
