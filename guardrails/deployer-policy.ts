// Without an Organization no control policy binds the vault's account. This policy binds the principals that deploy the
// vault layer, because a shell of theirs is where an agent or a mistyped command would tear the vault's guards down.
import { frozenPolicyActions } from './frozen-actions.ts'
import { trailActions } from './delegation-policies.ts'
import { deployerPolicyArn, trailArn } from './names.ts'
import { frozenAfter, vaultFreezeStatements } from './organization-policies.ts'
import { policy } from './policy.ts'
import type { VaultLocation } from './names.ts'
import type { Policy } from './policy.ts'

/**
 * The policy denies to deployers all that the freeze denies to every principal in an organization. Another
 * administrator of the account thaws it, because deployers can't change this policy or take it off.
 * @param thawUntil ISO 8601. The freeze is off until then, and on again afterwards. Empty: the freeze is on.
 */
export function deployerPolicy(vault: VaultLocation, thawUntil: string): Policy {
  const thaw = frozenAfter(thawUntil)
  const ownArn = deployerPolicyArn(vault.accountId)
  return policy(
    ...vaultFreezeStatements(vault, thaw),
    {
      Sid: 'KeepTrail',
      Effect: 'Deny',
      Action: trailActions,
      Resource: [trailArn(vault.accountId, '*')],
      ...thaw,
    },
    {
      Sid: 'KeepDeployerPolicy',
      Effect: 'Deny',
      Action: frozenPolicyActions,
      Resource: [ownArn],
    },
    {
      Sid: 'KeepDeployerAttached',
      Effect: 'Deny',
      Action: ['iam:DetachRolePolicy', 'iam:DetachUserPolicy'],
      Resource: ['*'],
      Condition: { ArnEquals: { 'iam:PolicyARN': ownArn } },
    },
  )
}
