// A role with one inline policy, one trust policy, and sessions of at most one hour.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { Policy } from '../../guardrails/policy.ts'

export interface ScopedRoleArgs {
  roleName: string
  path: string
  description: string
  trust: pulumi.Input<Policy>
  policy: Policy
  /** ARN of a managed policy. */
  boundary?: pulumi.Input<string>
  tags?: Record<string, string>
  /** ARNs of managed policies that the caller attaches besides. */
  attached?: readonly string[]
}

const inlineName = 'duty'

export class ScopedRole extends pulumi.ComponentResource {
  readonly role: aws.iam.Role
  /** The documents that a check compares with the live role, as `checks/configuration/expected-state.ts` has them. */
  readonly expected: pulumi.Output<Record<string, unknown>>

  constructor(name: string, args: ScopedRoleArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:identity:ScopedRole', name, {}, options)
    this.role = new aws.iam.Role(
      name,
      {
        name: args.roleName,
        path: args.path,
        description: args.description,
        assumeRolePolicy: pulumi.output(args.trust).apply(renderPolicy),
        maxSessionDuration: 3600,
        ...(args.boundary === undefined ? {} : { permissionsBoundary: args.boundary }),
        ...(args.tags === undefined ? {} : { tags: args.tags }),
      },
      { parent: this },
    )
    new aws.iam.RolePolicy(
      name,
      { name: inlineName, role: this.role.name, policy: renderPolicy(args.policy) },
      { parent: this },
    )
    this.expected = pulumi
      .all([args.trust, args.boundary])
      .apply(([trust, boundary]): Record<string, unknown> => ({
        trust,
        policies: { [inlineName]: args.policy },
        attached: args.attached ?? [],
        boundary: boundary ?? null,
      }))
    this.registerOutputs({ arn: this.role.arn })
  }
}
