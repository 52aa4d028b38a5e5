// A service control, resource control or S3 policy, attached to accounts and units. The organization has to enable its
// policy type first.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { OrganizationPolicyType, Policy, S3Policy } from '../../guardrails/policy.ts'

export interface ControlPolicyArgs {
  type: OrganizationPolicyType
  description: string
  document: Policy | S3Policy
  /** Ids of accounts and units, by the name of their attachment. */
  targets: Record<string, pulumi.Input<string>>
}

export class ControlPolicy extends pulumi.ComponentResource {
  constructor(name: string, args: ControlPolicyArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:organization:ControlPolicy', name, {}, options)
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    const created = new aws.organizations.Policy(
      name,
      {
        name: `holdfast-${name}`,
        type: args.type,
        description: args.description,
        content: renderPolicy(args.document),
      },
      protectedOptions,
    )
    for (const [target, targetId] of Object.entries(args.targets)) {
      new aws.organizations.PolicyAttachment(
        `${name}-${target}`,
        { policyId: created.id, targetId },
        protectedOptions,
      )
    }
    this.registerOutputs({})
  }
}
