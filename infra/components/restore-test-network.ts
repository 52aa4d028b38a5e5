// A second subnet in the network of checks, without a route to the vault, for tasks that start restored data.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { layerEndpointPolicy } from '../../guardrails/check-policies.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { restoreTestAddresses } from './check-network.ts'
import type { CheckNetwork } from './check-network.ts'

export class RestoreTestNetwork extends pulumi.ComponentResource {
  readonly subnetId: pulumi.Output<string>
  readonly taskGroupId: pulumi.Output<string>

  constructor(
    name: string,
    args: { location: VaultLocation; network: CheckNetwork },
    options: pulumi.ComponentResourceOptions,
  ) {
    super('holdfast:checks:ExaminationNetwork', name, {}, options)
    const { location, network } = args
    const childOptions = { parent: this }
    const tags = { Name: 'holdfast-examinations' }
    // The same zone as the other subnet, because the file system has its address there.
    const subnet = new aws.ec2.Subnet(
      name,
      {
        vpcId: network.vpcId,
        cidrBlock: restoreTestAddresses,
        availabilityZone: network.availabilityZone,
        mapPublicIpOnLaunch: false,
        tags,
      },
      childOptions,
    )
    const routes = new aws.ec2.RouteTable(name, { vpcId: network.vpcId, routes: [], tags }, childOptions)
    new aws.ec2.RouteTableAssociation(name, { subnetId: subnet.id, routeTableId: routes.id }, childOptions)
    const layers = new aws.ec2.VpcEndpoint(
      `${name}-s3`,
      {
        vpcId: network.vpcId,
        serviceName: `com.amazonaws.${location.region}.s3`,
        vpcEndpointType: 'Gateway',
        routeTableIds: [routes.id],
        policy: renderPolicy(layerEndpointPolicy(location)),
      },
      childOptions,
    )
    const tasks = new aws.ec2.SecurityGroup(
      `${name}-examinations`,
      {
        name: 'holdfast-examinations',
        description: 'Examinations: nothing comes in, out to the registry and the logs',
        vpcId: network.vpcId,
      },
      childOptions,
    )
    const https = { ipProtocol: 'tcp', fromPort: 443, toPort: 443 }
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-to-endpoints`,
      { securityGroupId: tasks.id, referencedSecurityGroupId: network.endpointGroupId, ...https },
      childOptions,
    )
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-into-endpoints`,
      { securityGroupId: network.endpointGroupId, referencedSecurityGroupId: tasks.id, ...https },
      childOptions,
    )
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-to-layers`,
      { securityGroupId: tasks.id, prefixListId: layers.prefixListId, ...https },
      childOptions,
    )
    this.subnetId = subnet.id
    this.taskGroupId = tasks.id
    this.registerOutputs({})
  }
}
