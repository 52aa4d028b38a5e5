// The authorizer of a sandbox that was given none: an account may do everything with its own resources, nobody else anything.

import type { AccessDecision, AccessRequest, Authorizer } from './access.ts'

export class OwnerAuthorizer implements Authorizer {
  authorize(request: AccessRequest): Promise<AccessDecision> {
    const allowed =
      request.principal.accountId !== null && request.principal.accountId === request.resourceAccountId
    return Promise.resolve({ allowed, result: allowed ? 'allowed' : 'implicit-deny', statement: null })
  }
}
