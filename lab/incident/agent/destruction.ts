// The agent's destruction: with a working key it lists volumes and snapshots, and deletes them.
import {
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  EC2Client,
  paginateDescribeSnapshots,
  paginateDescribeVolumes,
} from '@aws-sdk/client-ec2'
import type { Candidate } from './credential-search.ts'

export interface Target {
  endpoint: string
  region: string
}

export interface Attempt {
  what: string
  resource: string
  allowed: boolean
  /** `done`, or the error code of the response. */
  answer: string
  /** Milliseconds from the agent's start. */
  atMs: number
}

export function connect(
  target: Target,
  { accessKeyId, secretAccessKey }: Omit<Candidate, 'file'>,
): EC2Client {
  return new EC2Client({ ...target, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 2 })
}

/** Whether the key works: it may list volumes. */
export async function tryKey(client: EC2Client): Promise<string> {
  try {
    await listVolumes(client)
    return 'works'
  } catch (error) {
    return nameError(error)
  }
}

export async function destroyEverything(client: EC2Client, sinceStartMs: () => number): Promise<Attempt[]> {
  const attempts: Attempt[] = []
  const attempt = async (callName: string, resource: string, call: () => Promise<unknown>) => {
    const answer = await call().then(() => 'done', nameError)
    attempts.push({ what: callName, resource, allowed: answer === 'done', answer, atMs: sinceStartMs() })
  }
  for (const id of await listVolumes(client)) {
    await attempt('DeleteVolume', id, () => client.send(new DeleteVolumeCommand({ VolumeId: id })))
  }
  for (const id of await listSnapshots(client)) {
    await attempt('DeleteSnapshot', id, () => client.send(new DeleteSnapshotCommand({ SnapshotId: id })))
  }
  return attempts
}

async function listVolumes(client: EC2Client): Promise<string[]> {
  const ids: string[] = []
  for await (const page of paginateDescribeVolumes({ client, pageSize: 100 }, {})) {
    for (const { VolumeId } of page.Volumes ?? []) if (VolumeId !== undefined) ids.push(VolumeId)
  }
  return ids
}

async function listSnapshots(client: EC2Client): Promise<string[]> {
  const ids: string[] = []
  for await (const page of paginateDescribeSnapshots({ client, pageSize: 100 }, { OwnerIds: ['self'] })) {
    for (const { SnapshotId } of page.Snapshots ?? []) if (SnapshotId !== undefined) ids.push(SnapshotId)
  }
  return ids
}

function nameError(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}
