// The file system of one source that hands restored files from the restoring task to the testing task. It is
// empty between runs.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { handOverPolicy } from '../../guardrails/restore-test-policies.ts'
import { alarmTopicArn, restoreTestName } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { taskUser } from './check-task.ts'

const lowCreditBytes = 400 * 2 ** 30

export interface HandOverArgs {
  location: VaultLocation
  source: string
  vpcId: pulumi.Input<string>
  subnetId: pulumi.Input<string>
}

export class HandOver extends pulumi.ComponentResource {
  readonly parts: pulumi.Resource[]
  /** Security group of the tasks that may reach the file system. */
  readonly clientGroupId: pulumi.Output<string>
  private readonly fileSystem: aws.efs.FileSystem
  private readonly accessPoints: Record<'data' | 'answer', aws.efs.AccessPoint>

  constructor(name: string, args: HandOverArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:checks:HandOver', name, {}, options)
    const { location, source } = args
    const childOptions = { parent: this }
    const tags = { Name: restoreTestName(source) }
    // Not elastic throughput, which would cost about $0.15 for each restored GB, every night.
    this.fileSystem = new aws.efs.FileSystem(
      name,
      { encrypted: true, throughputMode: 'bursting', tags },
      childOptions,
    )
    const fileSystemId = this.fileSystem.id
    // An access point maps every client to this user, and shows only the directory of the point.
    const user = { uid: taskUser, gid: taskUser }
    const point = (pointName: string) =>
      new aws.efs.AccessPoint(
        `${name}-${pointName}`,
        {
          fileSystemId,
          posixUser: user,
          tags,
          rootDirectory: {
            path: `/${pointName}`,
            creationInfo: { ownerUid: taskUser, ownerGid: taskUser, permissions: '0700' },
          },
        },
        childOptions,
      )
    this.accessPoints = { data: point('data'), answer: point('answer') }
    const arns = pulumi.all([this.fileSystem.arn, this.accessPoints.data.arn, this.accessPoints.answer.arn])
    const { clients, files } = this.connectClients(name, args)
    this.clientGroupId = clients.id
    this.parts = [
      new aws.efs.FileSystemPolicy(
        name,
        {
          fileSystemId,
          policy: arns.apply(([fileSystem, data, answer]) =>
            renderPolicy(handOverPolicy(location.accountId, { fileSystem, data, answer })),
          ),
        },
        childOptions,
      ),
      new aws.efs.MountTarget(
        name,
        { fileSystemId, subnetId: args.subnetId, securityGroups: [files.id] },
        childOptions,
      ),
    ]
    this.alarmBeforeSlow(name, args)
    this.registerOutputs({})
  }

  /** A pair of security groups for this source alone, so that tasks of another source can't connect. */
  private connectClients(
    name: string,
    { source, vpcId }: HandOverArgs,
  ): Record<'clients' | 'files', aws.ec2.SecurityGroup> {
    const childOptions = { parent: this }
    const group = (groupName: string, description: string) =>
      new aws.ec2.SecurityGroup(
        `${name}-${groupName}`,
        { name: `holdfast-${groupName}-${source}`, description, vpcId },
        childOptions,
      )
    const clients = group('hand-over', `Whoever reads or writes what was restored of ${source}`)
    const files = group('files', `What was restored of ${source}`)
    const nfs = { ipProtocol: 'tcp', fromPort: 2049, toPort: 2049 }
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-to-files`,
      { securityGroupId: clients.id, referencedSecurityGroupId: files.id, ...nfs },
      childOptions,
    )
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-into-files`,
      { securityGroupId: files.id, referencedSecurityGroupId: clients.id, ...nfs },
      childOptions,
    )
    return { clients, files }
  }

  /**
   * AWS grants 2 TiB of burst credit at first, then about 84 GiB a day. Without credit the file system is a
   * hundred times slower, and a run times out.
   */
  private alarmBeforeSlow(name: string, { location, source }: HandOverArgs): void {
    new aws.cloudwatch.MetricAlarm(
      `${name}-slow`,
      {
        name: `${restoreTestName(source)}-slow`,
        alarmDescription: `Restore tests of ${source} use up the burst credit of their file system, and will soon time out: see docs/aws.md.`,
        namespace: 'AWS/EFS',
        metricName: 'BurstCreditBalance',
        dimensions: { FileSystemId: this.fileSystem.id },
        statistic: 'Minimum',
        period: 3600,
        evaluationPeriods: 1,
        comparisonOperator: 'LessThanThreshold',
        threshold: lowCreditBytes,
        treatMissingData: 'notBreaching',
        alarmActions: [alarmTopicArn(location)],
      },
      { parent: this },
    )
  }

  /**
   * The volume for a task definition. With a role, EFS checks the role's identity; without one, the client is
   * anonymous.
   */
  volume(volumeName: 'data' | 'answer', hasRole: boolean): aws.types.input.ecs.TaskDefinitionVolume {
    return {
      name: volumeName,
      efsVolumeConfiguration: {
        fileSystemId: this.fileSystem.id,
        transitEncryption: 'ENABLED',
        authorizationConfig: {
          accessPointId: this.accessPoints[volumeName].id,
          iam: hasRole ? 'ENABLED' : 'DISABLED',
        },
      },
    }
  }
}
