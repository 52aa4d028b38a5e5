// The service control policy on calls through AWS's MCP servers: with a person's credentials they can only read.
import { coverNames } from './catalogue/cover-names.ts'
import { identityServices } from './catalogue/agent-limits.ts'
import { examinedServices, rowsOf } from './catalogue/judgements.ts'
import { knownActionsOf, matchActions, tierOf } from './catalogue/known-names.ts'
import { policy, renderPolicy } from './policy.ts'
import type { Policy } from './policy.ts'

/** Reads that an investigation needs, and whose names begin with another verb. */
const investigations = [
  'access-analyzer:Check*',
  'access-analyzer:ValidatePolicy',
  'cloudformation:ValidateTemplate',
  'cloudtrail:LookupEvents',
  'config:Select*',
  'dynamodb:Query',
  'dynamodb:Scan',
  'ec2:Search*',
  'logs:FilterLogEvents',
  'logs:StartLiveTail',
  'logs:StartQuery',
  'logs:StopLiveTail',
  'logs:StopQuery',
  'resource-explorer-2:Search',
]

/**
 * Binds every principal of production. A call through one of AWS's MCP servers carries a person's own credentials,
 * and AWS sets `aws:ViaAWSMCPService` on it. A shell command carries no such key.
 * @param agentServices the services that some agent may use; with the older quota the policy has room for these alone
 * @see https://docs.aws.amazon.com/agent-toolkit/latest/userguide/security_iam_id-based-policy-examples.md
 */
export function mcpPolicy(agentServices: readonly string[], maxChars: number): Policy {
  const ofAll = readOnly(
    examinedServices.filter((service) => !identityServices.some((name) => name === service)),
  )
  return renderPolicy(ofAll).length <= maxChars ? ofAll : readOnly(agentServices)
}

function readOnly(services: readonly string[]): Policy {
  const reads = [...new Set([...services.flatMap(readFamilies), ...investigations])].sort()
  const through = { Bool: { 'aws:ViaAWSMCPService': 'true' } }
  const credentials = services.flatMap((service) => credentialsAmong(service, reads))
  return policy(
    { Sid: 'OnlyReadThroughMcp', Effect: 'Deny', NotAction: reads, Resource: ['*'], Condition: through },
    // Denied, because a call with credentials that such an action returns doesn't pass through the server.
    ...(credentials.length === 0
      ? []
      : [
          {
            Sid: 'NoCredentialsThroughMcp',
            Effect: 'Deny',
            Action: credentials,
            Resource: ['*'],
            Condition: through,
          } as const,
        ]),
  )
}

function readFamilies(service: string): string[] {
  const { reads } = rowsOf(service)
  return ['Describe', 'Get', 'List']
    .filter((verb) => reads.some((pattern) => pattern.startsWith(verb)))
    .map((verb) => `${service}:${verb}*`)
}

function credentialsAmong(service: string, reads: readonly string[]): string[] {
  const actions = knownActionsOf(service)
  const readable = new Set(
    reads.filter((pattern) => pattern.startsWith(`${service}:`)).flatMap((pattern) => matchActions(pattern)),
  )
  const isDestructive = (action: string) => readable.has(action) && tierOf(action) !== null
  return coverNames(
    actions.filter(isDestructive),
    actions.filter((action) => !isDestructive(action)),
  )
}
