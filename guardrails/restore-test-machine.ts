// The order in which restored data is examined, in Amazon States Language: what one task leaves, the next one finds, and whichever of
// them fails, nothing of it stays. Unless the run was stopped by hand, or emptying failed: then the next night's empties.

export const restoreTestSteps = ['empty', 'restore', 'examine', 'check'] as const
export type RestoreTestStep = (typeof restoreTestSteps)[number]

export interface StepTask {
  taskDefinitionArn: string
  subnetId: string
  securityGroupIds: readonly string[]
  /**
   * Afterwards the next step begins, and ECS is asked to stop the task, which AWS doesn't promise: a task needs an end of its own before.
   * @see https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync
   */
  timeoutSeconds: number
}

export interface RestoreTestMachine {
  clusterArn: string
  steps: Readonly<Record<RestoreTestStep, StepTask>>
}

/** How a container learns which run it is part of: what an earlier one answered is not taken for its answer. */
const runVariable = 'HOLDFAST_RUN'
export const containerName = 'holdfast'

/** A task that couldn't be started, for want of room, say. What has run is never run again: the next night is the next try. */
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
    // What ECS says of a task is of no use to the next one.
    ResultPath: null,
    Retry: [startRetry],
    ...(onFailure === undefined
      ? {}
      : { Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: onFailure }] }),
    ...next,
  })
  const afterFailure = 'EmptyAfterFailure'
  return {
    Comment: 'Restores the newest snapshot of a source and starts it, where it finds no role and no network',
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

/** The longest that all of it can take: no step is cut short by the machine itself, for then nobody would empty what is left. */
export function maxRestoreTestSeconds(
  steps: Readonly<Record<RestoreTestStep, Pick<StepTask, 'timeoutSeconds'>>>,
): number {
  const inOrder = [...restoreTestSteps, 'empty'] as const
  return inOrder.reduce((sum, step) => sum + steps[step].timeoutSeconds + retrySeconds, 0)
}
