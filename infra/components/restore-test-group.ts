// Shared resources of a region's restore tests: the group of their schedules, and the alarm on failures.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { alarmTopicArn, restoreTestGroupName, restoreTestMachineArn } from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

export class RestoreTestGroup extends pulumi.ComponentResource {
  readonly parts: pulumi.Resource[]

  constructor(name: string, args: { location: VaultLocation }, options: pulumi.ComponentResourceOptions) {
    super('holdfast:checks:ExaminationPlace', name, {}, options)
    const { location } = args
    const childOptions = { parent: this }
    this.parts = [new aws.scheduler.ScheduleGroup(name, { name: restoreTestGroupName }, childOptions)]
    // Watches the state machine, not its tasks. So it also fires if a task can't start, a permission is missing,
    // or a person stops the run.
    const ruleName = 'holdfast-examination-failed'
    const pattern = {
      source: ['aws.states'],
      'detail-type': ['Step Functions Execution Status Change'],
      detail: {
        status: ['FAILED', 'TIMED_OUT', 'ABORTED'],
        stateMachineArn: [{ prefix: restoreTestMachineArn(location, '') }],
      },
    }
    const rule = new aws.cloudwatch.EventRule(
      name,
      {
        name: ruleName,
        description: 'A restore test failed',
        eventPattern: JSON.stringify(pattern),
      },
      childOptions,
    )
    new aws.cloudwatch.EventTarget(
      name,
      {
        rule: ruleName,
        targetId: 'topic',
        arn: alarmTopicArn(location),
        inputTransformer: {
          inputPaths: { run: '$.detail.executionArn', status: '$.detail.status', time: '$.time' },
          inputTemplate: JSON.stringify(
            'A restore test failed at <time>: <status>. The run <run> shows the failed step, and the log of its task shows the reason.',
          ),
        },
      },
      { ...childOptions, dependsOn: [rule] },
    )
    this.registerOutputs({})
  }
}
