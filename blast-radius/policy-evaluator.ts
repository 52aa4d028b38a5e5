// Decides on policy documents without AWS. The evaluator is an optional peer under AGPL-3.0. Only this file imports
// it, on demand, and the published package contains none of it (docs/adr/0007-evaluator-as-optional-peer.md).
import type * as evaluator from '@cloud-copilot/iam-simulate'
import { HoldfastError } from '../core/errors.ts'
import type { Permission, PermissionSource } from './permissions.ts'
import { denied, mayReachAll, plainDecision, statementsKey } from './plain-decision.ts'
import type { NamedDocument, PolicyDocument, PolicySet } from './policy-set.ts'
import { candidatePatterns, pinResources } from './resource-patterns.ts'
import { exampleOf, loadResourceTypes, overlaps } from './resource-types.ts'
import { deniesAllElse, hasAllow, narrows, serviceOf } from './statements.ts'

type Evaluator = typeof evaluator
type Simulation = Parameters<Evaluator['runSimulation']>[0]
type Result = Exclude<Awaited<ReturnType<Evaluator['runSimulation']>>, { resultType: 'error' }>
type Analysis = Extract<Result, { resultType: 'single' }>['result']['analysis']
type Expression = NonNullable<Analysis['conditions']>

/** Stands in for the account and the role, if the documents belong to no role. */
const placeholderArn = 'arn:aws:iam::000000000000:role/nobody'
const evaluatorPackage = '@cloud-copilot/iam-simulate'

/** @throws `invalid-input` if the evaluator isn't installed, or if AWS would refuse a document. */
export async function evaluatePolicies(set: PolicySet): Promise<PermissionSource> {
  const { runSimulation } = await loadEvaluator()
  const findTypes = await loadResourceTypes(evaluatorPackage)
  const caveats = [
    'policies of resources (bucket, key) may grant more, or deny',
    ...(set.scps.length === 0 ? ['no service control policy was given: the organization may deny more'] : []),
    ...(set.principalArn === null ? ['conditions on the caller are shown, not decided'] : []),
  ]
  return {
    basis: 'policy documents',
    subject: set.principalArn ?? set.identity.map(({ name }) => name).join(', '),
    caveats,
    decide: async (actions) => {
      await refuseMalformed(runSimulation, set)
      // Actions that share their statements and the types of their resources share one decision.
      const decisions = new Map<string, Permission>()
      const permissions: Permission[] = []
      for (const action of actions) {
        let permission = plainDecision(set, action)
        if (permission === null) {
          const types = await findTypes(action)
          const key = [serviceOf(action), statementsKey(set, action), ...types].join('\n')
          permission = decisions.get(key) ?? (await decide(runSimulation, set, action, types))
          decisions.set(key, permission)
        }
        permissions.push({ ...permission, action })
      }
      return permissions
    },
  }
}

export async function loadEvaluator(
  load = () => import('@cloud-copilot/iam-simulate'),
): Promise<Pick<Evaluator, 'runSimulation'>> {
  try {
    return await load()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new HoldfastError(
      'invalid-input',
      `${evaluatorPackage} is not installed: it decides on policy documents`,
      {
        hint: `run \`npm install ${evaluatorPackage}\` beside holdfast (its licence is AGPL-3.0), or pass --live to ask IAM's own simulator`,
      },
    )
  }
}

/**
 * The conditions, in words, under which the identity can assume the role; null if it can't. We assume that the caller
 * can choose any external id, session name and tags, and has a second factor.
 * @param trust the role's trust policy
 */
export async function mayAssume(
  set: PolicySet,
  roleArn: string,
  trust: PolicyDocument,
): Promise<string[] | null> {
  const { runSimulation } = await loadEvaluator()
  const { request, ...policies } = simulate(set, 'sts:AssumeRole', roleArn)
  const outcome = await runSimulation({ request, ...policies, resourcePolicy: trust }, discovery(set))
  if (outcome.resultType === 'error') throw refused(outcome.errors, 'sts:AssumeRole')
  const [result] = outcome.resultType === 'single' ? [outcome.result] : outcome.results
  return result?.analysis.result === 'Allowed' ? conditionTexts(result.analysis.conditions) : null
}

/** Only the caller is known, and only if the set has an ARN; the rest of the request may have any value. */
function discovery(set: PolicySet): Parameters<Evaluator['runSimulation']>[1] {
  return {
    simulationMode: 'Discovery',
    discoveryContextKeyConstraints: Object.keys(knownContext(set)).map((keyName) => ({
      keyName,
      presenceIsKnown: true,
      valueIsKnown: true,
    })),
  }
}

