// The task definition of a check: one container with a read-only root file system and no Linux capabilities,
// and with its own role or no role.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { containerName } from '../../guardrails/restore-test-machine.ts'
import { checkRoleArn, taskExecutionRoleName, taskRoleArn } from '../../guardrails/names.ts'
import type { TaskRole, VaultLocation } from '../../guardrails/names.ts'

/** The unprivileged user id 65534 of every Linux. */
export const taskUser = 65_534

export interface CheckTask {
  location: VaultLocation
  family: string
  /** Named by digest, so that the reviewed image is the one that runs. */
  image: string
  entryPoint: string[]
  command: pulumi.Input<string[]>
  /** Null: no role, so the container gets no address for credentials from ECS. */
  duty: TaskRole | null
  cpu: string
  memoryMiB: string
  logGroup: string
  logStream: string
  mounts?: { volume: string; path: string; isReadOnly: boolean }[]
  volumes?: pulumi.Input<aws.types.input.ecs.TaskDefinitionVolume>[]
  /** Size of the task's own disk. 20 if omitted. */
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
      ...(duty === null ? {} : { taskRoleArn: taskRoleArn(location.accountId, duty) }),
      ...(volumes === undefined ? {} : { volumes }),
      ...(diskGib === undefined ? {} : { ephemeralStorage: { sizeInGib: diskGib } }),
      containerDefinitions: pulumi
        .output(task.command)
        .apply((command) => JSON.stringify([containerOf({ ...task, command })])),
      // Old revisions stay, because a running state machine still uses its revision after a deployment.
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
