import { HoldfastError } from '../../../core/errors.ts'
import { issuerName, oidcProviderArn, roleArn } from '../../../guardrails/names.ts'
import { declaredOf } from './declared-inputs.ts'
import type { RecordedResource } from '../../../infra/recording.ts'
import type { DeclaredKey, DeclaredOidcProvider, DeclaredRole, NamedPolicy } from '../declaration.ts'

const everything = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
}
const ofAwsBackup = 'arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor'

/**
 * The AWS managed policies that the program attaches. For the roles of AWS Backup the widest policy stands in, because
 * AWS changes theirs.
 */
const awsManagedPolicies: Readonly<Record<string, Record<string, unknown>>> = {
  'arn:aws:iam::aws:policy/AdministratorAccess': everything,
  [`${ofAwsBackup}Backup`]: everything,
  [`${ofAwsBackup}Restores`]: everything,
}

/** Managed policies by the ARNs under which the program attaches them. */
function policyFinder(resources: readonly RecordedResource[]): (arn: string) => NamedPolicy {
  const managed = readManagedPolicies(resources)
  return (arn) => {
    const document = managed.get(arn) ?? awsManagedPolicies[arn]
    if (document === undefined)
      throw new HoldfastError('internal', `the policy ${arn} is attached, but neither declared nor known`)
    return { name: arn, document }
  }
}

interface ForeignAttachment {
  accountId: string
  roleName: string
  policy: NamedPolicy
}

/** The policies that the program attaches to roles that it doesn't declare. */
export function readForeignAttachments(resources: readonly RecordedResource[]): ForeignAttachment[] {
  const find = policyFinder(resources)
  const declared = new Set(
    declaredOf(resources, 'aws:iam/role:Role').map(({ accountId, inputs }) => `${accountId} ${inputs.name}`),
  )
  return declaredOf(resources, 'aws:iam/rolePolicyAttachment:RolePolicyAttachment')
    .filter(({ accountId, inputs }) => !declared.has(`${accountId} ${inputs.role}`))
    .map(({ accountId, inputs }) => ({ accountId, roleName: inputs.role, policy: find(inputs.policyArn) }))
}

/** The roles of the program, with their inline policies, attached policies and boundary. */
export function readRoles(resources: readonly RecordedResource[]): DeclaredRole[] {
  const find = policyFinder(resources)
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
  for (const attachment of inline) {
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

export function readKeys(resources: readonly RecordedResource[], firstRegion: string): DeclaredKey[] {
  const aliases = declaredOf(resources, 'aws:kms/alias:Alias')
  return declaredOf(resources, 'aws:kms/key:Key').map(({ accountId, region, name, inputs }) => ({
    accountId,
    arn: `arn:aws:kms:${region ?? firstRegion}:${accountId}:key/recorded-${name}`,
    policy: inputs.policy ?? null,
    signs: inputs.keyUsage === 'SIGN_VERIFY',
    aliases: aliases
      .filter((alias) => alias.accountId === accountId && alias.inputs.targetKeyId === `recorded-${name}`)
      .map((alias) => alias.inputs.name),
  }))
}
