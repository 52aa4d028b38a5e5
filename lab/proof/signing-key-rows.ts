// Rows on the keys with which the notary signs receipts, and the checks their reports: the role of the duty uses its
// key and no other, and no other principal uses it.
import { signingKeys } from '../../guardrails/signing-key-policy.ts'
import type { SigningDuty } from '../../guardrails/signing-key-policy.ts'
import { locationsOf } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { CloudDeclaration } from '../sandbox/declaration.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'
import { makeRowsOf } from './row-maker.ts'

const uses = ['kms:Sign', 'kms:GetPublicKey']

export function signingKeyRows(
  config: HoldfastConfig,
  declaration: CloudDeclaration,
  principals: readonly Subject[],
): ProofRow[] {
  return (Object.keys(signingKeys) as SigningDuty[]).flatMap((duty) =>
    rowsOfDuty(duty, { config, declaration, principals }),
  )
}

interface Cloud {
  config: HoldfastConfig
  declaration: CloudDeclaration
  principals: readonly Subject[]
}

function rowsOfDuty(duty: SigningDuty, { config, declaration, principals }: Cloud): ProofRow[] {
  const { may, mayNot } = makeRowsOf(config.vaultAccountId)
  const { alias } = signingKeys[duty]
  const context = { 'kms:RequestAlias': alias }
  const signers = principals.filter(({ name }) => name === duty)
  const strangers = principals.filter(({ name, account }) => account === 'vault' && name !== duty)
  const keys = declaration.keys.filter(({ aliases }) => aliases?.includes(alias))
  const otherKeys = locationsOf(config).map(
    ({ region, accountId }) => `arn:aws:kms:${region}:${accountId}:key/another`,
  )
  return [
    ...signers.flatMap((signer) => [
      ...otherKeys.flatMap((otherKey) =>
        uses.map((action) => mayNot(signer, action, otherKey, { circumstance: 'another key' })),
      ),
      ...keys.flatMap(({ arn }) => uses.map((action) => may(signer, action, arn, { context }))),
    ]),
    ...keys.flatMap(({ arn }) =>
      strangers.flatMap((stranger) => [
        mayNot(stranger, 'kms:Sign', arn, { context }),
        mayNot(stranger, 'kms:PutKeyPolicy', arn),
        mayNot(stranger, 'kms:CreateGrant', arn),
      ]),
    ),
  ]
}
