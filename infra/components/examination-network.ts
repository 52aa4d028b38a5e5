// The part of the checks' network that doesn't lead to the vault.
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

  constructor(
    name: string,
    args: { place: VaultPlace; network: CheckNetwork },
    options: pulumi.ComponentResourceOptions,
  ) {
    super('holdfast:checks:ExaminationNetwork', name, {}, options)
    const { place, network } = args
    const own = { parent: this }
    const tags = { Name: 'holdfast-examinations' }
    // In the zone of the other one: a file system answers where it has an address.
    const subnet = new aws.ec2.Subnet(
      name,
      {
        vpcId: network.vpcId,
        cidrBlock: examinationAddresses,
        availabilityZone: network.availabilityZone,
        mapPublicIpOnLaunch: false,
        tags,
      },
      own,
    )
    const routes = new aws.ec2.RouteTable(name, { vpcId: network.vpcId, routes: [], tags }, own)
    new aws.ec2.RouteTableAssociation(name, { subnetId: subnet.id, routeTableId: routes.id }, own)
    const layers = new aws.ec2.VpcEndpoint(
      `${name}-s3`,
      {
        vpcId: network.vpcId,
        serviceName: `com.amazonaws.${place.region}.s3`,
        vpcEndpointType: 'Gateway',
        routeTableIds: [routes.id],
        policy: renderPolicy(layerEndpointPolicy(place)),
      },
      own,
    )
    const tasks = new aws.ec2.SecurityGroup(
      `${name}-examinations`,
      {
        name: 'holdfast-examinations',
        description: 'Examinations: nothing comes in, out to the registry and the logs',
        vpcId: network.vpcId,
      },
      own,
    )
    const https = { ipProtocol: 'tcp', fromPort: 443, toPort: 443 }
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-to-endpoints`,
      { securityGroupId: tasks.id, referencedSecurityGroupId: network.endpointGroupId, ...https },
      own,
    )
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-into-endpoints`,
      { securityGroupId: network.endpointGroupId, referencedSecurityGroupId: tasks.id, ...https },
      own,
    )
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-to-layers`,
      { securityGroupId: tasks.id, prefixListId: layers.prefixListId, ...https },
      own,
    )
    this.subnetId = subnet.id
    this.taskGroupId = tasks.id
    this.registerOutputs({})
  }
}
