// Which names a network may ask for: security groups don't hold DNS, by which anything can be told to whoever serves a zone.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'

export class NameFirewall extends pulumi.ComponentResource {
  constructor(
    name: string,
    args: { vpcId: pulumi.Input<string>; region: string },
    options: pulumi.ComponentResourceOptions,
  ) {
    super('holdfast:checks:NameFirewall', name, {}, options)
    const childOptions = { parent: this }
    const { vpcId, region } = args
    const group = new aws.route53.ResolverFirewallRuleGroup(name, { name: 'holdfast-checks' }, childOptions)
    // The first that fits decides.
    const rules = [
      // A name of AWS's may lead on to another of AWS's.
      {
        listName: 'served',
        domains: awsNames(region),
        action: 'ALLOW',
        firewallDomainRedirectionAction: 'TRUST_REDIRECTION_DOMAIN',
      },
      { listName: 'all', domains: ['*'], action: 'BLOCK', blockResponse: 'NXDOMAIN' },
    ]
    const firewallRules = rules.map(({ listName, domains, ...rule }, index) => {
      const list = new aws.route53.ResolverFirewallDomainList(
        `${name}-${listName}`,
        { name: `holdfast-checks-${listName}`, domains },
        childOptions,
      )
      return new aws.route53.ResolverFirewallRule(
        `${name}-${listName}`,
        {
          name: `holdfast-checks-${listName}`,
          firewallRuleGroupId: group.id,
          firewallDomainListId: list.id,
          priority: 100 * (index + 1),
          ...rule,
        },
        childOptions,
      )
    })
    new aws.route53.ResolverFirewallRuleGroupAssociation(
      name,
      { name: 'holdfast-checks', firewallRuleGroupId: group.id, vpcId, priority: 101 },
      { ...childOptions, dependsOn: firewallRules },
    )
    // If AWS can't tell whether a name is allowed, it isn't.
    new aws.route53.ResolverFirewallConfig(
      name,
      { resourceId: vpcId, firewallFailOpen: 'DISABLED' },
      childOptions,
    )
    this.registerOutputs({})
  }
}

/** What the network leads to, and nobody but AWS serves: below these no customer sees what is asked. */
function awsNames(region: string): string[] {
  return ['api.ecr', '*.dkr.ecr', 'logs', 's3', '*.s3', '*.efs'].map(
    (service) => `${service}.${region}.amazonaws.com`,
  )
}
