// The network of checks: no way in, no internet; out of it lead S3, the registry and the logs of this region, and each lets through
// only what a check needs of the vault's own account.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import {
  logEndpointPolicy,
  registryEndpointPolicy,
  storageEndpointPolicy,
} from '../../guardrails/check-policies.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { VaultPlace } from '../../guardrails/names.ts'
import { NameFirewall } from './name-firewall.ts'

/** Connected to nothing, so that it can't collide with anything. */
const addresses = { all: '10.71.0.0/23', checks: '10.71.0.0/24', examinations: '10.71.1.0/24' }
export const examinationAddresses = addresses.examinations

export class CheckNetwork extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>
  readonly subnetId: pulumi.Output<string>
  readonly availabilityZone: pulumi.Output<string>
  readonly taskGroupId: pulumi.Output<string>
  readonly endpointGroupId: pulumi.Output<string>

  constructor(name: string, args: { place: VaultPlace }, options: pulumi.ComponentResourceOptions) {
    super('holdfast:checks:CheckNetwork', name, {}, options)
    const { place } = args
    const own = { parent: this }
    const tags = { Name: 'holdfast-checks' }
    const vpc = new aws.ec2.Vpc(
      name,
      { cidrBlock: addresses.all, enableDnsSupport: true, enableDnsHostnames: true, tags },
      own,
    )
    // Every resource that names no group would be in this one: without rules it reaches nothing.
    new aws.ec2.DefaultSecurityGroup(name, { vpcId: vpc.id, ingress: [], egress: [] }, own)
    // In which zone is AWS's choice. A check that a lost zone prevents is missed, and that wakes somebody.
    const subnet = new aws.ec2.Subnet(
      name,
      { vpcId: vpc.id, cidrBlock: addresses.checks, mapPublicIpOnLaunch: false, tags },
      own,
    )
    const group = (what: string, description: string) =>
      new aws.ec2.SecurityGroup(
        `${name}-${what}`,
        { name: `holdfast-${what}`, description, vpcId: vpc.id },
        own,
      )
    const tasks = group('tasks', 'Checks: nothing comes in, out to the endpoints alone')
    const endpoints = group('endpoints', 'Registry and logs, for checks')
    const storage = new aws.ec2.VpcEndpoint(
      `${name}-s3`,
      {
        vpcId: vpc.id,
        serviceName: `com.amazonaws.${place.region}.s3`,
        vpcEndpointType: 'Gateway',
        routeTableIds: [vpc.mainRouteTableId],
        policy: renderPolicy(storageEndpointPolicy(place)),
      },
      own,
    )
    const services = {
      'ecr.api': registryEndpointPolicy(place),
      'ecr.dkr': registryEndpointPolicy(place),
      logs: logEndpointPolicy(place),
    }
    for (const [service, policy] of Object.entries(services)) {
      new aws.ec2.VpcEndpoint(
        `${name}-${service}`,
        {
          vpcId: vpc.id,
          serviceName: `com.amazonaws.${place.region}.${service}`,
          vpcEndpointType: 'Interface',
          privateDnsEnabled: true,
          subnetIds: [subnet.id],
          securityGroupIds: [endpoints.id],
          policy: renderPolicy(policy),
        },
        own,
      )
    }
    const https = { ipProtocol: 'tcp', fromPort: 443, toPort: 443 }
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-to-endpoints`,
      { securityGroupId: tasks.id, referencedSecurityGroupId: endpoints.id, ...https },
      own,
    )
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-to-s3`,
      { securityGroupId: tasks.id, prefixListId: storage.prefixListId, ...https },
      own,
    )
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-from-tasks`,
      { securityGroupId: endpoints.id, referencedSecurityGroupId: tasks.id, ...https },
      own,
    )
    new NameFirewall(name, { vpcId: vpc.id, region: place.region }, own)
    this.vpcId = vpc.id
    this.subnetId = subnet.id
    this.availabilityZone = subnet.availabilityZone
    this.taskGroupId = tasks.id
    this.endpointGroupId = endpoints.id
    this.registerOutputs({})
  }
}
