// Calls the evaluator's core without the validation around it, which costs 25 times as much as the decision
// and drops unknown context keys. Nothing goes unvalidated: policies are validated when they are compiled,
// and keys in evaluation.ts. The package doesn't export the core, so its path is derived from the package's
// entry.
//
// The core matches one statement at a time, and combines the results of a request by AWS's rules. The lists in
// between are made here, because statements' results are remembered. A test compares with the public entry point on
// every case, and on random policies and requests.

import './linear-match.ts'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { RequestAnalysis, SimulationRequestPrincipal } from '@cloud-copilot/iam-simulate'
import type { PolicyKind } from './check-policy.ts'
import type { EvaluatorPolicy, StatementAnalysis, StatementOutcome } from './statement.ts'

export type Analysis = RequestAnalysis
type ControlAnalysis = NonNullable<RequestAnalysis['scpAnalysis']>

export interface RequestInput {
  principal: SimulationRequestPrincipal
  action: string
  resource: string
  resourceAccountId: string
  /** A list only for a key that takes lists. */
  context: Record<string, string | string[]>
  /** True for an action without a resource of its own. */
  isWildcardOnly: boolean
}

/** A request as the core reads it. */
export interface EvaluatorRequest {
  readonly principal: unknown
}

/** The matching statements of every policy. SCPs and RCPs per level. */
export interface Matches {
  identity: readonly StatementOutcome[]
  boundary: readonly StatementOutcome[] | null
  session: readonly StatementOutcome[] | null
  resource: readonly StatementOutcome[] | null
  scps: readonly (readonly StatementOutcome[])[]
  rcps: readonly (readonly StatementOutcome[])[]
}

type Constructor<A extends unknown[]> = new (...parameters: A) => object

const require = createRequire(import.meta.url)
const folder = dirname(require.resolve('@cloud-copilot/iam-simulate'))
const load = <T>(path: string): T => require(join(folder, path)) as T

interface ServiceAuthorizer {
  authorize(request: object): RequestAnalysis
}

interface StatementLists {
  allowStatements: StatementAnalysis[]
  denyStatements: StatementAnalysis[]
  unmatchedStatements: StatementAnalysis[]
}

interface Core {
  getServiceAuthorizer(request: object): ServiceAuthorizer
  analyzeIdentityPolicies(...parameters: [EvaluatorPolicy[], object, object, string]): StatementLists
  analyzeResourcePolicy(...parameters: [EvaluatorPolicy, object, boolean, object]): StatementLists
}

const core = load<Core>('core_engine/CoreSimulatorEngine.js')
const { AwsRequestImpl } = load<{
  AwsRequestImpl: new (
    ...parameters: [SimulationRequestPrincipal, object, string, object, boolean]
  ) => EvaluatorRequest
}>('request/request.js')
const { RequestContextImpl } = load<{ RequestContextImpl: Constructor<[Record<string, string | string[]>]> }>(
  'requestContext.js',
)
const { DiscoveryContextKeyConstraints } = load<{
  DiscoveryContextKeyConstraints: Constructor<[unknown[]]>
}>('context_keys/discoveryContextKeyConstraints.js')

const simulationParameters = {
  simulationMode: 'Strict',
  discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]),
}

const conditionRules = load<{ always(): object }>('analysis/allowedConditions.js')

const evaluatorTypes: Record<PolicyKind, string> = {
  identity: 'identity',
  boundary: 'pb',
  session: 'session',
  scp: 'scp',
  rcp: 'rcp',
  resource: 'resource',
  trust: 'resource',
}

export function makeRequest(input: RequestInput): EvaluatorRequest {
  return new AwsRequestImpl(
    input.principal,
    { resource: input.resource, accountId: input.resourceAccountId },
    input.action,
    new RequestContextImpl(input.context),
    input.isWildcardOnly,
  )
}

