// The restore test of one source: every night, a state machine restores the newest snapshot and starts it,
// without a role and internet.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { restoreTestDefinition } from '../../guardrails/restore-test-machine.ts'
import type { RestoreTestStep, StepTask } from '../../guardrails/restore-test-machine.ts'
import {
  checkClusterArn,
  checkLogGroupName,
  checkQueueArn,
  checkRoleArn,
  restoreTestFamily,
  restoreTestGroupName,
  restoreTestLogGroupName,
  restoreTestMachineArn,
  restoreTestMachineRoleName,
  restoreTestName,
  restoreTestStarterRoleName,
} from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import {
  restoreTestPassedFilter,
  restoreTestPlan,
  restoreTestSchedule,
  restoreTestSilenceHours,
  mountPaths,
} from '../../checks/restore-test-plan.ts'
import type { Mount } from '../../checks/restore-test-plan.ts'
import type { CheckNetwork } from './check-network.ts'
import { defineTask } from './check-task.ts'
import type { RestoreTestNetwork } from './restore-test-network.ts'
import { HandOver } from './hand-over.ts'
import { alarmIfMissed, countPassedRuns } from './passed-checks.ts'

export interface RestoreTestArgs {
  location: VaultLocation
  source: string
  image: string
  network: CheckNetwork
  isolatedNetwork: RestoreTestNetwork
}

/** The maximum of Fargate, because unused space costs only cents. */
const diskGib = 200

export class RestoreTest extends pulumi.ComponentResource {
  constructor(name: string, args: RestoreTestArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:checks:Examination', name, {}, options)
    const { location, source, network } = args
    const childOptions = { parent: this }
    const handOver = new HandOver(
      name,
      { location, source, vpcId: network.vpcId, subnetId: network.subnetId },
      childOptions,
    )
    const step = (stepName: RestoreTestStep) => this.defineStep(name, stepName, args, handOver)
    const definition = pulumi
      .all([step('empty'), step('restore'), step('examine'), step('check')])
      .apply(([empty, restore, examine, check]) =>
        JSON.stringify(
          restoreTestDefinition({
            clusterArn: checkClusterArn(location),
            steps: { empty, restore, examine, check },
          }),
        ),
      )
    const machine = new aws.sfn.StateMachine(
      name,
      {
        name: restoreTestName(source),
        roleArn: checkRoleArn(location.accountId, restoreTestMachineRoleName),
        definition,
      },
      { ...childOptions, dependsOn: handOver.parts },
    )
    new aws.scheduler.Schedule(
      name,
      {
        name: source,
        groupName: restoreTestGroupName,
        description: 'The newest snapshot starts, and every row can be read',
        scheduleExpression: restoreTestSchedule,
        scheduleExpressionTimezone: 'UTC',
        flexibleTimeWindow: { mode: 'FLEXIBLE', maximumWindowInMinutes: 60 },
        target: {
          arn: restoreTestMachineArn(location, source),
          roleArn: checkRoleArn(location.accountId, restoreTestStarterRoleName),
          input: '{}',
          retryPolicy: { maximumRetryAttempts: 3, maximumEventAgeInSeconds: 3600 },
          deadLetterConfig: { arn: checkQueueArn(location) },
        },
      },
      { ...childOptions, dependsOn: [machine] },
    )
    const alarmDescription = `No restore test of ${source} passed for ${restoreTestSilenceHours} hours, so no test shows that a snapshot can be restored and started.`
    const metricName = restoreTestName(source)
    const pattern = restoreTestPassedFilter(source)
    const filter = countPassedRuns(name, { metricName, pattern, isBySource: false }, childOptions)
    alarmIfMissed(
      name,
      {
        location,
        alarmName: metricName,
        metricName,
        source: null,
        silenceHours: restoreTestSilenceHours,
        alarmDescription,
      },
      { ...childOptions, dependsOn: [filter] },
    )
    this.registerOutputs({})
  }

  private defineStep(
    name: string,
    step: RestoreTestStep,
    { location, source, image, network, isolatedNetwork: isolatedNetwork }: RestoreTestArgs,
    handOver: HandOver,
  ): pulumi.Output<StepTask> {
    const plan = restoreTestPlan[step]
    const mounts = Object.entries(plan.mounts) as [Mount, 'read' | 'write'][]
    const task = defineTask(
      `${name}-${step}`,
      {
        location,
        family: restoreTestFamily(step, source),
        image,
        entryPoint: plan.entryPoint,
        command: plan.command(location, source),
        duty: plan.duty,
        cpu: plan.cpu,
        memoryMiB: plan.memoryMiB,
        // A separate log group, which no metric counts, because restored data can forge log lines.
        logGroup: step === 'examine' ? restoreTestLogGroupName : checkLogGroupName,
        logStream: step,
        volumes: mounts.map(([volume]) =>
          volume === 'scratch' ? { name: volume } : handOver.volume(volume, plan.duty !== null),
        ),
        mounts: mounts.map(([volume, right]) => ({
          volume,
          path: mountPaths[volume],
          isReadOnly: right === 'read',
        })),
        ...(plan.mounts.scratch === undefined ? {} : { diskGib }),
      },
      this,
    )
    const at = plan.isNearVault ? network : isolatedNetwork
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
