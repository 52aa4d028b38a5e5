// A DNS firewall: the network resolves AWS's names only. Security groups don't filter DNS, so a task could
// otherwise send data to the owner of any domain in the names that it looks up.
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
    // AWS applies the first rule that matches.
    const rules = [
      // Trusts redirections, because an AWS name may be an alias of another AWS name.
      {
        listName: 'served',
        domains: awsNames(region),
        action: 'ALLOW',
        firewallDomainRedirectionAction: 'TRUST_REDIRECTION_DOMAIN',
      },
      { listName: 'all', domains: ['*.'], action: 'BLOCK', blockResponse: 'NXDOMAIN' },
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
    // Closed on failure: if the firewall can't decide, the name stays unresolved.
    new aws.route53.ResolverFirewallConfig(
      name,
      { resourceId: vpcId, firewallFailOpen: 'DISABLED' },
      childOptions,
    )
    this.registerOutputs({})
  }
}

/**
 * Names that only AWS serves, so that no customer's name server sees a query. They end with a dot, as AWS stores them:
 * the engine would otherwise report a difference after each refresh.
 */
function awsNames(region: string): string[] {
  return ['api.ecr', '*.dkr.ecr', 'logs', 'kms', 's3', '*.s3', '*.efs'].map(
    (service) => `${service}.${region}.amazonaws.com.`,
  )
}
