// What lies between the task that restores and the one that examines: a file system of one source, empty but for the hours of a run.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { handOverPolicy } from '../../guardrails/examination-policies.ts'
import { alarmTopicArn, examinationName } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { VaultPlace } from '../../guardrails/names.ts'
import { taskUser } from './check-task.ts'

const lowCreditBytes = 400 * 2 ** 30

export interface HandOverArgs {
  place: VaultPlace
  source: string
  vpcId: pulumi.Input<string>
  subnetId: pulumi.Input<string>
}

export class HandOver extends pulumi.ComponentResource {
  readonly parts: pulumi.Resource[]
  /** Of whoever may reach the file system, besides its own group. */
  readonly clientGroupId: pulumi.Output<string>
  private readonly fileSystem: aws.efs.FileSystem
  private readonly points: Record<'data' | 'answer', aws.efs.AccessPoint>

  constructor(name: string, args: HandOverArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:checks:HandOver', name, {}, options)
    const { place, source } = args
    const own = { parent: this }
    const tags = { Name: examinationName(source) }
    // Elastic would cost some $0.15 for each GB that is restored, every night.
    this.fileSystem = new aws.efs.FileSystem(name, { encrypted: true, throughputMode: 'bursting', tags }, own)
    const fileSystemId = this.fileSystem.id
    // Whoever comes through one is this user, whatever it says it is; and sees nothing above the point's directory.
    const user = { uid: taskUser, gid: taskUser }
    const point = (what: string) =>
      new aws.efs.AccessPoint(
        `${name}-${what}`,
        {
          fileSystemId,
          posixUser: user,
          tags,
          rootDirectory: {
            path: `/${what}`,
            creationInfo: { ownerUid: taskUser, ownerGid: taskUser, permissions: '0700' },
          },
        },
        own,
      )
    this.points = { data: point('data'), answer: point('answer') }
    const arns = pulumi.all([this.fileSystem.arn, this.points.data.arn, this.points.answer.arn])
    const { clients, files } = this.leadToFiles(name, args)
    this.clientGroupId = clients.id
    this.parts = [
      new aws.efs.FileSystemPolicy(
        name,
        {
          fileSystemId,
          policy: arns.apply(([fileSystem, data, answer]) =>
            renderPolicy(handOverPolicy(place.accountId, { fileSystem, data, answer })),
          ),
        },
        own,
      ),
      new aws.efs.MountTarget(
        name,
        { fileSystemId, subnetId: args.subnetId, securityGroups: [files.id] },
        own,
      ),
    ]
    this.cryBeforeSlow(name, args)
    this.registerOutputs({})
  }

  /** A pair of groups of this source alone: a task of another one finds nothing that answers. */
  private leadToFiles(
    name: string,
    { source, vpcId }: HandOverArgs,
  ): Record<'clients' | 'files', aws.ec2.SecurityGroup> {
    const own = { parent: this }
    const group = (what: string, description: string) =>
      new aws.ec2.SecurityGroup(
        `${name}-${what}`,
        { name: `holdfast-${what}-${source}`, description, vpcId },
        own,
      )
    const clients = group('hand-over', `Whoever reads or writes what was restored of ${source}`)
    const files = group('files', `What was restored of ${source}`)
    const nfs = { ipProtocol: 'tcp', fromPort: 2049, toPort: 2049 }
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-to-files`,
      { securityGroupId: clients.id, referencedSecurityGroupId: files.id, ...nfs },
      own,
    )
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-into-files`,
      { securityGroupId: files.id, referencedSecurityGroupId: clients.id, ...nfs },
      own,
    )
    return { clients, files }
  }

  /** What AWS gives it for nothing: 2 TiB to begin with, some 84 GiB a day; without, it is a hundred times slower, and no run ends in time. */
  private cryBeforeSlow(name: string, { place, source }: HandOverArgs): void {
    new aws.cloudwatch.MetricAlarm(
      `${name}-slow`,
      {
        name: `${examinationName(source)}-slow`,
        alarmDescription: `Examinations of ${source} move more than their file system is given credit for, and will soon not end in time: docs/aws.md says what to do.`,
        namespace: 'AWS/EFS',
        metricName: 'BurstCreditBalance',
        dimensions: { FileSystemId: this.fileSystem.id },
        statistic: 'Minimum',
        period: 3600,
        evaluationPeriods: 1,
        comparisonOperator: 'LessThanThreshold',
        threshold: lowCreditBytes,
        treatMissingData: 'notBreaching',
        alarmActions: [alarmTopicArn(place)],
      },
      { parent: this },
    )
  }

  /** As a task mounts it: saying whose role it has, or without one. */
  volume(what: 'data' | 'answer', hasRole: boolean): aws.types.input.ecs.TaskDefinitionVolume {
    return {
      name: what,
      efsVolumeConfiguration: {
        fileSystemId: this.fileSystem.id,
        transitEncryption: 'ENABLED',
        authorizationConfig: { accessPointId: this.points[what].id, iam: hasRole ? 'ENABLED' : 'DISABLED' },
      },
    }
  }
}
