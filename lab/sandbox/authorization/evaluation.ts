// Calls the evaluator once, after a check that no key of the request is lost on the way. authorizer.ts
// gathers the input.

import { anonymousPrincipal } from '@cloud-copilot/iam-simulate'
import { loadPolicy } from '@cloud-copilot/iam-policy'
import { HoldfastError } from '../../../core/errors.ts'
import type { AccessDecision, ConditionContext } from './access.ts'
import { describeDecision } from './decision.ts'
import { combine, makeRequest } from './inner-evaluator.ts'
import type { EvaluatorRequest, Matches, RequestInput } from './inner-evaluator.ts'
import { aliasKey, describeKey, isFederatedKey } from './key-facts.ts'
import { encodeArn, encodeText, noValue } from './literal-text.ts'
import { RequestFacts } from './request-facts.ts'
import { findCachedShape, findShape } from './service-reference.ts'
import type { RequestShape } from './service-reference.ts'
import { decisionKey, shareDecision } from './shared-decisions.ts'
import { StatementExaminer } from './statement-outcome.ts'
import type { CompiledStatement, EvaluatorPolicy, StatementOutcome } from './statement.ts'

type Statements = readonly CompiledStatement[]

/** The statements of the applicable policies that can match the action. SCPs and RCPs per level, outermost first. */
export interface ApplicablePolicies {
  identity: Statements
  boundary: Statements | null
  session: Statements | null
  resource: Statements | null
  scps: readonly Statements[]
  rcps: readonly Statements[]
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

/** A question whose context is checked. */
interface CheckedQuestion {
  question: Question
  shape: RequestShape
  context: ConditionContext
}

export async function evaluateQuestion(question: Question): Promise<AccessDecision> {
  const checked = await checkQuestion(question)
  const { resource, isWildcardOnly } = checked.shape
  const facts = new RequestFacts({
    principalArn: question.principalArn,
    resource,
    isWildcardOnly,
    context: checked.context,
  })
  const { policies } = question
  const examiner = new StatementExaminer(facts, policies.boundary !== null)
  const toRequest = async () => (examiner.request ??= makeRequest(await toInput(checked)))
  let matches = findMatches(policies, examiner)
  if (matches === null) {
    await toRequest()
    matches = findMatches(policies, examiner)!
  }
  refuseUnknowable(question, examiner.unknowable)
  const key = decisionKey(matches, {
    action: question.action,
    resource,
    principalArn: question.principalArn,
    resourceAccountId: question.resourceAccountId,
    isWildcardOnly,
    restrictsPublic: question.restrictsPublic,
  })
  return shareDecision(key, async () => decide(question, matches, await toRequest()))
}

/** Null if the examiner needs a request of the evaluator. */
function findMatches(policies: ApplicablePolicies, examiner: StatementExaminer): Matches | null {
  let isComplete = true
  const examine = (statements: Statements) => {
    const outcomes = isComplete ? examiner.examine(statements) : null
    isComplete = outcomes !== null
    return outcomes ?? []
  }
  const { identity, boundary, session, resource, scps, rcps } = policies
  const matches = {
    identity: examine(identity),
    boundary: boundary && examine(boundary),
    session: session && examine(session),
    resource: resource && examine(resource),
    scps: scps.map(examine),
    rcps: rcps.map(examine),
  }
  return isComplete ? matches : null
}

function decide(question: Question, matches: Matches, request: EvaluatorRequest): AccessDecision {
  const publicBlock = {
    restrictsPublic: question.restrictsPublic,
    resourcePolicy: question.restrictsPublic ? toPolicy(question.policies.resource) : undefined,
  }
  let analysis = combine(request, matches, publicBlock)
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
    analysis = combine(request, { ...matches, session: null }, publicBlock)
  }
  const outcomes = allOutcomes(matches)
  return describeDecision(
    analysis,
    (statement) => outcomes.find((outcome) => outcome.analysis === statement)!.statement.name,
  )
}

