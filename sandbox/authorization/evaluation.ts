// One call of the evaluator, and the proof that it dropped nothing: see authorizer.ts for what goes into it.

import './linear-match.ts'
import { anonymousPrincipal, runSimulation } from '@cloud-copilot/iam-simulate'
import type { RequestAnalysis, Simulation } from '@cloud-copilot/iam-simulate'
import { HoldfastError } from '../../core/errors.ts'
import type { ActionPolicy, StatementName } from './compile-policy.ts'
import { aliasKey, describeKey, isFederatedKey } from './condition-keys.ts'
import { describeDecision } from './decision.ts'
import type { DecidingType } from './decision.ts'
import { encodeArn, encodeText, noValue } from './literal-text.ts'
import type { AccessDecision } from '../access.ts'
import type { Context } from './principal-context.ts'
import { findShape } from './service-reference.ts'

export type Analysis = RequestAnalysis
export type StatementAnalysis = NonNullable<RequestAnalysis['identityAnalysis']>['allowStatements'][number]

/** What decides, each reduced to the action. SCPs and RCPs per level, outermost first. */
export interface PoliciesInPlay {
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
  context: Context
  policies: PoliciesInPlay
  /** S3's `RestrictPublicBuckets`, where it is in force. */
  restrictsPublic: boolean
}

export async function evaluateQuestion(question: Question): Promise<AccessDecision> {
  const simulation = await toSimulation(question)
  let analysis = await simulate(question, simulation)
  // "If a resource-based policy grants permission directly to the session principal, an implicit deny in a session policy
  // does not impact the final decision": within an account, and also for a wildcard principal. The evaluator knows this
  // of boundaries only. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
  const grantsDirectly = analysis.resourceAnalysis?.allowStatements.some(({ principalMatch }) => principalMatch === 'Match') === true
  if (analysis.result === 'ImplicitlyDenied' && analysis.sameAccount && grantsDirectly && analysis.sessionAnalysis?.result === 'ImplicitlyDenied') {
    analysis = await simulate(question, { ...simulation, sessionPolicy: undefined })
  }
  refuseUnknowable(question, analysis)
  return describeDecision(analysis, (type, { policyId, statement }) => nameOf(question.policies, type, policyId, statement.index() - 1))
}

async function simulate(question: Question, simulation: Simulation): Promise<Analysis> {
  const reply = await runSimulation(simulation, {})
  if (reply.resultType !== 'single') {
    throw undecided(question, `the evaluator refused the request: ${reply.resultType === 'error' ? JSON.stringify(reply.errors) : 'it took the resource for a pattern'}`)
  }
  const ignored = reply.result.ignoredContextKeys ?? []
  if (ignored.length > 0) throw undecided(question, `the evaluator dropped context keys: ${ignored.join(', ')}`)
  return reply.result.analysis
}

async function toSimulation(question: Question): Promise<Simulation> {
  const { policies, action } = question
  const { resource, takesKey } = await findShape(action, question.resource)
  const contextVariables: Record<string, string | string[]> = {}
  for (const [key, value] of Object.entries(question.context)) {
    if (!isFederatedKey(key) && !takesKey(key)) throw undecided(question, `AWS's service reference has no context key ${key} for this action`)
    const { takesList } = await describeKey(key)
    if (Array.isArray(value) && !takesList) throw undecided(question, `the context key ${key} takes one value, not a list`)
    contextVariables[aliasKey(key)] = Array.isArray(value) ? value.map(encodeText) : encodeText(value)
  }
  addVariables(question, contextVariables)
  const levels = (parts: ActionPolicy[][]) => parts.map((level, index) => ({
    orgIdentifier: String(index),
    policies: level.map((part, position) => ({ name: `${index}.${position}`, policy: part.policy })),
  }))
  return {
    request: {
      principal: question.principalArn ?? anonymousPrincipal,
      action,
      resource: { resource: encodeArn(resource), accountId: question.resourceAccountId },
      contextVariables,
    },
    identityPolicies: policies.identity.map((part, index) => ({ name: String(index), policy: part.policy })),
    ...(policies.boundary !== null && { permissionBoundaryPolicies: [{ name: '0', policy: policies.boundary.policy }] }),
    ...(policies.session !== null && { sessionPolicy: policies.session.policy }),
    ...(policies.resource !== null && { resourcePolicy: policies.resource.policy }),
    serviceControlPolicies: levels(policies.scps),
    resourceControlPolicies: levels(policies.rcps),
    additionalSettings: { s3: { blockPublicAccess: question.restrictsPublic } },
  }
}

