// Calls the evaluator's core without the validation around it, which costs 25 times as much as the decision
// and drops unknown context keys. Nothing goes unvalidated: policies are validated when they are compiled,
// and keys in evaluation.ts. The package doesn't export the core, so its path is derived from the package's
// entry. A test compares both ways on every case.

import './linear-match.ts'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { RequestAnalysis, SimulationRequestPrincipal } from '@cloud-copilot/iam-simulate'
import { loadPolicy } from '@cloud-copilot/iam-policy'
import type { EvaluatorPolicy } from './compile-policy.ts'

export type Analysis = RequestAnalysis
export type StatementAnalysis = NonNullable<RequestAnalysis['identityAnalysis']>['allowStatements'][number]

export interface EvaluatorInput {
  principal: SimulationRequestPrincipal
  action: string
  resource: string
  resourceAccountId: string
  /** A list only for a key that takes lists. */
  context: Record<string, string | string[]>
  /** True for an action without a resource of its own. */
  isWildcardOnly: boolean
  identity: EvaluatorPolicy[]
  boundary: EvaluatorPolicy | undefined
  session: EvaluatorPolicy | undefined
  resourcePolicy: EvaluatorPolicy | undefined
  scps: EvaluatorPolicy[][]
  rcps: EvaluatorPolicy[][]
  restrictsPublic: boolean
}

type Constructor<A extends unknown[]> = new (...parameters: A) => object

const require = createRequire(import.meta.url)
const folder = dirname(require.resolve('@cloud-copilot/iam-simulate'))
const load = <T>(path: string): T => require(join(folder, path)) as T

const { authorize } = load<{ authorize: (request: object) => RequestAnalysis }>(
  'core_engine/CoreSimulatorEngine.js',
)
const { AwsRequestImpl } = load<{
  AwsRequestImpl: Constructor<[SimulationRequestPrincipal, object, string, object, boolean]>
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

// Organizations attaches RCPFullAWSAccess to every level, and no account can detach it.
const allowAll = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }],
}
const fullRcp = loadPolicy(allowAll, { name: 'RCPFullAWSAccess' })

export function analyzeRequest(input: EvaluatorInput): RequestAnalysis {
  const resource = { resource: input.resource, accountId: input.resourceAccountId }
  const level = (policies: EvaluatorPolicy[], index: number) => ({ orgIdentifier: String(index), policies })
  return authorize({
    request: new AwsRequestImpl(
      input.principal,
      resource,
      input.action,
      new RequestContextImpl(input.context),
      input.isWildcardOnly,
    ),
    sessionPolicy: input.session,
    identityPolicies: input.identity,
    serviceControlPolicies: input.scps.map(level),
    resourceControlPolicies: input.rcps.map((policies, index) => level([fullRcp, ...policies], index)),
    resourcePolicy: input.resourcePolicy,
    permissionBoundaries: input.boundary === undefined ? undefined : [input.boundary],
    vpcEndpointPolicies: undefined,
    simulationParameters,
    serviceSettings: { s3: { blockPublicAccess: input.restrictsPublic } },
  })
}
