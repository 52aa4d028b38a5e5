// The network of checks. It has no internet and accepts no connections. Endpoints lead to S3, the image registry, the
// logs and the keys of the region, and their policies admit only the vault's own account.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import {
  keyEndpointPolicy,
  logEndpointPolicy,
  registryEndpointPolicy,
  storageEndpointPolicy,
} from '../../guardrails/check-policies.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { NameFirewall } from './name-firewall.ts'

/** Any private range works, because the network is connected to no other network. */
const addresses = { all: '10.71.0.0/23', checks: '10.71.0.0/24', examinations: '10.71.1.0/24' }
export const restoreTestAddresses = addresses.examinations

export class CheckNetwork extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>
  readonly subnetId: pulumi.Output<string>
  readonly availabilityZone: pulumi.Output<string>
  readonly taskGroupId: pulumi.Output<string>
  readonly endpointGroupId: pulumi.Output<string>

  constructor(name: string, args: { location: VaultLocation }, options: pulumi.ComponentResourceOptions) {
    super('holdfast:checks:CheckNetwork', name, {}, options)
    const { location } = args
    const childOptions = { parent: this }
    const tags = { Name: 'holdfast-checks' }
    const vpc = new aws.ec2.Vpc(
      name,
      { cidrBlock: addresses.all, enableDnsSupport: true, enableDnsHostnames: true, tags },
      childOptions,
    )
    // A resource that names no group gets this one. It has no rules, so such a resource reaches nothing.
    new aws.ec2.DefaultSecurityGroup(name, { vpcId: vpc.id, ingress: [], egress: [] }, childOptions)
    // AWS chooses the zone. If the zone fails, the check is missed and its alarm fires.
    const subnet = new aws.ec2.Subnet(
      name,
      { vpcId: vpc.id, cidrBlock: addresses.checks, mapPublicIpOnLaunch: false, tags },
      childOptions,
    )
    const group = (groupName: string, description: string) =>
      new aws.ec2.SecurityGroup(
        `${name}-${groupName}`,
        { name: `holdfast-${groupName}`, description, vpcId: vpc.id },
        childOptions,
      )
    const tasks = group('tasks', 'Checks: nothing comes in, out to the endpoints alone')
    const endpoints = group('endpoints', 'Registry and logs, for checks')
    const storage = this.createStorageEndpoint(name, location, vpc)
    this.createServiceEndpoints(name, location, { vpcId: vpc.id, subnetId: subnet.id, groupId: endpoints.id })
    this.allowTasksOut(name, { tasks: tasks.id, endpoints: endpoints.id, storage: storage.prefixListId })
    new NameFirewall(name, { vpcId: vpc.id, region: location.region }, childOptions)
    this.vpcId = vpc.id
    this.subnetId = subnet.id
    this.availabilityZone = subnet.availabilityZone
    this.taskGroupId = tasks.id
    this.endpointGroupId = endpoints.id
    this.registerOutputs({})
  }

  private createStorageEndpoint(
    name: string,
    location: VaultLocation,
    vpc: aws.ec2.Vpc,
  ): aws.ec2.VpcEndpoint {
    return new aws.ec2.VpcEndpoint(
      `${name}-s3`,
      {
        vpcId: vpc.id,
        serviceName: `com.amazonaws.${location.region}.s3`,
        vpcEndpointType: 'Gateway',
        routeTableIds: [vpc.mainRouteTableId],
        policy: renderPolicy(storageEndpointPolicy(location)),
      },
      { parent: this },
    )
  }

  /** Endpoints of the image registry, of the logs, and of the keys with which the notary signs. */
  private createServiceEndpoints(
    name: string,
    location: VaultLocation,
    { vpcId, subnetId, groupId }: Record<'vpcId' | 'subnetId' | 'groupId', pulumi.Output<string>>,
  ): void {
    const services = {
      'ecr.api': registryEndpointPolicy(location),
      'ecr.dkr': registryEndpointPolicy(location),
      logs: logEndpointPolicy(location),
      kms: keyEndpointPolicy(location),
    }
    for (const [service, policy] of Object.entries(services)) {
      new aws.ec2.VpcEndpoint(
        `${name}-${service}`,
        {
          vpcId,
          serviceName: `com.amazonaws.${location.region}.${service}`,
          vpcEndpointType: 'Interface',
          privateDnsEnabled: true,
          subnetIds: [subnetId],
          securityGroupIds: [groupId],
          policy: renderPolicy(policy),
        },
        { parent: this },
      )
    }
  }

  /** Tasks may open HTTPS connections to the endpoints and to S3, and to nothing else. */
  private allowTasksOut(
    name: string,
    { tasks, endpoints, storage }: Record<'tasks' | 'endpoints' | 'storage', pulumi.Output<string>>,
  ): void {
    const https = { ipProtocol: 'tcp', fromPort: 443, toPort: 443 }
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-to-endpoints`,
      { securityGroupId: tasks, referencedSecurityGroupId: endpoints, ...https },
      { parent: this },
    )
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-to-s3`,
      { securityGroupId: tasks, prefixListId: storage, ...https },
      { parent: this },
    )
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-from-tasks`,
      { securityGroupId: endpoints, referencedSecurityGroupId: tasks, ...https },
      { parent: this },
    )
  }
}
