// The part of the checks' network that doesn't lead to the vault, and the way to the file systems of what was restored.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { layerEndpointPolicy } from '../../guardrails/check-policies.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { VaultPlace } from '../../guardrails/names.ts'
import { examinationAddresses } from './check-network.ts'
import type { CheckNetwork } from './check-network.ts'

export class ExaminationNetwork extends pulumi.ComponentResource {
  readonly subnetId: pulumi.Output<string>
  readonly taskGroupId: pulumi.Output<string>
  /** Of whoever may reach the file systems, besides its own group. */
  readonly clientGroupId: pulumi.Output<string>
  readonly fileGroupId: pulumi.Output<string>

  constructor(name: string, args: { place: VaultPlace; network: CheckNetwork }, options: pulumi.ComponentResourceOptions) {
    super('holdfast:checks:ExaminationNetwork', name, {}, options)
    const { place, network } = args
    const own = { parent: this }
    const tags = { Name: 'holdfast-examinations' }
    // In the zone of the other one: a file system answers where it has an address.
    const subnet = new aws.ec2.Subnet(
      name, { vpcId: network.vpcId, cidrBlock: examinationAddresses, availabilityZone: network.availabilityZone, mapPublicIpOnLaunch: false, tags }, own,
    )
    const routes = new aws.ec2.RouteTable(name, { vpcId: network.vpcId, routes: [], tags }, own)
    new aws.ec2.RouteTableAssociation(name, { subnetId: subnet.id, routeTableId: routes.id }, own)
    const layers = new aws.ec2.VpcEndpoint(
      `${name}-s3`,
      {
        vpcId: network.vpcId, serviceName: `com.amazonaws.${place.region}.s3`, vpcEndpointType: 'Gateway',
        routeTableIds: [routes.id], policy: renderPolicy(layerEndpointPolicy(place)),
      },
      own,
    )
    const group = (what: string, description: string) =>
      new aws.ec2.SecurityGroup(`${name}-${what}`, { name: `holdfast-${what}`, description, vpcId: network.vpcId }, own)
    const tasks = group('examinations', 'Examinations: nothing comes in, out to the registry and the logs')
    const clients = group('hand-over', 'Whoever reads or writes what was restored')
    const files = group('files', 'What was restored')
    const lead = (what: string, from: aws.ec2.SecurityGroup, to: pulumi.Input<string>, port: number) => {
      const rule = { ipProtocol: 'tcp', fromPort: port, toPort: port }
      new aws.vpc.SecurityGroupEgressRule(`${name}-to-${what}`, { securityGroupId: from.id, referencedSecurityGroupId: to, ...rule }, own)
      new aws.vpc.SecurityGroupIngressRule(`${name}-into-${what}`, { securityGroupId: to, referencedSecurityGroupId: from.id, ...rule }, own)
    }
    lead('endpoints', tasks, network.endpointGroupId, 443)
    lead('files', clients, files.id, 2049)
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-to-layers`, { securityGroupId: tasks.id, prefixListId: layers.prefixListId, ipProtocol: 'tcp', fromPort: 443, toPort: 443 }, own,
    )
    this.subnetId = subnet.id
    this.taskGroupId = tasks.id
    this.clientGroupId = clients.id
    this.fileGroupId = files.id
    this.registerOutputs({})
  }
}
