import { describe, expect, it } from 'vitest'
import {
  restoreTestDefinition,
  maxRestoreTestSeconds,
  restoreTestSteps,
} from '../../guardrails/restore-test-machine.ts'
import type { RestoreTestStep, StepTask } from '../../guardrails/restore-test-machine.ts'
import { executionName, runStateMachine } from './state-machine.ts'

const stepTask = (step: string): StepTask => ({
  taskDefinitionArn: step,
  subnetId: `subnet-${step}`,
  securityGroupIds: [`sg-${step}`],
  timeoutSeconds: 600,
})
const steps = Object.fromEntries(restoreTestSteps.map((step) => [step, stepTask(step)])) as Record<
  RestoreTestStep,
  StepTask
>
const definition = restoreTestDefinition({ clusterArn: 'cluster', steps })

const failure = (name: string) => Object.assign(new Error('failed'), { name })

/** @param failing what the nth start of a step throws, if anything */
function run(
  failing: (step: string, nth: number) => string | undefined = () => undefined,
  clock = { nowMs: 0 },
) {
  const starts = new Map<string, number>()
  const { outcome, calls } = runStateMachine(
    definition,
    {},
    (_, parameters) => {
      const step = parameters['TaskDefinition'] as string
      starts.set(step, (starts.get(step) ?? 0) + 1)
      const error = failing(step, starts.get(step)!)
      if (error !== undefined) throw failure(error)
    },
    clock,
  )
  return { outcome, calls, order: calls.map(({ parameters }) => parameters['TaskDefinition']) }
}

describe('a restore test', () => {
  it('deletes the files of an earlier run, restores, tests, checks the result, and leaves no files', () => {
    expect(run()).toMatchObject({
      outcome: 'succeeded',
      order: ['empty', 'restore', 'examine', 'check', 'empty'],
    })
  })

  it('waits for each task to end, tells it which run it belongs to, and gives it its own network', () => {
    for (const { resource, parameters } of run().calls) {
      const step = parameters['TaskDefinition'] as string
      expect(resource).toBe('arn:aws:states:::ecs:runTask.sync')
      expect(parameters).toMatchObject({
        LaunchType: 'FARGATE',
        Cluster: 'cluster',
        NetworkConfiguration: {
          AwsvpcConfiguration: {
            Subnets: [`subnet-${step}`],
            SecurityGroups: [`sg-${step}`],
            AssignPublicIp: 'DISABLED',
          },
        },
        Overrides: {
          ContainerOverrides: [
            { Name: 'holdfast', Environment: [{ Name: 'HOLDFAST_RUN', Value: executionName }] },
          ],
        },
      })
    }
  })

  it.each([
    ['restore', ['empty', 'restore', 'empty']],
    ['examine', ['empty', 'restore', 'examine', 'empty']],
    ['check', ['empty', 'restore', 'examine', 'check', 'empty']],
  ])('fails if the step %s does, is not tried again, and leaves nothing either', (failing, order) => {
    for (const error of ['States.TaskFailed', 'States.Timeout'])
      expect(run((step) => (step === failing ? error : undefined))).toMatchObject({
        outcome: 'failed',
        order,
      })
  })

  it('does not restore into what it could not empty, and fails if it could not empty it afterwards', () => {
    expect(run((step) => (step === 'empty' ? 'States.TaskFailed' : undefined))).toMatchObject({
      outcome: 'failed',
      order: ['empty'],
    })
    expect(
      run((step, nth) => (step === 'empty' && nth === 2 ? 'States.TaskFailed' : undefined)).outcome,
    ).toBe('failed')
  })

  it('starts a task again that could not be started, twice at most', () => {
    const unavailable = 'ECS.AmazonECSException'
    expect(run((step, nth) => (step === 'restore' && nth < 3 ? unavailable : undefined))).toMatchObject({
      outcome: 'succeeded',
    })
    expect(run((step) => (step === 'restore' ? unavailable : undefined))).toMatchObject({
      outcome: 'failed',
      order: ['empty', 'restore', 'restore', 'restore', 'empty'],
    })
  })

  it('has time for all of its steps, each as late as it may be: its own end would leave what was restored', () => {
    const clock = { nowMs: 0 }
    const slow = (step: string, nth: number): string | undefined => {
      const isStart = step !== 'empty' ? nth % 3 !== 0 : nth !== 3 && nth !== 6
      if (isStart) return 'ECS.ServerException'
      clock.nowMs += steps[step as RestoreTestStep].timeoutSeconds * 1000
      return undefined
    }
    expect(run(slow, clock).outcome).toBe('succeeded')
    expect(clock.nowMs).toBe(maxRestoreTestSeconds(steps) * 1000)
  })

  it('has an end for every task', () => {
    const states = Object.values(
      (definition as { States: Record<string, { Type: string; TimeoutSeconds?: number }> }).States,
    )
    for (const { Type, TimeoutSeconds } of states)
      expect({ Type, isBounded: Type === 'Fail' || TimeoutSeconds === 600 }).toEqual({
        Type,
        isBounded: true,
      })
  })
})
