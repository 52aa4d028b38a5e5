// The custodian's port to later ends of locks, on S3.
import { PutObjectRetentionCommand } from '@aws-sdk/client-s3'
import type { LockExtender } from '../core/store/custody.ts'
import type { LockMode, ObjectRef } from '../core/store/object-store.ts'
import type { S3Access } from './s3-access.ts'
import { S3Calls } from './s3-calls.ts'

export class S3LockExtender implements LockExtender {
  private readonly bucketName: string
  private readonly calls: S3Calls

  constructor(bucketName: string, { connection, credentials }: S3Access) {
    this.bucketName = bucketName
    this.calls = new S3Calls(connection, credentials)
  }

  async extendLock(
    { key, versionId }: ObjectRef,
    { mode, untilMs }: { mode: LockMode; untilMs: number },
  ): Promise<void> {
    const { bucketName, calls } = this
    const command = new PutObjectRetentionCommand({
      Bucket: bucketName,
      Key: key,
      VersionId: versionId,
      Retention: { Mode: mode, RetainUntilDate: new Date(untilMs) },
    })
    // The client for reads repeats a failed call, which is safe here: S3 never shortens a lock.
    await calls.read(`extending the lock of s3://${bucketName}/${key}`, () =>
      calls.connection.forReads.send(command, { abortSignal: calls.connection.deadline(0) }),
    )
  }
}
