// The writer of a source: its role, and for production outside AWS the trust anchor or identity provider that
// proves its identity.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { rolePaths, sourceTag, writerRoleName } from '../../guardrails/names.ts'
import { writerPolicy } from '../../guardrails/role-policies.ts'
import { writerTrustPolicy } from '../../guardrails/trust-policies.ts'
import { ScopedRole } from './scoped-role.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import type { Policy } from '../../guardrails/policy.ts'
import type { SourceConfig } from '../config.ts'

export interface SourceWriterArgs {
  location: VaultLocation
  source: SourceConfig
  /**
   * The identity provider of the source's issuer, if it has one. Sources share it, because IAM allows one
   * provider per issuer.
   */
  provider: aws.iam.OpenIdConnectProvider | undefined
}

export class SourceWriter extends pulumi.ComponentResource {
  readonly scoped: ScopedRole

  constructor(name: string, args: SourceWriterArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:vault:SourceWriter', name, {}, options)
    const { location, source } = args
    this.scoped = new ScopedRole(
      name,
      {
        roleName: writerRoleName(source.name),
        path: rolePaths.vault,
        description: `Adds snapshots of ${source.name}; can't read, list, delete or lock`,
        trust: this.trust(name, args),
        policy: writerPolicy(location, source.name),
        tags: { [sourceTag]: source.name },
      },
      { parent: this, ...(args.provider === undefined ? {} : { dependsOn: [args.provider] }) },
    )
    if ('rolesAnywhere' in source.trust) {
      new aws.rolesanywhere.Profile(
        name,
        {
          name: writerRoleName(source.name),
          enabled: true,
          roleArns: [this.scoped.role.arn],
          durationSeconds: 3600,
        },
        { parent: this },
      )
    }
    this.registerOutputs({})
  }

  private trust(name: string, { location, source }: SourceWriterArgs): pulumi.Input<Policy> {
    const trust = source.trust
    if ('awsRoleArn' in trust)
      return writerTrustPolicy(location.accountId, source.name, {
        kind: 'aws-role',
        roleArn: trust.awsRoleArn,
      })
    if ('oidc' in trust)
      return writerTrustPolicy(location.accountId, source.name, { kind: 'oidc', ...trust.oidc })
    const { certificateAuthorityPem, commonName } = trust.rolesAnywhere
    const anchor = new aws.rolesanywhere.TrustAnchor(
      name,
      {
        name: writerRoleName(source.name),
        enabled: true,
        source: {
          sourceType: 'CERTIFICATE_BUNDLE',
          sourceData: { x509CertificateData: certificateAuthorityPem },
        },
      },
      { parent: this },
    )
    return anchor.arn.apply((trustAnchorArn) =>
      writerTrustPolicy(location.accountId, source.name, {
        kind: 'roles-anywhere',
        trustAnchorArn,
        commonName,
      }),
    )
  }
}