/** The statements as one policy: the evaluator judges by it whether a bucket is public. */
function toPolicy(statements: Statements | null): EvaluatorPolicy | undefined {
  if (statements === null) return undefined
  const Statement = statements.map(({ statement }) => statement)
  return loadPolicy({ Version: '2012-10-17', Statement }, { name: 'resource' })
}

/** The question as the evaluator takes it, checked as `authorize` checks it. */
export async function toEvaluatorInput(question: Question): Promise<RequestInput> {
  return toInput(await checkQuestion(question))
}

async function toInput({ question, shape, context }: CheckedQuestion): Promise<RequestInput> {
  const encoded: ConditionContext = {}
  for (const [key, value] of Object.entries(context)) {
    const { takesList } = await describeKey(key)
    encoded[aliasKey(key)] = takesList ? [value].flat().map(encodeText) : encodeText(String(value))
  }
  addVariables(question, encoded)
  return {
    principal: question.principalArn ?? anonymousPrincipal,
    action: question.action,
    resource: encodeArn(shape.resource),
    resourceAccountId: question.resourceAccountId,
    context: encoded,
    isWildcardOnly: shape.isWildcardOnly,
  }
}

async function checkQuestion(question: Question): Promise<CheckedQuestion> {
  const { action, resource } = question
  const shape = findCachedShape(action, resource) ?? (await findShape(action, resource))
  return { question, shape, context: await checkContext(question, shape) }
}

/**
 * The context of the request. Rejects for a key that AWS doesn't have for the action, and for a list where
 * AWS has one value.
 */
async function checkContext(question: Question, { takesKey }: RequestShape): Promise<ConditionContext> {
  let { context } = question
  for (const key in question.context) {
    if (!takesKey(key) && !isFederatedKey(key)) {
      if (key !== 's3:ResourceAccount')
        throw undecided(question, `AWS's service reference has no context key ${key} for this action`)
      // The authorizer adds this key to all actions of S3, but a few actions don't have it.
      const { [key]: _, ...others } = context
      context = others
    } else if (Array.isArray(context[key]) && !(await describeKey(key)).takesList)
      throw undecided(question, `the context key ${key} takes one value, not a list`)
  }
  return context
}

function addVariables({ context, policies }: Question, encoded: ConditionContext): void {
  const variables = allStatements(policies).flatMap((statement) => statement.variables)
  if (variables.length === 0) return
  const byKey = new Map(Object.entries(context).map(([key, value]) => [key.toLowerCase(), value]))
  for (const { key, lookup, inArn, hasDefault } of variables) {
    const value = byKey.get(key.toLowerCase())
    if (typeof value === 'string' && value !== '')
      encoded[lookup] = inArn ? encodeArn(value) : encodeText(value)
    else if (!hasDefault) encoded[lookup] = noValue
  }
}

// Throws if an unknown value decides: a statement matches the request, except for a condition on a key
// without a value.
function refuseUnknowable(question: Question, outcomes: readonly StatementOutcome[]): void {
  for (const { statement, analysis } of outcomes) {
    const [key] = statement.unknowableKeys
    if (key === undefined || !analysis.resourceMatch || analysis.principalMatch === 'NoMatch') continue
    const { policy, sid } = statement.name
    throw undecided(
      question,
      `statement ${sid} of ${policy} asks for ${key}, whose value the sandbox doesn't know`,
    )
  }
}

function allStatements({
  identity,
  boundary,
  session,
  resource,
  scps,
  rcps,
}: ApplicablePolicies): CompiledStatement[] {
  return [identity, boundary ?? [], session ?? [], resource ?? [], ...scps, ...rcps].flat()
}

function allOutcomes({ identity, boundary, session, resource, scps, rcps }: Matches): StatementOutcome[] {
  return [identity, boundary ?? [], session ?? [], resource ?? [], ...scps, ...rcps].flat()
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
