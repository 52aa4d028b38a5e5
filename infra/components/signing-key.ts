// The keys of a region with which the notary signs receipts, and the checks their reports. The private key never leaves
// KMS; the public one is kept with the toolkit, so that a reader can verify signatures without AWS.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { renderPolicy } from '../../guardrails/policy.ts'
import { signingKeyPolicy, signingKeys } from '../../guardrails/signing-key-policy.ts'
import type { SigningDuty } from '../../guardrails/signing-key-policy.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

/** The longest that KMS offers. */
const deletionDays = 30

const descriptions: Record<SigningDuty, string> = {
  notary: 'Signs the receipts of the notary; only its role may use it',
  drill: 'Signs the reports of the checks; only their role may use it',
}

export class SigningKey extends pulumi.ComponentResource {
  /** DER in base64. */
  readonly publicKey: pulumi.Output<string>
  readonly publicKeyPem: pulumi.Output<string>

  constructor(
    name: string,
    args: { location: VaultLocation; duty: SigningDuty },
    options: pulumi.ComponentResourceOptions,
  ) {
    super('holdfast:vault:NotaryKey', name, {}, options)
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    const key = new aws.kms.Key(
      name,
      {
        description: descriptions[args.duty],
        customerMasterKeySpec: 'ECC_NIST_P256',
        keyUsage: 'SIGN_VERIFY',
        deletionWindowInDays: deletionDays,
        policy: renderPolicy(signingKeyPolicy(args.location.accountId, args.duty)),
        // KMS refuses a policy that its author can't change later, unless it is told so.
        bypassPolicyLockoutSafetyCheck: true,
      },
      protectedOptions,
    )
    new aws.kms.Alias(name, { name: signingKeys[args.duty].alias, targetKeyId: key.id }, protectedOptions)
    const shown = aws.kms.getPublicKeyOutput({ keyId: key.id }, { parent: this })
    this.publicKey = shown.publicKey
    this.publicKeyPem = shown.publicKeyPem
    this.registerOutputs({})
  }
}
