// The examination of one source: every night its newest snapshot is restored and started, where it finds no role and no network.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { examinationDefinition } from '../../guardrails/examination-machine.ts'
import type { ExaminationStep, StepTask } from '../../guardrails/examination-machine.ts'
import {
  checkClusterArn,
  checkLogGroupName,
  checkQueueArn,
  checkRoleArn,
  examinationFamily,
  examinationGroupName,
  examinationLogGroupName,
  examinationMachineArn,
  examinationMachineRoleName,
  examinationName,
  examinationStarterRoleName,
} from '../../guardrails/names.ts'
import type { VaultPlace } from '../../guardrails/names.ts'
import {
  examinationPassed,
  examinationPlan,
  examinationSchedule,
  examinationSilenceHours,
  mountPaths,
} from '../../checks/restore-test-plan.ts'
import type { Mount } from '../../checks/restore-test-plan.ts'
import type { CheckNetwork } from './check-network.ts'
import { defineTask } from './check-task.ts'
import type { ExaminationNetwork } from './examination-network.ts'
import { HandOver } from './hand-over.ts'
import { countPassed } from './passed-checks.ts'

export interface ExaminationArgs {
  place: VaultPlace
  source: string
  image: string
  network: CheckNetwork
  apart: ExaminationNetwork
}

/** As much as Fargate has; what isn't used costs cents. */
const diskGib = 200

export class Examination extends pulumi.ComponentResource {
  constructor(name: string, args: ExaminationArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:checks:Examination', name, {}, options)
    const { place, source, network } = args
    const own = { parent: this }
    const handOver = new HandOver(
      name,
      { place, source, vpcId: network.vpcId, subnetId: network.subnetId },
      own,
    )
    const step = (which: ExaminationStep) => this.defineStep(name, which, args, handOver)
    const definition = pulumi
      .all([step('empty'), step('restore'), step('examine'), step('check')])
      .apply(([empty, restore, examine, check]) =>
        JSON.stringify(
          examinationDefinition({
            clusterArn: checkClusterArn(place),
            steps: { empty, restore, examine, check },
          }),
        ),
      )
    const machine = new aws.sfn.StateMachine(
      name,
      {
        name: examinationName(source),
        roleArn: checkRoleArn(place.accountId, examinationMachineRoleName),
        definition,
      },
      { ...own, dependsOn: handOver.parts },
    )
    new aws.scheduler.Schedule(
      name,
      {
        name: source,
        groupName: examinationGroupName,
        description: 'What the newest snapshot holds comes up and gives every row',
        scheduleExpression: examinationSchedule,
        scheduleExpressionTimezone: 'UTC',
        flexibleTimeWindow: { mode: 'FLEXIBLE', maximumWindowInMinutes: 60 },
        target: {
          arn: examinationMachineArn(place, source),
          roleArn: checkRoleArn(place.accountId, examinationStarterRoleName),
          input: '{}',
          retryPolicy: { maximumRetryAttempts: 3, maximumEventAgeInSeconds: 3600 },
          deadLetterConfig: { arn: checkQueueArn(place) },
        },
      },
      { ...own, dependsOn: [machine] },
    )
    const missed = `No snapshot of ${source} was restored, started and read to the end for ${examinationSilenceHours} hours: whether one can be, nobody knows.`
    countPassed(
      name,
      {
        place,
        called: examinationName(source),
        pattern: examinationPassed(source),
        silenceHours: examinationSilenceHours,
        missed,
      },
      this,
    )
    this.registerOutputs({})
  }

  private defineStep(
    name: string,
    step: ExaminationStep,
    { place, source, image, network, apart }: ExaminationArgs,
    handOver: HandOver,
  ): pulumi.Output<StepTask> {
    const plan = examinationPlan[step]
    const mounts = Object.entries(plan.mounts) as [Mount, 'read' | 'write'][]
    const task = defineTask(
      `${name}-${step}`,
      {
        place,
        family: examinationFamily(step, source),
        image,
        entryPoint: plan.entryPoint,
        command: plan.command(place, source),
        duty: plan.duty,
        cpu: plan.cpu,
        memoryMiB: plan.memoryMiB,
        // What the examined data make it say is never counted.
        logGroup: step === 'examine' ? examinationLogGroupName : checkLogGroupName,
        logStream: step,
        volumes: mounts.map(([what]) =>
          what === 'scratch' ? { name: what } : handOver.volume(what, plan.duty !== null),
        ),
        mounts: mounts.map(([what, right]) => ({
          volume: what,
          path: mountPaths[what],
          isReadOnly: right === 'read',
        })),
        ...(plan.mounts.scratch === undefined ? {} : { diskGib }),
      },
      this,
    )
    const at = plan.isNearVault ? network : apart
    return pulumi
      .all([task.arn, at.subnetId, at.taskGroupId, handOver.clientGroupId])
      .apply(([taskDefinitionArn, subnetId, ...securityGroupIds]) => ({
        taskDefinitionArn,
        subnetId,
        securityGroupIds,
        timeoutSeconds: plan.timeoutSeconds,
      }))
  }
}