/**
 * @throws `invalid-input` if AWS would refuse a document. Any action does, because the evaluator checks every document.
 */
async function refuseMalformed(runSimulation: Evaluator['runSimulation'], set: PolicySet): Promise<void> {
  const action = 'ec2:DescribeVolumes'
  const outcome = await runSimulation(simulate(set, action, '*'), discovery(set))
  if (outcome.resultType === 'error') throw refused(outcome.errors, action)
}

interface Grant {
  resource: string
  conditions: string[]
}

interface PatternDecision {
  grants: Grant[]
  /** The statement that denies it; null if none does. */
  deniedBy: string | null
}

async function decide(
  runSimulation: Evaluator['runSimulation'],
  set: PolicySet,
  action: string,
  types: readonly string[],
): Promise<Permission> {
  const grants: Grant[] = []
  let deniedBy: string | null = null
  const patterns = candidatePatterns(set, action, types)
  for (const pattern of patterns) {
    // Skip, because narrower patterns cover all that is allowed, and `*` is the most expensive question.
    if (pattern === '*' && types.length > 0 && !mayReachAll(set, action)) continue
    let decision = await decideOn(runSimulation, set, action, pattern)
    // A denial without a statement may come from the evaluator's matching of patterns, so we try resources.
    if (decision === null || (decision.grants.length === 0 && decision.deniedBy === null))
      decision = await decideOnExamples(runSimulation, set, action, { pattern, types })
    grants.push(...decision.grants)
    deniedBy ??= decision.deniedBy
  }
  if (grants.length === 0) return denied(action, deniedBy)
  // Report the patterns that need no condition, if there are any: the others add nothing.
  const free = grants.filter(({ conditions }) => conditions.length === 0)
  const reported = free.length > 0 ? free : grants
  return {
    action,
    allowed: true,
    resources: withoutEverything([...new Set(reported.map(({ resource }) => resource))], set, action),
    conditions: [...new Set(reported.flatMap(({ conditions }) => conditions))],
    deniedBy: null,
  }
}

/** Null if the evaluator can't decide on the whole pattern: it fits no resource type as a whole, or an error occurs. */
async function decideOn(
  runSimulation: Evaluator['runSimulation'],
  set: PolicySet,
  action: string,
  pattern: string,
): Promise<PatternDecision | null> {
  const outcome = await runSimulation(simulate(set, action, pattern), discovery(set)).catch(() => null)
  if (outcome === null) return null
  if (outcome.resultType === 'error') {
    if (outcome.errors.message === 'policy.errors') throw refused(outcome.errors, action)
    return null
  }
  const results =
    outcome.resultType === 'single' ? [{ ...outcome.result, resourcePattern: pattern }] : outcome.results
  if (results.length === 0) return null
  const decision: PatternDecision = { grants: [], deniedBy: null }
  for (const { analysis, resourcePattern, ignoredContextKeys = [] } of results) {
    if (ignoredContextKeys.length > 0) return null
    // The evaluator reports the overlap of two patterns, which is never more than the narrower one.
    const resource = pattern === '*' || resourcePattern !== '*' ? resourcePattern : pattern
    if (analysis.result === 'Allowed')
      decision.grants.push({ resource, conditions: conditionTexts(analysis.conditions) })
    else decision.deniedBy ??= denierOf(analysis)
  }
  return decision
}

/** Decides on one resource of each type that the pattern can match. What stays undecided counts as possible. */
async function decideOnExamples(
  runSimulation: Evaluator['runSimulation'],
  set: PolicySet,
  action: string,
  { pattern, types }: { pattern: string; types: readonly string[] },
): Promise<PatternDecision> {
  const decision: PatternDecision = { grants: [], deniedBy: null }
  for (const type of types.filter((candidate) => overlaps(pattern, candidate))) {
    const example = exampleOf(pattern, type)
    const result =
      example === null ? null : await decideOn(runSimulation, pinResources(set, example), action, example)
    const resource = pattern === '*' ? type : pattern
    if (result === null) {
      const conditions = [`the evaluator can't decide on ${type}: counted as possible`]
      decision.grants.push({ resource, conditions })
      continue
    }
    decision.grants.push(...result.grants.map(({ conditions }) => ({ resource, conditions })))
    decision.deniedBy ??= result.deniedBy
  }
  return decision
}

