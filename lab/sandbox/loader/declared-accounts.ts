import { HoldfastError } from '../../../core/errors.ts'
import { declaredOf } from './declared-inputs.ts'
import type { RecordedResource } from '../../../infra/recording.ts'
import type { DeclaredAccount, NamedPolicy } from '../declaration.ts'

/** The policy that AWS itself attaches to every level of an organization, once a type of policy is enabled. */
const fullAccess = {
  scp: {
    name: 'FullAWSAccess',
    document: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
  },
  rcp: {
    name: 'RCPFullAWSAccess',
    document: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }],
    },
  },
}

export interface AccountSeed {
  id: string
  name: string
  member: boolean
  isManagement: boolean
}

/**
 * The accounts with the control policies attached to them: one level for the organization's root, one for the
 * account.
 */
export function readAccounts(
  resources: readonly RecordedResource[],
  seeds: readonly AccountSeed[],
): DeclaredAccount[] {
  const policies = new Map(
    declaredOf(resources, 'aws:organizations/policy:Policy').map(({ name, inputs }) => [
      `p-recorded-${name}`,
      inputs,
    ]),
  )
  const attachments = declaredOf(resources, 'aws:organizations/policyAttachment:PolicyAttachment').flatMap(
    ({ name, inputs }) => {
      // An attachment to a unit binds no account here, because the program declares no account's unit:
      // operators move accounts by hand.
      if (
        resources.some(
          ({ type, name: unit }) =>
            type === 'aws:organizations/organizationalUnit:OrganizationalUnit' &&
            inputs.targetId === `ou-recorded-${unit}`,
        )
      )
        return []
      const policy = policies.get(inputs.policyId)
      const target = seeds.find(({ id, member }) => member && id === inputs.targetId)
      if (policy === undefined || target === undefined) {
        throw new HoldfastError(
          'internal',
          `the attachment ${name} names a policy or an account that isn't there`,
        )
      }
      return { target: target.id, type: policy.type, policy: { name: policy.name, document: policy.content } }
    },
  )
  return seeds.map(({ id, name, member, isManagement }) => {
    const level = (type: string, full: NamedPolicy): NamedPolicy[][] => {
      if (!member) return []
      const attached = attachments
        .filter((attachment) => attachment.target === id && attachment.type === type)
        .map((attachment) => attachment.policy)
      return [[full], [full, ...attached]]
    }
    return {
      id,
      name,
      isManagement,
      scps: level('SERVICE_CONTROL_POLICY', fullAccess.scp),
      rcps: level('RESOURCE_CONTROL_POLICY', fullAccess.rcp),
    }
  })
}
