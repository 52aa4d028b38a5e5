// Attacks on production itself: on volumes and snapshots of two environments.
import {
  CreateSnapshotCommand,
  CreateTagsCommand,
  DeleteSnapshotCommand,
  DeleteTagsCommand,
  DeleteVolumeCommand,
} from '@aws-sdk/client-ec2'
import type { EC2Client } from '@aws-sdk/client-ec2'

export const environments = ['staging', 'production'] as const
export type Environment = (typeof environments)[number]

export interface Machine {
  volumeId: string
  snapshotId: string
}

export interface Ec2Attack {
  name: string
  description: string
  environment: Environment
  /** Whether the attack uses up its target, so that the next attempt needs another one. */
  consumes: boolean
  run(ec2: EC2Client, machine: Machine): Promise<unknown>
}

const destruction = (environment: Environment): Ec2Attack[] => [
  {
    name: `delete-${environment}-volume`,
    description: `delete a volume of ${environment}`,
    environment,
    consumes: true,
    run: (ec2, { volumeId }) => ec2.send(new DeleteVolumeCommand({ VolumeId: volumeId })),
  },
  {
    name: `delete-${environment}-snapshot`,
    description: `delete a snapshot of ${environment}`,
    environment,
    consumes: true,
    run: (ec2, { snapshotId }) => ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId })),
  },
]

const crossing: Ec2Attack[] = [
  {
    name: 'relabel-production-volume',
    description: 'label a volume of production as one of staging',
    environment: 'production',
    consumes: true,
    run: (ec2, { volumeId }) =>
      ec2.send(
        new CreateTagsCommand({ Resources: [volumeId], Tags: [{ Key: 'environment', Value: 'staging' }] }),
      ),
  },
  {
    name: 'unlabel-production-volume',
    description: 'drop the label of a volume of production',
    environment: 'production',
    consumes: true,
    run: (ec2, { volumeId }) =>
      ec2.send(new DeleteTagsCommand({ Resources: [volumeId], Tags: [{ Key: 'environment' }] })),
  },
  {
    name: 'copy-production-volume',
    description: 'copy a volume of production into a snapshot',
    environment: 'production',
    consumes: false,
    run: (ec2, { volumeId }) => ec2.send(new CreateSnapshotCommand({ VolumeId: volumeId })),
  },
]

export const ec2Attacks: readonly Ec2Attack[] = [...environments.flatMap(destruction), ...crossing]
