// The default authorizer: an account may do everything with its own resources, and no other caller may do
// anything.

import type { AccessDecision, AccessRequest, Authorizer } from './access.ts'

export class OwnerAuthorizer implements Authorizer {
  authorize(request: AccessRequest): Promise<AccessDecision> {
    const allowed =
      request.principal.accountId !== null && request.principal.accountId === request.resourceAccountId
    return Promise.resolve({ allowed, result: allowed ? 'allowed' : 'implicit-deny', statement: null })
  }
}
