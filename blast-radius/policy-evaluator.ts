// Decides on policy documents without AWS. The evaluator is an optional peer under AGPL-3.0. Only this file imports
// it, on demand, and the published package contains none of it (docs/adr/0007-evaluator-as-optional-peer.md).
import type * as evaluator from '@cloud-copilot/iam-simulate'
import { HoldfastError } from '../core/errors.ts'
import type { Permission, PermissionSource } from './permissions.ts'
import type { NamedDocument, PolicyDocument, PolicySet } from './policy-set.ts'
import { candidatePatterns } from './resource-patterns.ts'
import { deniesAllElse, narrows } from './statements.ts'

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
      const permissions: Permission[] = []
      for (const action of actions) permissions.push(await decide(runSimulation, set, action))
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

async function decide(
  runSimulation: Evaluator['runSimulation'],
  set: PolicySet,
  action: string,
): Promise<Permission> {
  const grants: { resource: string; conditions: string[] }[] = []
  let deniedBy: string | null = null
  for (const pattern of candidatePatterns(set, action)) {
    const outcome = await runSimulation(simulate(set, action, pattern), discovery(set))
    if (outcome.resultType === 'error') {
      if (fitsNotAction(outcome.errors.message)) continue
      throw refused(outcome.errors, action)
    }
    const results =
      outcome.resultType === 'single' ? [{ ...outcome.result, resourcePattern: pattern }] : outcome.results
    for (const { analysis, resourcePattern, ignoredContextKeys = [] } of results) {
      if (ignoredContextKeys.length > 0)
        throw new HoldfastError(
          'internal',
          `the evaluator ignored ${ignoredContextKeys.join(', ')} for ${action}`,
        )
      // The evaluator reports the overlap of two patterns, which is never more than the narrower one.
      const resource = pattern === '*' || resourcePattern !== '*' ? resourcePattern : pattern
      if (analysis.result === 'Allowed')
        grants.push({ resource, conditions: conditionTexts(analysis.conditions) })
      else deniedBy ??= denierOf(analysis)
    }
  }
  // Report the patterns that need no condition, if there are any: the others add nothing.
  const free = grants.filter(({ conditions }) => conditions.length === 0)
  const telling = free.length > 0 ? free : grants
  return {
    action,
    allowed: grants.length > 0,
    resources: withoutEverything([...new Set(telling.map(({ resource }) => resource))], set, action),
    conditions: [...new Set(telling.flatMap(({ conditions }) => conditions))],
    deniedBy: grants.length > 0 ? null : deniedBy,
  }
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
    // Each policy must allow the action at its own level, together with the policy that Organizations attaches by
    // default.
    serviceControlPolicies: set.scps.map((scp, index) => ({
      orgIdentifier: String(index),
      policies: [...fullAccessBeside(scp), named(scp)],
    })),
    resourceControlPolicies: [],
  }
}

function fullAccessBeside({ document }: NamedDocument): { name: string; policy: unknown }[] {
  const allows = [document['Statement']]
    .flat()
    .some((statement) => (statement as { Effect?: unknown } | null)?.Effect === 'Allow')
  return allows
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

/** The action does not apply to this kind of resource: an object's ARN for an action on buckets. */
function fitsNotAction(message: string): boolean {
  return message === 'no.resource.types' || message === 'must.use.wildcard'
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
