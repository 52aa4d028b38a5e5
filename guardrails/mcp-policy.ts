// What AWS's MCP servers may do with the credentials of a person in production: read.
import { coverNames } from './catalogue/cover-names.ts'
import { identityServices } from './catalogue/agent-limits.ts'
import { examinedServices, rowsOf } from './catalogue/judgements.ts'
import { knownActionsOf, matchActions, tierOf } from './catalogue/known-names.ts'
import { policy, renderPolicy } from './policy.ts'
import type { Policy } from './policy.ts'

/** Reads whose names begin with another verb, and that an investigation rests on. */
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
 * A service control policy for everyone in production: a call through one of AWS's MCP servers only reads, whatever the person
 * who lent it their credentials may do. AWS sets `aws:ViaAWSMCPService` on such a call; a shell command carries no such sign.
 * @param agentServices the services that some agent may use: with the older quota there is room for these alone
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
    // With credentials that such an action hands out, the next call wouldn't come through the server any more.
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
