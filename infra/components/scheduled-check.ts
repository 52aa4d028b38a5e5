// One check of one source: a container task with a role of its own, started by a schedule, and an alarm if none passed for too long.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import {
  alarmTopicArn, checkClusterArn, checkFamily, checkGroupName, checkLogGroupName, checkQueueArn, checkRoleArn, dutyRoleArn, schedulerRoleName, taskExecutionRoleName,
} from '../../guardrails/names.ts'
import type { CheckPlan } from '../check-plan.ts'
import type { VaultPlace } from '../../guardrails/names.ts'

export interface ScheduledCheckArgs {
  place: VaultPlace
  plan: CheckPlan
  source: string
  /** By digest: what runs is what was looked at. */
  image: string
  network: { subnetId: pulumi.Input<string>; taskGroupId: pulumi.Input<string> }
}

/** What passed checks are counted under. */
const metricNamespace = 'Holdfast/Checks'

export class ScheduledCheck extends pulumi.ComponentResource {
  constructor(name: string, args: ScheduledCheckArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:checks:ScheduledCheck', name, {}, options)
    const { place, plan, source } = args
    const called = checkFamily(plan.name, source)
    const task = new aws.ecs.TaskDefinition(
      name,
      {
        family: called,
        requiresCompatibilities: ['FARGATE'],
        networkMode: 'awsvpc',
        cpu: plan.cpu,
        memory: plan.memoryMiB,
        runtimePlatform: { operatingSystemFamily: 'LINUX', cpuArchitecture: 'X86_64' },
        executionRoleArn: checkRoleArn(place.accountId, taskExecutionRoleName),
        taskRoleArn: dutyRoleArn(place.accountId, plan.duty),
        containerDefinitions: JSON.stringify([containerOf(args)]),
      },
      { parent: this },
    )
    new aws.scheduler.Schedule(
      name,
      {
        // Within its group; 64 characters at most.
        name: `${plan.name}-${source}`,
        groupName: checkGroupName,
        description: plan.sentence,
        scheduleExpression: plan.schedule,
        scheduleExpressionTimezone: 'UTC',
        // Not all sources at once.
        flexibleTimeWindow: { mode: 'FLEXIBLE', maximumWindowInMinutes: 60 },
        target: {
          arn: checkClusterArn(place),
          roleArn: checkRoleArn(place.accountId, schedulerRoleName),
          ecsParameters: {
            taskDefinitionArn: task.arn,
            launchType: 'FARGATE',
            taskCount: 1,
            networkConfiguration: { subnets: [args.network.subnetId], securityGroups: [args.network.taskGroupId], assignPublicIp: false },
          },
          retryPolicy: { maximumRetryAttempts: 3, maximumEventAgeInSeconds: 3600 },
          deadLetterConfig: { arn: checkQueueArn(place) },
        },
      },
      { parent: this },
    )
    this.cryIfNonePassed(name, called, args)
    this.registerOutputs({})
  }

  private cryIfNonePassed(name: string, called: string, { place, plan, source }: ScheduledCheckArgs): void {
    const filter = new aws.cloudwatch.LogMetricFilter(
      name,
      {
        name: called, logGroupName: checkLogGroupName, pattern: plan.passed(source),
        metricTransformation: { namespace: metricNamespace, name: called, value: '1' },
      },
      { parent: this },
    )
    new aws.cloudwatch.MetricAlarm(
      name,
      {
        name: `${called}-missed`,
        alarmDescription: `No check ${plan.name} of ${source} passed for ${plan.silenceHours} hours. ${plan.sentence}: nobody knows.`,
        namespace: metricNamespace, metricName: called, statistic: 'Sum', period: 3600,
        evaluationPeriods: plan.silenceHours, datapointsToAlarm: plan.silenceHours,
        comparisonOperator: 'LessThanThreshold', threshold: 1, treatMissingData: 'breaching',
        alarmActions: [alarmTopicArn(place)], okActions: [alarmTopicArn(place)],
      },
      { parent: this, dependsOn: [filter] },
    )
  }
}

/** A container that may write nowhere and has no rights of its host: the task's role is all that it has. */
function containerOf({ place, plan, source, image }: ScheduledCheckArgs): Record<string, unknown> {
  return {
    name: 'holdfast',
    image,
    essential: true,
    entryPoint: ['holdfast'],
    command: plan.command(place, source),
    user: '65534:65534',
    readonlyRootFilesystem: true,
    linuxParameters: { initProcessEnabled: true, capabilities: { drop: ['ALL'] } },
    logConfiguration: {
      logDriver: 'awslogs',
      options: { 'awslogs-group': checkLogGroupName, 'awslogs-region': place.region, 'awslogs-stream-prefix': plan.name },
    },
  }
}
