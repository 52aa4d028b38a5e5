// One check of one source: a container task with its own role, a schedule that starts it, and an alarm if
// none passed for too long.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import {
  checkClusterArn,
  checkFamily,
  checkGroupName,
  checkLogGroupName,
  checkQueueArn,
  checkRoleArn,
  schedulerRoleName,
} from '../../guardrails/names.ts'
import type { CheckPlan } from '../../checks/check-plan.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { defineTask } from './check-task.ts'
import { countPassedChecks } from './passed-checks.ts'

export interface ScheduledCheckArgs {
  location: VaultLocation
  plan: CheckPlan
  source: string
  image: string
  network: { subnetId: pulumi.Input<string>; taskGroupId: pulumi.Input<string> }
}

export class ScheduledCheck extends pulumi.ComponentResource {
  constructor(name: string, args: ScheduledCheckArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:checks:ScheduledCheck', name, {}, options)
    const { location, plan, source, image } = args
    const family = checkFamily(plan.name, source)
    const task = defineTask(
      name,
      {
        location,
        family,
        image,
        entryPoint: ['holdfast'],
        command: plan.command(location, source),
        duty: plan.duty,
        cpu: plan.cpu,
        memoryMiB: plan.memoryMiB,
        logGroup: checkLogGroupName,
        logStream: plan.name,
      },
      this,
    )
    new aws.scheduler.Schedule(
      name,
      {
        // Unique within its schedule group. AWS allows 64 characters.
        name: `${plan.name}-${source}`,
        groupName: checkGroupName,
        description: plan.sentence,
        scheduleExpression: plan.schedule,
        scheduleExpressionTimezone: 'UTC',
        // A window, so that not all sources start at once.
        flexibleTimeWindow: { mode: 'FLEXIBLE', maximumWindowInMinutes: 60 },
        target: {
          arn: checkClusterArn(location),
          roleArn: checkRoleArn(location.accountId, schedulerRoleName),
          ecsParameters: {
            taskDefinitionArn: task.arn,
            launchType: 'FARGATE',
            taskCount: 1,
            networkConfiguration: {
              subnets: [args.network.subnetId],
              securityGroups: [args.network.taskGroupId],
              assignPublicIp: false,
            },
          },
          retryPolicy: { maximumRetryAttempts: 3, maximumEventAgeInSeconds: 3600 },
          deadLetterConfig: { arn: checkQueueArn(location) },
        },
      },
      { parent: this },
    )
    const alarmDescription = `No check ${plan.name} of ${source} passed for ${plan.silenceHours} hours. Not confirmed: ${plan.sentence}.`
    countPassedChecks(
      name,
      {
        location,
        metricName: family,
        pattern: plan.passedFilter(source),
        silenceHours: plan.silenceHours,
        alarmDescription,
      },
      this,
    )
    this.registerOutputs({})
  }
}
