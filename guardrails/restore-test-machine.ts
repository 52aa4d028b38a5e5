// The state machine of a restore test, in Amazon States Language. Each task works on the files of the task
// before it. After the last task, or after a failure, the file system is emptied. A run that was stopped by
// hand leaves files, which the next run removes.

export const restoreTestSteps = ['empty', 'restore', 'examine', 'check'] as const
export type RestoreTestStep = (typeof restoreTestSteps)[number]

export interface StepTask {
  taskDefinitionArn: string
  subnetId: string
  securityGroupIds: readonly string[]
  /**
   * The task has to end itself before this time. After it, the next step starts, and AWS doesn't guarantee
   * that ECS stops the task.
   * @see https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync
   */
  timeoutSeconds: number
}

export interface RestoreTestMachine {
  clusterArn: string
  steps: Readonly<Record<RestoreTestStep, StepTask>>
}

/**
 * Tells a container the id of its run, so that the check rejects a result that an earlier run left behind.
 */
const runVariable = 'HOLDFAST_RUN'
export const containerName = 'holdfast'

/**
 * Errors of tasks that never started, for example because AWS had no capacity. A task that has run is not
 * retried until the next night.
 */
const notStarted = ['AmazonECS.Unknown', 'ECS.AmazonECSException', 'ECS.ServerException']
const startRetry = { ErrorEquals: notStarted, IntervalSeconds: 60, MaxAttempts: 2, BackoffRate: 2 }
const retrySeconds = 60 + 120

/** @see https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html */
export function restoreTestDefinition({ clusterArn, steps }: RestoreTestMachine): Record<string, unknown> {
  const run = (
    { taskDefinitionArn, subnetId, securityGroupIds, timeoutSeconds }: StepTask,
    next: object,
    onFailure?: string,
  ) => ({
    Type: 'Task',
    Resource: 'arn:aws:states:::ecs:runTask.sync',
    TimeoutSeconds: timeoutSeconds,
    Parameters: {
      LaunchType: 'FARGATE',
      Cluster: clusterArn,
      TaskDefinition: taskDefinitionArn,
      NetworkConfiguration: {
        AwsvpcConfiguration: {
          Subnets: [subnetId],
          SecurityGroups: securityGroupIds,
          AssignPublicIp: 'DISABLED',
        },
      },
      Overrides: {
        ContainerOverrides: [
          { Name: containerName, Environment: [{ Name: runVariable, 'Value.$': '$$.Execution.Name' }] },
        ],
      },
    },
    // Dropped, because no later step uses ECS's description of the task.
    ResultPath: null,
    Retry: [startRetry],
    ...(onFailure === undefined
      ? {}
      : { Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: onFailure }] }),
    ...next,
  })
  const afterFailure = 'EmptyAfterFailure'
  return {
    Comment:
      'Restores the newest snapshot of a source, and starts it in a task without a role and without the internet',
    StartAt: 'Empty',
    TimeoutSeconds: maxRestoreTestSeconds(steps),
    States: {
      Empty: run(steps.empty, { Next: 'Restore' }),
      Restore: run(steps.restore, { Next: 'Examine' }, afterFailure),
      Examine: run(steps.examine, { Next: 'Check' }, afterFailure),
      Check: run(steps.check, { Next: 'EmptyAgain' }, afterFailure),
      EmptyAgain: run(steps.empty, { End: true }),
      [afterFailure]: run(steps.empty, { Next: 'Failed' }),
      Failed: { Type: 'Fail', Error: 'NotExamined', Cause: 'A step failed: the log of its task says why' },
    },
  }
}

/**
 * The maximum time of a run, with every step and retry. A shorter limit would abort the machine before it
 * empties the file system.
 */
export function maxRestoreTestSeconds(
  steps: Readonly<Record<RestoreTestStep, Pick<StepTask, 'timeoutSeconds'>>>,
): number {
  const inOrder = [...restoreTestSteps, 'empty'] as const
  return inOrder.reduce((sum, step) => sum + steps[step].timeoutSeconds + retrySeconds, 0)
}
