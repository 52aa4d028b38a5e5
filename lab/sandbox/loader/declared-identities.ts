import { HoldfastError } from '../../../core/errors.ts'
import { issuerName, oidcProviderArn, roleArn } from '../../../guardrails/names.ts'
import { declaredOf } from './declared-inputs.ts'
import type { RecordedResource } from '../../../infra/recording.ts'
import type { DeclaredKey, DeclaredOidcProvider, DeclaredRole, NamedPolicy } from '../declaration.ts'

/** The AWS managed policies that the program attaches, as AWS publishes them. */
const awsManagedPolicies: Readonly<Record<string, Record<string, unknown>>> = {
  'arn:aws:iam::aws:policy/AdministratorAccess': {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  },
}

/** The roles of the program, with their inline policies, attached policies and boundary. */
export function readRoles(resources: readonly RecordedResource[]): DeclaredRole[] {
  const managed = readManagedPolicies(resources)
  const find = (arn: string): NamedPolicy => {
    const document = managed.get(arn) ?? awsManagedPolicies[arn]
    if (document === undefined)
      throw new HoldfastError('internal', `the policy ${arn} is attached, but neither declared nor known`)
    return { name: arn, document }
  }
  const inline = declaredOf(resources, 'aws:iam/rolePolicy:RolePolicy')
  const attached = declaredOf(resources, 'aws:iam/rolePolicyAttachment:RolePolicyAttachment')
  const roles = declaredOf(resources, 'aws:iam/role:Role').map(({ accountId, inputs }): DeclaredRole => {
    const isOfRole = (attachment: { accountId: string; inputs: { role: string } }) =>
      attachment.accountId === accountId && attachment.inputs.role === inputs.name
    return {
      accountId,
      arn: roleArn(accountId, inputs.path, inputs.name),
      name: inputs.name,
      path: inputs.path,
      maxSessionSeconds: inputs.maxSessionDuration,
      trust: inputs.assumeRolePolicy,
      policies: [
        ...inline
          .filter(isOfRole)
          .map((attachment) => ({ name: attachment.inputs.name, document: attachment.inputs.policy })),
        ...attached.filter(isOfRole).map((attachment) => find(attachment.inputs.policyArn)),
      ],
      boundary: inputs.permissionsBoundary === undefined ? null : find(inputs.permissionsBoundary),
      tags: inputs.tags,
    }
  })
  const declaredRoles = new Set(roles.map(({ accountId, name }) => `${accountId} ${name}`))
  for (const attachment of [...inline, ...attached]) {
    if (!declaredRoles.has(`${attachment.accountId} ${attachment.inputs.role}`)) {
      throw new HoldfastError(
        'internal',
        `a policy of ${attachment.inputs.role} is declared, but not the role`,
      )
    }
  }
  return roles
}

function readManagedPolicies(resources: readonly RecordedResource[]): Map<string, Record<string, unknown>> {
  return new Map(
    declaredOf(resources, 'aws:iam/policy:Policy').map(({ accountId, inputs }) => [
      `arn:aws:iam::${accountId}:policy${inputs.path}${inputs.name}`,
      inputs.policy,
    ]),
  )
}

export function readOidcProviders(resources: readonly RecordedResource[]): DeclaredOidcProvider[] {
  return declaredOf(resources, 'aws:iam/openIdConnectProvider:OpenIdConnectProvider').map(
    ({ accountId, inputs }) => ({
      accountId,
      arn: oidcProviderArn(accountId, inputs.url),
      url: issuerName(inputs.url),
      clientIds: inputs.clientIdLists,
    }),
  )
}

/** The program declares no keys today, because SSE-S3 needs none. A key that it declared would be loaded. */
export function readKeys(resources: readonly RecordedResource[], region: string): DeclaredKey[] {
  return declaredOf(resources, 'aws:kms/key:Key').map(({ accountId, name, inputs }) => ({
    accountId,
    arn: `arn:aws:kms:${region}:${accountId}:key/recorded-${name}`,
    policy: inputs.policy ?? null,
  }))
}
