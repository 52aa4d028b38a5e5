// Calls the evaluator once, after a check that no key of the request is lost on the way. authorizer.ts
// gathers the input.

import { anonymousPrincipal } from '@cloud-copilot/iam-simulate'
import { HoldfastError } from '../../../core/errors.ts'
import type { AccessDecision, ConditionContext } from './access.ts'
import type { ActionPolicy, StatementName } from './compile-policy.ts'
import { describeDecision } from './decision.ts'
import { analyzeRequest } from './inner-evaluator.ts'
import type { Analysis, EvaluatorInput } from './inner-evaluator.ts'
import { aliasKey, describeKey, isFederatedKey } from './key-facts.ts'
import { encodeArn, encodeText, noValue } from './literal-text.ts'
import { findShape } from './service-reference.ts'

/** The policies that apply, each reduced to the action. SCPs and RCPs per level, outermost first. */
export interface ApplicablePolicies {
  identity: ActionPolicy[]
  boundary: ActionPolicy | null
  session: ActionPolicy | null
  resource: ActionPolicy | null
  scps: ActionPolicy[][]
  rcps: ActionPolicy[][]
}

export interface Question {
  /** Null for an unsigned request. */
  principalArn: string | null
  action: string
  resource: string
  resourceAccountId: string
  context: ConditionContext
  policies: ApplicablePolicies
  /** S3's `RestrictPublicBuckets`, where it is in force. */
  restrictsPublic: boolean
}

export async function evaluateQuestion(question: Question): Promise<AccessDecision> {
  const input = await toEvaluatorInput(question)
  let analysis = analyzeRequest(input)
  // The session policy is left out if the resource's policy grants directly, also to a wildcard principal of
  // the same account. The evaluator does so for boundaries only. AWS: "If a resource-based policy grants
  // permission directly to the session principal, an implicit deny in a session policy does not impact the
  // final decision".
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
  const grantsDirectly =
    analysis.resourceAnalysis?.allowStatements.some(({ principalMatch }) => principalMatch === 'Match') ===
    true
  const isLimited =
    analysis.result === 'ImplicitlyDenied' && analysis.sessionAnalysis?.result === 'ImplicitlyDenied'
  if (isLimited && analysis.sameAccount && grantsDirectly) {
    analysis = analyzeRequest({ ...input, session: undefined })
  }
  refuseUnknowable(question, analysis)
  return describeDecision(analysis, ({ policyId, statement }) =>
    nameOf(question.policies, policyId, statement.index() - 1),
  )
}

/** Rejects if the request carries a key that AWS doesn't have for the action, or a list for a key with one value. */
export async function toEvaluatorInput(question: Question): Promise<EvaluatorInput> {
  const { policies, action } = question
  const { resource, isWildcardOnly, takesKey } = await findShape(action, question.resource)
  const context: ConditionContext = {}
  for (const [key, value] of Object.entries(question.context)) {
    if (!isFederatedKey(key) && !takesKey(key)) {
      // The authorizer adds this key to all actions of S3, but a few actions don't have it.
      if (key === 's3:ResourceAccount') continue
      throw undecided(question, `AWS's service reference has no context key ${key} for this action`)
    }
    const { takesList } = await describeKey(key)
    if (Array.isArray(value) && !takesList)
      throw undecided(question, `the context key ${key} takes one value, not a list`)
    context[aliasKey(key)] = takesList ? [value].flat().map(encodeText) : encodeText(String(value))
  }
  addVariables(question, context)
  const load = (parts: ActionPolicy[]) => parts.map(({ policy }) => policy)
  return {
    principal: question.principalArn ?? anonymousPrincipal,
    action,
    resource: encodeArn(resource),
    resourceAccountId: question.resourceAccountId,
    context,
    isWildcardOnly,
    identity: load(policies.identity),
    boundary: policies.boundary?.policy,
    session: policies.session?.policy,
    resourcePolicy: policies.resource?.policy,
    scps: policies.scps.map(load),
    rcps: policies.rcps.map(load),
    restrictsPublic: question.restrictsPublic,
  }
}

function addVariables({ context, policies }: Question, encoded: ConditionContext): void {
  const parts = allParts(policies)
  if (parts.every(({ variables }) => variables.length === 0)) return
  const byKey = new Map(Object.entries(context).map(([key, value]) => [key.toLowerCase(), value]))
  for (const { key, lookup, inArn, hasDefault } of parts.flatMap(({ variables }) => variables)) {
    const value = byKey.get(key.toLowerCase())
    if (typeof value === 'string' && value !== '')
      encoded[lookup] = inArn ? encodeArn(value) : encodeText(value)
    else if (!hasDefault) encoded[lookup] = noValue
  }
}

// Throws if an unknown value decides: a statement matches the request, except for a condition on a key
// without a value.
function refuseUnknowable(question: Question, analysis: Analysis): void {
  const parts = allParts(question.policies)
  if (parts.every(({ unknowableKeys }) => unknowableKeys.every((keys) => keys.length === 0))) return
  const lists = [
    ...(analysis.scpAnalysis?.ouAnalysis ?? []),
    ...(analysis.rcpAnalysis?.ouAnalysis ?? []),
    analysis.resourceAnalysis,
    analysis.identityAnalysis,
    analysis.permissionBoundaryAnalysis,
    analysis.sessionAnalysis,
  ].filter((list) => list !== undefined)
  for (const list of lists) {
    const statements = [...list.allowStatements, ...list.denyStatements, ...list.unmatchedStatements]
    for (const { policyId, statement, actionMatch, resourceMatch, principalMatch } of statements) {
      if (!actionMatch || !resourceMatch || principalMatch === 'NoMatch') continue
      const index = statement.index() - 1
      const [key] = parts.find(({ id }) => id === policyId)?.unknowableKeys[index] ?? []
      if (key === undefined) continue
      const { policy, sid } = nameOf(question.policies, policyId, index)
      throw undecided(
        question,
        `statement ${sid} of ${policy} asks for ${key}, whose value the sandbox doesn't know`,
      )
    }
  }
}

function allParts({ identity, boundary, session, resource, scps, rcps }: ApplicablePolicies): ActionPolicy[] {
  return [...identity, boundary, session, resource, ...scps.flat(), ...rcps.flat()].filter(
    (part) => part !== null,
  )
}

function nameOf(policies: ApplicablePolicies, policyId: string, index: number): StatementName {
  const part = allParts(policies).find(({ id }) => id === policyId)
  return part?.names[index] ?? { policy: policyId, sid: String(index) }
}

function undecided({ action, resource }: Question, why: string): HoldfastError {
  return new HoldfastError(
    'internal',
    `no decision on ${action} for ${JSON.stringify(resource).slice(0, 200)}: ${why}`,
    {
      hint: 'a request is never allowed by omission: correct the context keys or the policy',
    },
  )
}