function addVariables({ context, policies }: Question, contextVariables: Record<string, string | string[]>): void {
  const parts = allParts(policies)
  if (parts.every(({ variables }) => variables.length === 0)) return
  const byKey = new Map(Object.entries(context).map(([key, value]) => [key.toLowerCase(), value]))
  for (const { key, lookup, inArn, hasDefault } of parts.flatMap(({ variables }) => variables)) {
    const value = byKey.get(key.toLowerCase())
    if (typeof value === 'string' && value !== '') contextVariables[lookup] = inArn ? encodeArn(value) : encodeText(value)
    else if (!hasDefault) contextVariables[lookup] = noValue
  }
}

// A statement that would concern the request, but for a condition whose key the sandbox can't know, has no answer.
function refuseUnknowable(question: Question, analysis: Analysis): void {
  if (allParts(question.policies).every(({ unknowableKeys }) => unknowableKeys.every((keys) => keys.length === 0))) return
  const statements = (part: { allowStatements: StatementAnalysis[]; denyStatements: StatementAnalysis[]; unmatchedStatements: StatementAnalysis[] } | undefined) =>
    part === undefined ? [] : [...part.allowStatements, ...part.denyStatements, ...part.unmatchedStatements]
  const all: [DecidingType, StatementAnalysis[]][] = [
    ['scp', analysis.scpAnalysis?.ouAnalysis.flatMap(statements) ?? []],
    ['rcp', analysis.rcpAnalysis?.ouAnalysis.flatMap(statements) ?? []],
    ['resource', statements(analysis.resourceAnalysis)],
    ['identity', statements(analysis.identityAnalysis)],
    ['boundary', statements(analysis.permissionBoundaryAnalysis)],
    ['session', statements(analysis.sessionAnalysis)],
  ]
  for (const [type, list] of all) {
    for (const { policyId, statement, actionMatch, resourceMatch, principalMatch } of list) {
      if (!actionMatch || !resourceMatch || principalMatch === 'NoMatch') continue
      const part = partOf(question.policies, type, policyId)
      const [key] = part?.unknowableKeys[statement.index() - 1] ?? []
      if (key === undefined) continue
      const { policy, sid } = nameOf(question.policies, type, policyId, statement.index() - 1)
      throw undecided(question, `statement ${sid} of ${policy} asks for ${key}, whose value the sandbox doesn't know`)
    }
  }
}

function allParts({ identity, boundary, session, resource, scps, rcps }: PoliciesInPlay): ActionPolicy[] {
  return [...identity, boundary, session, resource, ...scps.flat(), ...rcps.flat()].filter((part) => part !== null)
}

function partOf(policies: PoliciesInPlay, type: DecidingType, policyId: string): ActionPolicy | null {
  const [level = 0, position = 0] = (policyId ?? '').split('.').map(Number)
  switch (type) {
    case 'scp': return policies.scps[level]?.[position] ?? null
    // The evaluator adds RCPFullAWSAccess to each level, under a name that is no pair of numbers.
    case 'rcp': return policies.rcps[level]?.[position] ?? null
    case 'identity': return policies.identity[level] ?? null
    case 'boundary': return policies.boundary
    case 'session': return policies.session
    case 'resource': return policies.resource
    case 'block': return null
  }
}

function nameOf(policies: PoliciesInPlay, type: DecidingType, policyId: string, index: number): StatementName {
  const part = partOf(policies, type, policyId)
  return part?.names[index] ?? { policy: part?.name ?? policyId, sid: String(index) }
}

function undecided({ action, resource }: Question, why: string): HoldfastError {
  return new HoldfastError('internal', `no decision on ${action} for ${JSON.stringify(resource).slice(0, 200)}: ${why}`, {
    hint: 'a request is never allowed by omission: correct the context keys or the policy',
  })
}
