// The call by which AWS deletes a resource of the vault's layer, and whether the loaded policies let the deployer
// make it.
import { evaluate } from '../sandbox/authorization/evaluate.ts'
import type { PolicyAuthorizer } from '../sandbox/authorization/authorizer.ts'
import type { Principal } from '../sandbox/identity/principal.ts'
import type { DeployedResource } from './recording-provider.ts'

export interface Deletion {
  action: string
  resource: string
}

/** Null for a type whose deletion takes nothing from the vault's promise: the machines of the checks. */
export function deletionOf({ type, id, accountId, region, inputs }: DeployedResource): Deletion | null {
  const text = (key: string) => (typeof inputs[key] === 'string' ? inputs[key] : '')
  const arn = (service: string, name: string) => `arn:aws:${service}:${region}:${accountId}:${name}`
  const bus = text('eventBusName') === '' ? '' : `${text('eventBusName')}/`
  switch (type.split(':').at(-1)) {
    case 'EventBusPolicy':
      return { action: 'events:RemovePermission', resource: '*' }
    case 'EventRule':
      return { action: 'events:DeleteRule', resource: arn('events', `rule/${bus}${text('name')}`) }
    case 'EventTarget':
      return { action: 'events:RemoveTargets', resource: arn('events', `rule/${bus}${text('rule')}`) }
    case 'LogMetricFilter':
      return { action: 'logs:DeleteMetricFilter', resource: arn('logs', `log-group:${text('logGroupName')}`) }
    case 'LogResourcePolicy':
      return { action: 'logs:DeleteResourcePolicy', resource: '*' }
    case 'MetricAlarm':
      return { action: 'cloudwatch:DeleteAlarms', resource: arn('cloudwatch', `alarm:${text('name')}`) }
    case 'TopicSubscription':
      return { action: 'sns:Unsubscribe', resource: text('topic').replace(':recorded:', `:${region}:`) }
    case 'Role':
      return { action: 'iam:DeleteRole', resource: `arn:aws:iam::${accountId}:role${text('path')}${id}` }
    case 'OpenIdConnectProvider':
      return { action: 'iam:DeleteOpenIDConnectProvider', resource: id }
    default:
      return null
  }
}

/** AWS's refusal of a deletion, or null. */
export async function refuseDeletion(
  authorizer: PolicyAuthorizer,
  principal: Principal,
  resource: DeployedResource,
): Promise<string | null> {
  const deletion = deletionOf(resource)
  if (deletion === null) return null
  const decision = await evaluate(authorizer, { principal, ...deletion })
  return decision.allowed
    ? null
    : `AccessDenied: ${deletion.action} by ${decision.statement?.sid ?? 'no allow'}`
}
