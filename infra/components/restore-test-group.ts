// What all examinations of a region share: their schedules' group, and who is told if one fails.
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
    // Also if no task failed: one that could not be started, a right that is missing, somebody who stopped it.
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
        description: 'Restored data could not be examined',
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
            'What was restored could not be examined, at <time>: <status>. The run <run> says which step failed, and the log of its task why.',
          ),
        },
      },
      { ...childOptions, dependsOn: [rule] },
    )
    this.registerOutputs({})
  }
}
