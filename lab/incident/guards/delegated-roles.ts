// The roles that AWS's services make in the vault's account for a delegated administrator of the organization, with
// every right.
import type { CloudDeclaration, DeclaredRole } from '../../sandbox/declaration.ts'
import { delegatedRoles } from '../../sandbox/loader/delegated-roles.ts'
import { exampleAccounts } from '../../sandbox/loader/example-config.ts'

const everything = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'Everything', Effect: 'Allow', Action: '*', Resource: '*' }],
}

/** The cloud after a delegated administrator has deployed a stack set and assigned a permission set. */
export function addDelegatedRoles(declaration: CloudDeclaration): CloudDeclaration {
  return { ...declaration, roles: [...declaration.roles, ...Object.values(delegatedRoles).map(makeRole)] }
}

function makeRole({ path, name }: { path: string; name: string }): DeclaredRole {
  return {
    accountId: exampleAccounts.vault,
    arn: `arn:aws:iam::${exampleAccounts.vault}:role${path}${name}`,
    name,
    path,
    maxSessionSeconds: 3600,
    trust: {
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'TrustService',
          Effect: 'Allow',
          Principal: { Service: 'cloudformation.amazonaws.com' },
          Action: ['sts:AssumeRole'],
        },
      ],
    },
    policies: [{ name: 'AdministratorAccess', document: everything }],
    boundary: null,
    tags: {},
  }
}
