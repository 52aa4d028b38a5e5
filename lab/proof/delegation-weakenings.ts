// The weakenings that a delegated administrator of the organization could try: on other accounts from production, and
// in the vault's account with the roles that AWS's services make there.
import { accountActions, delegatedActions, trailActions } from '../../guardrails/delegation-policies.ts'
import {
  bucketArn,
  checkLogGroupName,
  dutyRoleArn,
  trailArn,
  vaultBucketName,
} from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { delegatedRoles } from '../sandbox/loader/delegated-roles.ts'
import { makeWeakeningsIn, lostWithoutOrganization } from './weakening.ts'
import type { Weakening } from './weakening.ts'
import { namesIn, targetsOf } from './targets.ts'

export async function delegationWeakenings(
  place: VaultLocation,
  productionAccountId: string,
): Promise<Weakening[]> {
  // The service authorizes a delegated administrator in its own account, on resources of other accounts.
  const weaken = makeWeakeningsIn(productionAccountId)
  const delegated = await Promise.all(
    delegatedActions.map(async (action) => {
      const targets = await targetsOf(action, place.accountId, place.region, namesIn('vault', place))
      return targets.map(({ arn }) =>
        weaken('acts as an administrator of the organization', action, arn, lostWithoutOrganization),
      )
    }),
  )
  return [
    ...delegated.flat(),
    ...accountActions.map((action) =>
      weaken(
        "takes over the vault account's contacts",
        action,
        `arn:aws:account::${productionAccountId}:account/o-example0001/${place.accountId}`,
        lostWithoutOrganization,
      ),
    ),
    ...trailActions.map((action) =>
      weaken(
        "stops the organization's trail",
        action,
        trailArn(productionAccountId, place.region),
        lostWithoutOrganization,
      ),
    ),
  ]
}

export function delegatedRoleWeakenings(place: VaultLocation): Weakening[] {
  return Object.keys(delegatedRoles).flatMap((kind) =>
    enteredVaultWeakenings(place, `${kind} of a delegated administrator`),
  )
}

/** Requests that no guard but the list of principals denies, so that its loss is noticed. */
function enteredVaultWeakenings(place: VaultLocation, only: string): Weakening[] {
  const weaken = makeWeakeningsIn(place.accountId)
  const vault = bucketArn(vaultBucketName(place))
  const effect = "acts in the vault's account without a name in the list"
  return [
    weaken(effect, 's3:ListBucket', vault, { only }),
    weaken(effect, 's3:GetBucketPolicy', vault, { only }),
    weaken(effect, 's3:PutObject', `${vault}/receipts/x`, { only, context: { 's3:if-none-match': '*' } }),
    weaken(effect, 'iam:CreateRole', `arn:aws:iam::${place.accountId}:role/holdfast/some`, { only }),
    weaken(effect, 'iam:PassRole', dutyRoleArn(place.accountId, 'restorer'), { only }),
    weaken(
      effect,
      'logs:GetLogEvents',
      `arn:aws:logs:${place.region}:${place.accountId}:log-group:${checkLogGroupName}:log-stream:x`,
      { only },
    ),
  ]
}

/** Only the tasks of checks may write the logs that are counted. */
export function forgedLogWeakenings(place: VaultLocation): Weakening[] {
  const weaken = makeWeakeningsIn(place.accountId)
  return [checkLogGroupName, '/another'].map((group) =>
    weaken(
      'makes up a passed check',
      'logs:PutLogEvents',
      `arn:aws:logs:${place.region}:${place.accountId}:log-group:${group}:log-stream:x`,
      { ...lostWithoutOrganization, duty: group === '/another' ? [] : ['task-execution'] },
    ),
  )
}
