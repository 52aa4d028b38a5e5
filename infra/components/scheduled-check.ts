// One task for a source or a vault: a container with its own role, a schedule that starts it, and an alarm if no run
// passed for too long.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import {
  checkClusterArn,
  checkFamily,
  checkGroupName,
  checkLogGroupName,
  checkMetricName,
  checkQueueArn,
  checkRoleArn,
  schedulerRoleName,
} from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import type { TaskPlan } from '../../checks/check-plan.ts'
import { defineTask } from './check-task.ts'
import { alarmIfMissed } from './passed-checks.ts'

export interface ScheduledCheckArgs {
  location: VaultLocation
  plan: Omit<TaskPlan<never>, 'command'>
  /** Null for a task of the whole vault. */
  source: string | null
  command: pulumi.Input<string[]>
  image: string
  network: { subnetId: pulumi.Input<string>; taskGroupId: pulumi.Input<string> }
}

function scratchDisk(disk: ScheduledCheckArgs['plan']['disk']) {
  if (disk === undefined) return {}
  return {
    volumes: [{ name: 'scratch' }],
    mounts: [{ volume: 'scratch', path: disk.path, isReadOnly: false }],
    diskGib: disk.gib,
  }
}

export class ScheduledCheck extends pulumi.ComponentResource {
  constructor(name: string, args: ScheduledCheckArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:checks:ScheduledCheck', name, {}, options)
    const { location, plan, source, command, image } = args
    const family = checkFamily(plan.name, source)
    const task = defineTask(
      name,
      {
        location,
        family,
        image,
        entryPoint: ['holdfast'],
        command,
        duty: plan.duty,
        ...scratchDisk(plan.disk),
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
        name: source === null ? plan.name : `${plan.name}-${source}`,
        groupName: checkGroupName,
        description: plan.sentence,
        scheduleExpression: plan.schedule,
        scheduleExpressionTimezone: 'UTC',
        flexibleTimeWindow: { mode: 'FLEXIBLE', maximumWindowInMinutes: plan.windowMinutes },
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
    const subject = source === null ? plan.name : `${plan.name} of ${source}`
    alarmIfMissed(
      name,
      {
        location,
        alarmName: family,
        metricName: checkMetricName(plan.name),
        source,
        silenceHours: plan.silenceHours,
        alarmDescription: `No check ${subject} passed for ${plan.silenceHours} hours. Not confirmed: ${plan.sentence}.`,
      },
      { parent: this },
    )
    this.registerOutputs({})
  }
}