/** @param policy has one statement */
export function analyzeStatement(
  kind: PolicyKind,
  policy: EvaluatorPolicy,
  request: EvaluatorRequest,
  isBounded: boolean,
): { analysis: StatementAnalysis; effect: StatementOutcome['effect'] } {
  const type = evaluatorTypes[kind]
  const { allowStatements, denyStatements, unmatchedStatements } =
    type === 'resource'
      ? core.analyzeResourcePolicy(policy, request, isBounded, simulationParameters)
      : core.analyzeIdentityPolicies([policy], request, simulationParameters, type)
  const effect = allowStatements.length > 0 ? 'allow' : denyStatements.length > 0 ? 'deny' : 'none'
  return { analysis: [...allowStatements, ...denyStatements, ...unmatchedStatements][0]!, effect }
}

/** The core's decision on statements that match. */
export function combine(
  request: EvaluatorRequest,
  matches: Matches,
  publicBlock: { restrictsPublic: boolean; resourcePolicy: EvaluatorPolicy | undefined },
): RequestAnalysis {
  const analyses = {
    sessionAnalysis: matches.session === null ? undefined : identityAnalysis(matches.session),
    identityAnalysis: identityAnalysis(matches.identity),
    permissionBoundaryAnalysis: matches.boundary === null ? undefined : identityAnalysis(matches.boundary),
    scpAnalysis: controlAnalysis(matches.scps.map(identityAnalysis)),
    // Organizations attaches RCPFullAWSAccess to every level, and no account can detach it.
    rcpAnalysis: controlAnalysis(
      matches.rcps.map(identityAnalysis).map((level) => ({
        ...level,
        result: level.result === 'ExplicitlyDenied' ? level.result : 'Allowed',
      })),
    ),
    resourceAnalysis: resourceAnalysis(matches.resource),
    endpointAnalysis: undefined,
  }
  return core.getServiceAuthorizer({ request }).authorize({
    ...analyses,
    request,
    resourcePolicy: publicBlock.resourcePolicy,
    simulationParameters,
    serviceSettings: { s3: { blockPublicAccess: publicBlock.restrictsPublic } },
  })
}

function listStatements(outcomes: readonly StatementOutcome[]): StatementLists {
  const ofEffect = (effect: StatementOutcome['effect']) =>
    outcomes.filter((outcome) => outcome.effect === effect).map(({ analysis }) => analysis)
  return {
    allowStatements: ofEffect('allow'),
    denyStatements: ofEffect('deny'),
    unmatchedStatements: ofEffect('none'),
  }
}

type IdentityAnalysis = NonNullable<RequestAnalysis['identityAnalysis']>

function identityAnalysis(outcomes: readonly StatementOutcome[]): IdentityAnalysis {
  const lists = listStatements(outcomes)
  const isDenied = lists.denyStatements.length > 0
  const isAllowed = lists.allowStatements.length > 0
  return {
    ...lists,
    result: isDenied ? 'ExplicitlyDenied' : isAllowed ? 'Allowed' : 'ImplicitlyDenied',
  }
}

function controlAnalysis(levels: readonly IdentityAnalysis[]): ControlAnalysis {
  const hasLevel = (levelResult: IdentityAnalysis['result']) =>
    levels.some(({ result }) => result === levelResult)
  const result = hasLevel('ExplicitlyDenied')
    ? 'ExplicitlyDenied'
    : hasLevel('ImplicitlyDenied')
      ? 'ImplicitlyDenied'
      : 'Allowed'
  const conditions = conditionRules.always()
  const ouAnalysis = levels.map((level, index) => ({ ...level, orgIdentifier: String(index), conditions }))
  return { result, ouAnalysis, conditions } as unknown as ControlAnalysis
}

type ResourceAnalysis = NonNullable<RequestAnalysis['resourceAnalysis']>

function resourceAnalysis(outcomes: readonly StatementOutcome[] | null): ResourceAnalysis {
  if (outcomes === null) return { result: 'NotApplicable', ...listStatements([]) }
  const lists = listStatements(outcomes)
  const isOfAccount = ({ principalMatch }: StatementAnalysis) => principalMatch === 'AccountLevelMatch'
  const { denyStatements, allowStatements } = lists
  const result = denyStatements.some((statement) => !isOfAccount(statement))
    ? 'ExplicitlyDenied'
    : denyStatements.length > 0
      ? 'DeniedForAccount'
      : allowStatements.some((statement) => !isOfAccount(statement))
        ? 'Allowed'
        : allowStatements.length > 0
          ? 'AllowedForAccount'
          : 'ImplicitlyDenied'
  return { ...lists, result }
}
