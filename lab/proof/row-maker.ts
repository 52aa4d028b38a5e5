// Makes the rows of one account: requests that must be allowed, and requests that must be denied.
import type { Principal } from '../sandbox/identity/principal.ts'
import type { ProofRow } from './proof-row.ts'

/** The principal of a request, with the name that the report shows. */
export interface Requester {
  readonly name: string
  readonly principal: Principal
}

export type RowDetails = Partial<Pick<ProofRow, 'context' | 'circumstance' | 'resourcePolicy'>>
export type MakeRow = (
  requester: Requester,
  action: string,
  resource: string,
  details?: RowDetails,
) => ProofRow

export interface RowMaker {
  readonly may: MakeRow
  readonly mayNot: MakeRow
}

/** @param resourceAccountId the account that owns the resources of all rows. */
export function makeRowsOf(resourceAccountId: string): RowMaker {
  const makeRow =
    (expected: ProofRow['expected']): MakeRow =>
    (requester, action, resource, details = {}) => ({
      group: expected === 'allowed' ? 'duty' : action === 'sts:AssumeRole' ? 'ways-in' : 'weakening',
      who: requester.name,
      principal: requester.principal,
      actions: [action],
      resource,
      resourceAccountId,
      context: {},
      circumstance: '',
      expected,
      ...details,
    })
  return { may: makeRow('allowed'), mayNot: makeRow('denied') }
}

/** AWS itself, when a service acts. */
export function servicePrincipal(name: string): Principal {
  return { kind: 'service', accountId: null, arn: `${name}.amazonaws.com` }
}
