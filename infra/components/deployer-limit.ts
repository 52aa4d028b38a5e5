// Without an Organization: a policy on the roles and users that deploy the vault layer, which keeps them from tearing
// its guards down.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { deployerPolicy } from '../../guardrails/deployer-policy.ts'
import { deployerPolicyName } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

export interface DeployerLimitArgs {
  location: VaultLocation
  thawUntil: string
  /** ARNs of roles and users; a pattern, or a role of Identity Center, takes the policy by hand. */
  deployers: readonly string[]
}

export class DeployerLimit extends pulumi.ComponentResource {
  constructor(name: string, args: DeployerLimitArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:vault:DeployerLimit', name, {}, options)
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    const created = new aws.iam.Policy(
      name,
      {
        name: deployerPolicyName,
        description: "Keeps deployers from deleting or changing the vault's guards without a thaw",
        policy: renderPolicy(deployerPolicy(args.location, args.thawUntil)),
      },
      protectedOptions,
    )
    for (const arn of args.deployers) {
      const principal = attachableName(arn)
      if (principal === null) warnOfAttachment(arn, created)
      else if (arn.includes(':role/'))
        new aws.iam.RolePolicyAttachment(
          `${name}-role-${principal}`,
          { role: principal, policyArn: created.arn },
          { parent: this, protect: true },
        )
      else
        new aws.iam.UserPolicyAttachment(
          `${name}-user-${principal}`,
          { user: principal, policyArn: created.arn },
          { parent: this, protect: true },
        )
    }
    this.registerOutputs({})
  }
}

/** Null for a pattern, and for a role that only Identity Center may change. */
function attachableName(arn: string): string | null {
  const [, path = '', principal = null] = /:(?:role|user)\/(.*\/)?([^/*]+)$/.exec(arn) ?? []
  return path.startsWith('aws-reserved/') ? null : principal
}

function warnOfAttachment(arn: string, created: aws.iam.Policy): void {
  void pulumi.log.warn(
    `the policy ${deployerPolicyName} isn't attached to ${arn}, which a deployment can't change: ` +
      'attach it to the permission set of Identity Center, as a customer managed policy',
    created,
  )
}
