// The task of a check: one container that may write nowhere but where it is told and has no rights of its host, started as a role of
// its own or as none.
import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import { containerName } from '../../guardrails/restore-test-machine.ts'
import { checkRoleArn, dutyRoleArn, taskExecutionRoleName } from '../../guardrails/names.ts'
import type { Duty, VaultLocation } from '../../guardrails/names.ts'

/** `nobody`, on every Linux. */
export const taskUser = 65_534

export interface CheckTask {
  location: VaultLocation
  family: string
  /** By digest: what runs is what was looked at. */
  image: string
  entryPoint: string[]
  command: string[]
  /** Null: no role, so that ECS sets no address at which a container finds credentials. */
  duty: Duty | null
  cpu: string
  memoryMiB: string
  logGroup: string
  logStream: string
  mounts?: { volume: string; path: string; isReadOnly: boolean }[]
  volumes?: pulumi.Input<aws.types.input.ecs.TaskDefinitionVolume>[]
  /** Of the task's own disk; 20 without. */
  diskGib?: number
}

export function defineTask(name: string, task: CheckTask, parent: pulumi.Resource): aws.ecs.TaskDefinition {
  const { location, duty, volumes, diskGib } = task
  return new aws.ecs.TaskDefinition(
    name,
    {
      family: task.family,
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: task.cpu,
      memory: task.memoryMiB,
      runtimePlatform: { operatingSystemFamily: 'LINUX', cpuArchitecture: 'X86_64' },
      executionRoleArn: checkRoleArn(location.accountId, taskExecutionRoleName),
      ...(duty === null ? {} : { taskRoleArn: dutyRoleArn(location.accountId, duty) }),
      ...(volumes === undefined ? {} : { volumes }),
      ...(diskGib === undefined ? {} : { ephemeralStorage: { sizeInGib: diskGib } }),
      containerDefinitions: JSON.stringify([containerOf(task)]),
      // A run that has begun names this revision until its end, whatever is deployed meanwhile.
      skipDestroy: true,
    },
    { parent },
  )
}

function containerOf({
  location,
  image,
  entryPoint,
  command,
  logGroup,
  logStream,
  mounts,
}: CheckTask): Record<string, unknown> {
  return {
    name: containerName,
    image,
    essential: true,
    entryPoint,
    command,
    user: `${taskUser}:${taskUser}`,
    readonlyRootFilesystem: true,
    linuxParameters: { initProcessEnabled: true, capabilities: { drop: ['ALL'] } },
    ...(mounts === undefined
      ? {}
      : {
          mountPoints: mounts.map(({ volume, path, isReadOnly }) => ({
            sourceVolume: volume,
            containerPath: path,
            readOnly: isReadOnly,
          })),
        }),
    logConfiguration: {
      logDriver: 'awslogs',
      options: {
        'awslogs-group': logGroup,
        'awslogs-region': location.region,
        'awslogs-stream-prefix': logStream,
      },
    },
  }
}