/** If a document narrows the action, `*` only stands for the narrower patterns beside it, so we drop it. */
function withoutEverything(
  resources: string[],
  { identity, boundary, session, scps }: PolicySet,
  action: string,
): string[] {
  const limits = [boundary, session].flatMap((named) => (named === null ? [] : [named.document]))
  const documents = [...identity, ...scps].map(({ document }) => document).concat(limits)
  const isNarrowed =
    limits.some((document) => narrows(document, action)) ||
    documents.some((document) => deniesAllElse(document, action))
  const narrower = resources.filter((resource) => resource !== '*')
  return isNarrowed && narrower.length > 0 ? narrower : resources
}

function simulate(set: PolicySet, action: string, resource: string): Simulation {
  const principal = set.principalArn ?? placeholderArn
  const named = ({ name, document }: NamedDocument): { name: string; policy: unknown } => ({
    name,
    policy: document,
  })
  return {
    request: {
      principal,
      action,
      resource: { resource, accountId: principal.split(':')[4]! },
      contextVariables: knownContext(set),
    },
    identityPolicies: set.identity.map(named),
    ...(set.boundary === null ? {} : { permissionBoundaryPolicies: [named(set.boundary)] }),
    sessionPolicy: set.session?.document,
    ...(trustingServices.has(serviceOf(action)) && {
      resourcePolicy: trustOf(principal.split(':')[4]!),
    }),
    // Each policy must allow the action at its own level, together with the policy that Organizations attaches by
    // default.
    serviceControlPolicies: set.scps.map((scp, index) => ({
      orgIdentifier: String(index),
      policies: [...fullAccessBeside(scp), named(scp)],
    })),
    resourceControlPolicies: [],
  }
}

/**
 * Services whose resources trust the IAM policies of an account only if their own policy says so, as it does by
 * default.
 */
const trustingServices = new Set(['kms', 'sts'])

/**
 * The default key policy, because the resource's own policy is unknown, and another one may only grant less.
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
 */
function trustOf(accountId: string): PolicyDocument {
  const Principal = { AWS: `arn:aws:iam::${accountId}:root` }
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal, Action: '*', Resource: '*' }] }
}

function fullAccessBeside({ document }: NamedDocument): { name: string; policy: unknown }[] {
  return hasAllow(document)
    ? []
    : [
        {
          name: 'FullAWSAccess',
          policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
        },
      ]
}

function knownContext({ principalArn, tags }: PolicySet): Record<string, string> {
  if (principalArn === null) return {}
  const tagged = Object.entries(tags).map(([key, value]) => [`aws:PrincipalTag/${key}`, value] as const)
  return {
    'aws:PrincipalArn': principalArn,
    'aws:PrincipalAccount': principalArn.split(':')[4]!,
    ...Object.fromEntries(tagged),
  }
}

function refused(errors: { message: string } & object, action: string): HoldfastError {
  if (errors.message !== 'policy.errors') {
    return new HoldfastError('internal', `the evaluator can't decide on ${action}: ${errors.message}`, {
      hint: "use IAM's own simulator: pass --live",
    })
  }
  const names = Object.values(errors).flatMap((value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value as object) : [],
  )
  return new HoldfastError(
    'invalid-input',
    `AWS would refuse ${names.length === 0 ? 'a policy document' : names.join(', ')}`,
    {
      hint: "correct the document: IAM's policy validator (`aws accessanalyzer validate-policy`) lists its errors",
    },
  )
}

function denierOf(analysis: Analysis): string | null {
  const lists = [
    ...(analysis.scpAnalysis?.ouAnalysis ?? []),
    analysis.identityAnalysis,
    analysis.permissionBoundaryAnalysis,
    analysis.sessionAnalysis,
  ]
  for (const list of lists) {
    const [deny] = list?.denyStatements ?? []
    if (deny !== undefined)
      return `${deny.policyId} ${deny.statement.sid() ?? `statement ${deny.statement.index()}`}`
  }
  return null
}

function conditionTexts(expression: Expression | undefined): string[] {
  if (expression === undefined || expression.conditionType === 'always') return []
  if (expression.conditionType === 'group' && expression.operator === 'and')
    return expression.conditions.flatMap(conditionTexts)
  return [expressionText(expression)]
}

function expressionText(expression: Expression): string {
  switch (expression.conditionType) {
    case 'always':
      return 'always'
    case 'never':
      return 'never'
    case 'sessionName':
      return `session name ${expression.sessionName.join(' or ')}`
    case 'condition':
      return `${expression.op} ${expression.key} ${expression.values.join(' or ')}`
    case 'group':
      return expression.conditions
        .map((condition) =>
          condition.conditionType === 'group' ? `(${expressionText(condition)})` : expressionText(condition),
        )
        .join(` ${expression.operator} `)
  }
}
