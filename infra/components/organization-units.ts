// One unit for the vault, and one for production if it is in AWS, so that control policies bind a new account from its
// first minute. An operator moves accounts by hand, because a program that can move an account could also take it
// out of its policies or close it.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'

export class OrganizationUnits extends pulumi.ComponentResource {
  readonly vault: aws.organizations.OrganizationalUnit
  readonly production: aws.organizations.OrganizationalUnit | null

  constructor(
    name: string,
    args: { parentId: string; hasProduction: boolean },
    options: pulumi.ComponentResourceOptions,
  ) {
    super('holdfast:organization:OrganizationUnits', name, {}, options)
    const { parentId } = args
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    this.vault = new aws.organizations.OrganizationalUnit(
      `${name}-vault`,
      { name: 'holdfast-vault', parentId },
      protectedOptions,
    )
    this.production = args.hasProduction
      ? new aws.organizations.OrganizationalUnit(
          `${name}-production`,
          { name: 'holdfast-production', parentId },
          protectedOptions,
        )
      : null
    this.registerOutputs({})
  }
}
