import type { CloudDeclaration, DeclaredAccount } from '../declaration.ts'

/** The id of the organization that an account belongs to; null if it belongs to none. */
export function organizationOf(accountId: string, declaration: CloudDeclaration): string | null {
  const account = declaration.accounts.find(({ id }) => id === accountId)
  return account !== undefined && isMember(account) ? declaration.organizationId : null
}

/** A member has at least the level of the organization's root. */
function isMember({ isManagement, scps, rcps }: DeclaredAccount): boolean {
  return isManagement || scps.length > 0 || rcps.length > 0
}
